from __future__ import annotations

import math

import pytest
import torch

from wellposed.errors import ParameterError, SpaceError
from wellposed_mri import (
    SENSE,
    CartesianMRI,
    L1Wavelet,
    MultiCoilMRI,
    PlugAndPlay,
    ZeroFilled,
    birdcage_maps,
    compress,
    compress_along,
    compression,
    g_factor,
    geometric_compression,
    pseudo_replica,
)


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


def randc(*shape, seed=0):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


def lattice(shape, spacing, shift=0, offset=0):
    rows, columns = torch.meshgrid(*[torch.arange(n) for n in shape], indexing="ij")
    moved = columns - shift * (rows // spacing[0]) - offset
    return ((rows % spacing[0] == 0) & (moved % spacing[1] == 0)).double()


@pytest.mark.parametrize(
    ("spacing", "shift", "offset"),
    [((1, 2), 0, 0), ((1, 3), 0, 1), ((3, 1), 0, 0), ((2, 2), 1, 0), ((2, 2), 1, 1)],
)
def test_g_is_the_diagonal_of_the_dense_inverse(spacing, shift, offset):
    maps = birdcage_maps(6, (12, 12)).to(torch.complex128) * (0.5 + torch.rand(12, 12).double())
    op = MultiCoilMRI(maps, lattice((12, 12), spacing, shift, offset))
    matrix = op.to_matrix()
    noise = torch.linalg.inv(matrix.mH @ matrix).diagonal().real.reshape(12, 12)
    want = (noise * maps.abs().square().sum(0) / math.prod(spacing)).sqrt()
    torch.testing.assert_close(g_factor(op)[0, 0], want, rtol=1e-8, atol=0)
    assert float(want.min()) > 0.999


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("spacing", [3, 5])
def test_lines_of_any_pattern_have_a_g_too(axis, spacing):
    """Calibration lines, and spacings that do not divide the image: against the dense inverse."""
    size = (12, 14)
    maps = birdcage_maps(6, size).to(torch.complex128)
    steps = torch.arange(size[axis])
    lines = (steps % spacing == 0) | ((steps - size[axis] // 2).abs() < 2)
    op = MultiCoilMRI(maps, lines.double().reshape((-1, 1) if axis == 0 else (1, -1)))
    matrix = op.to_matrix()
    noise = torch.linalg.inv(matrix.mH @ matrix).diagonal().real.reshape(size)
    want = (noise * maps.abs().square().sum(0) * lines.double().mean()).sqrt()
    torch.testing.assert_close(g_factor(op)[0, 0], want, rtol=1e-5, atol=0)
    assert float(want.min()) > 0.999


def test_g_is_one_without_acceleration_and_zero_outside():
    maps = birdcage_maps(4, (8, 9))
    maps[:, :3] = 0
    g = g_factor(MultiCoilMRI(maps))[0, 0]
    assert float(g[:3].abs().max()) == 0
    torch.testing.assert_close(g[3:], torch.ones(5, 9))


def test_repeated_scans_show_the_g_factor():
    maps = birdcage_maps(6, (12, 12)).to(torch.complex128)
    op = MultiCoilMRI(maps, lattice((12, 12), (1, 3)))
    y = op(randc(1, 1, 12, 12))
    method = SENSE(0.0, tolerance=1e-8)
    found = pseudo_replica(method, y, op, 400, noise=0.1, generator=torch.Generator().manual_seed(0))
    want = 0.1 * g_factor(op) * math.sqrt(3)
    # A deviation of 400 complex samples is uncertain by 1/(2√400); 48 groups of pixels are independent.
    single = 1 / (2 * math.sqrt(400))
    assert float((found.std / want).mean()) == pytest.approx(1, abs=4 * single / math.sqrt(48))
    assert float((found.std / want - 1).abs().max()) < 4 * single
    missed = (found.mean - method(y, op)).abs().square().mean() / (want.square().mean() / 400)
    assert float(missed) == pytest.approx(1, abs=4 / math.sqrt(48))
    assert found.count == 400


def test_replicas_are_mean_and_deviation_of_what_the_method_returned():
    op = MultiCoilMRI(birdcage_maps(3, (6, 6)).to(torch.complex128), torch.tensor([1.0, 0, 1, 1, 0, 1]))
    seen = []

    def method(y, physics):
        seen.append(physics.A_adjoint(y).abs().sqrt().to(y.dtype))
        return seen[-1]

    found = pseudo_replica(
        method, op(randc(2, 1, 6, 6)), op, 7, noise=0.2, generator=torch.Generator().manual_seed(1)
    )
    torch.testing.assert_close(found.mean, torch.stack(seen).mean(0))
    torch.testing.assert_close(found.std, torch.stack(seen).std(0).real)


def test_geometric_compression_is_the_best_at_every_position(head):
    _, maps, kspace = head
    weights = geometric_compression(kspace, 3)
    assert weights.shape == (64, 3, 8)
    eye = torch.eye(3, dtype=weights.dtype).expand(64, 3, 3)
    torch.testing.assert_close(weights @ weights.mH, eye, rtol=1e-4, atol=1e-4)
    small = compress_along(kspace, weights)
    hybrid = torch.fft.ifft(torch.fft.ifftshift(kspace, dim=-2), dim=-2, norm="ortho")
    kept = sum(torch.linalg.svdvals(hybrid[0, :, n])[:3].square().sum() for n in range(64))
    assert float(small.abs().square().sum()) == pytest.approx(float(kept), rel=1e-3)
    plain = compress(kspace, compression(kspace, 3))
    lost = [1 - float(k.abs().square().sum() / kspace.abs().square().sum()) for k in (small, plain)]
    assert lost[0] < 0.5 * lost[1]
    images = compress_along(maps[None], weights, fourier=False)
    image = MultiCoilMRI(maps).A_adjoint(kspace)
    torch.testing.assert_close(MultiCoilMRI(images)(image)[0, :, 20], small[0, :, 20], rtol=0.2, atol=0.05)


def test_neighbouring_virtual_coils_are_alike(head):
    weights = geometric_compression(head[2], 4)
    step = (weights[1:] - weights[:-1]).abs().amax((1, 2))
    assert float(step[20:40].max()) < 0.2


def test_all_channels_lose_nothing():
    kspace = randc(2, 4, 5, 6)
    for axis in (-1, -2):
        weights = geometric_compression(kspace, 4, axis)
        size = compress_along(kspace, weights, axis).abs().square().sum()
        torch.testing.assert_close(size, kspace.abs().square().sum())


def test_plug_and_play_removes_noise(head):
    image, maps, _ = head
    generator = torch.Generator().manual_seed(0)
    mask = (torch.rand(64, 64, generator=generator) < 0.4).float()
    mask[24:40, 24:40] = 1
    op = MultiCoilMRI(maps, mask)
    y = op(image)
    y = y + 0.05 * mask * torch.randn(y.shape, dtype=y.dtype, generator=generator)
    found = PlugAndPlay()(y, op)
    assert error(found, image) < 0.6 * error(SENSE()(y, op), image)
    assert error(PlugAndPlay()(1e-5 * y, op), 1e-5 * found) < 3e-2


def test_bad_arguments_get_a_sentence(head):
    _, maps, kspace = head
    dots = (torch.rand(64, 64, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    scan = MultiCoilMRI(maps, dots)
    with pytest.raises(ParameterError, match=r"\(64, 64\), sampling .* no regular pattern.*pseudo_replica"):
        g_factor(scan)
    with pytest.raises(ParameterError, match="not of CartesianMRI"):
        g_factor(CartesianMRI(torch.ones(4, 4)))
    with pytest.raises(ParameterError, match="2 sets"):
        g_factor(MultiCoilMRI(randc(1, 2, 3, 4, 4)))
    with pytest.raises(ParameterError, match="coil to coil"):
        g_factor(MultiCoilMRI(randc(2, 4, 4), torch.ones(2, 4, 4)))
    with pytest.raises(ParameterError, match="replicas = 1"):
        pseudo_replica(ZeroFilled(), kspace, scan, 1)
    with pytest.raises(ParameterError, match="channels = 9"):
        geometric_compression(kspace, 9)
    with pytest.raises(ParameterError, match="axis = 1"):
        geometric_compression(kspace, 3, 1)
    with pytest.raises(SpaceError, match="positions, channels, coils"):
        compress_along(kspace, randc(5, 3, 8))
    with pytest.raises(ParameterError, match="start = 0"):
        PlugAndPlay(start=0)
    with pytest.raises(ParameterError, match="denoiser"):
        PlugAndPlay(denoiser=3)
    assert L1Wavelet(max_iterations=1)(kspace, MultiCoilMRI(maps)).shape == (1, 1, 64, 64)
