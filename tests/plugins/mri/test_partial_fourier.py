from __future__ import annotations

import pytest
import torch

from wellposed.errors import ParameterError
from wellposed_mri import POCS, CartesianMRI, Homodyne, MultiCoilMRI, ZeroFilled
from wellposed_mri.reconstruction.partial_fourier import homodyne_weights


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


def cut(shape, axis, left_out, side):
    mask = torch.ones(shape, dtype=torch.float64)
    mask.narrow(axis, 0 if side < 0 else shape[axis] - left_out, left_out).zero_()
    return mask


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("method", [POCS(iterations=200), Homodyne()], ids=["pocs", "homodyne"])
def test_images_of_constant_phase_are_completed_exactly(method, axis, side):
    """Their k-space is symmetric, so half of it says all."""
    generator = torch.Generator().manual_seed(0)
    image = 1 + 0.3 * torch.rand(1, 1, 15, 13, dtype=torch.float64, generator=generator)
    image = image * torch.polar(torch.tensor(1.0).double(), torch.tensor(0.7).double())
    op = CartesianMRI(cut((15, 13), axis, 4, side))
    assert error(method(op(image), op), image) < 1e-6


def test_weights_of_mirrored_samples_sum_to_two():
    for n in (9, 10):
        sampled = cut((3, n), 1, 3, 1).bool()
        weights = homodyne_weights(sampled)[0]
        mirrored = weights.roll(-1 if n % 2 == 0 else 0).flip(0)
        both = weights + mirrored
        assert torch.allclose(both, torch.full_like(both, 2.0))
        assert bool((weights[~sampled[0]] == 0).all())


def test_a_head_with_smooth_phase_is_sharpened(head):
    _, maps, kspace = head
    mask = cut((64, 64), 1, 20, 1).float()
    op = MultiCoilMRI(maps, mask)
    reference = MultiCoilMRI(maps).A_adjoint(kspace)
    missing = error(ZeroFilled()(mask * kspace, op), reference)
    assert error(POCS()(mask * kspace, op), reference) < 0.6 * missing
    assert error(Homodyne()(mask * kspace, op), reference) < 0.8 * missing
    completed = POCS().complete(mask * kspace, mask.bool()[None])
    torch.testing.assert_close(mask * completed, mask * kspace)


def test_what_has_no_phase_or_several_axes_gets_a_sentence(head):
    _, _, kspace = head
    half = torch.ones(64, 64)
    half[:, 32:] = 0
    with pytest.raises(ParameterError, match="no calibration region"):
        POCS()(half * kspace[:, :1], CartesianMRI(half))
    quarter = cut((64, 64), 0, 20, 1).float() * cut((64, 64), 1, 20, 1).float()
    with pytest.raises(ParameterError, match=r"2 axes of k-space are cut.*mri\.pocs"):
        Homodyne()(quarter * kspace[:, :1], CartesianMRI(quarter))
    with pytest.raises(ParameterError, match="iterations = 0"):
        POCS(iterations=0)
