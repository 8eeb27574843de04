from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from wellposed.errors import ParameterError
from wellposed_mri import MultiCoilMRI, SPIRiT, ZeroFilled, centred_fft, centred_ifft
from wellposed_mri.reconstruction.patches import apply_pixelwise, correlation, pixel_matrices
from wellposed_mri.reconstruction.spirit import calibrated


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


def randc(*shape, seed=0):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


def convolution(kernels, k):
    """Σ_{b,d} kernels[a, b, d]·k[b, · + d], cyclically, by rolling."""
    out, half = np.zeros_like(k), kernels.shape[-1] // 2
    for a, b in itertools.product(range(len(k)), repeat=2):
        for i, j in itertools.product(range(kernels.shape[2]), repeat=2):
            out[a] += kernels[a, b, i, j] * np.roll(k[b], (half - i, half - j), (0, 1))
    return out


@pytest.mark.parametrize("shape", [(8, 9), (7, 6)])
def test_pixel_matrices_are_convolution_in_kspace(shape):
    kernels, k = randc(2, 2, 3, 3), randc(2, *shape, seed=1)
    images = apply_pixelwise(pixel_matrices(kernels, shape)[None], centred_ifft(k)[None])
    want = convolution(kernels.numpy(), k.numpy())
    np.testing.assert_allclose(centred_fft(images)[0].numpy(), want, atol=1e-12)


def test_kernels_are_those_of_plain_least_squares():
    block = randc(2, 9, 8)
    kernels = calibrated(correlation(block, (1, 1)), 0.0).reshape(2, 2, 9)
    patches = block.unfold(1, 3, 1).unfold(2, 3, 1).reshape(2, -1, 9).movedim(0, 1).numpy()
    rows = patches.reshape(len(patches), 18)
    for coil in range(2):
        middle = 9 * coil + 4
        others = [i for i in range(18) if i != middle]
        want = np.linalg.lstsq(rows[:, others], rows[:, middle], rcond=None)[0]
        found = kernels[coil].flatten().numpy()
        np.testing.assert_allclose(found[others], want, rtol=1e-8)
        assert found[middle] == pytest.approx(-1)


def test_missing_samples_are_those_of_dense_least_squares():
    kspace = randc(2, 8, 7)
    sampled = torch.ones(8, 7, dtype=torch.bool)
    sampled[:, 1] = sampled[0, :3] = sampled[6, 6] = False
    data = torch.where(sampled, kspace, 0)
    method = SPIRiT(kernel=3, tolerance=1e-12, max_iterations=500, regularisation=0.1)
    found = method.complete(data[None], sampled[None])[0]
    matrices = method.consistency(data)[None]
    apply = lambda k: centred_fft(apply_pixelwise(matrices, centred_ifft(k)))  # noqa: E731
    basis = torch.eye(112, dtype=torch.complex128).reshape(112, 2, 8, 7)
    dense = torch.stack([apply(e[None]).flatten() for e in basis], 1)
    missing = (~sampled).expand(2, 8, 7).flatten()
    values = torch.linalg.lstsq(dense[:, missing], -(dense @ data.flatten())[:, None]).solution[:, 0]
    torch.testing.assert_close(found.flatten()[missing], values, rtol=1e-6, atol=1e-8)
    assert torch.equal(found[:, sampled], data[:, sampled])


def test_random_samples_of_a_head_are_completed(head):
    _, maps, kspace = head
    mask = torch.rand(64, 64, generator=torch.Generator().manual_seed(0)) < 0.35
    mask[20:44, 20:44] = True
    op = MultiCoilMRI(maps, mask)
    reference = MultiCoilMRI(maps).A_adjoint(kspace)
    found = SPIRiT()(mask * kspace, op)
    assert error(found, reference) < 0.1 * error(ZeroFilled()(mask * kspace, op), reference)


def test_bad_arguments_get_a_sentence(head):
    _, maps, kspace = head
    for wrong in ({"kernel": 4}, {"calibration": 3}, {"tolerance": 0.0}, {"regularisation": -1.0}):
        with pytest.raises(ParameterError, match=next(iter(wrong))):
            SPIRiT(**wrong)
    bare = (torch.arange(64) % 2).float()
    with pytest.raises(ParameterError, match="no calibration region"):
        SPIRiT()(bare * kspace, MultiCoilMRI(maps, bare))
