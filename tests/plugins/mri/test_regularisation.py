from __future__ import annotations

import pytest
import torch

from wellposed.errors import ParameterError
from wellposed_mri import (
    SENSE,
    TV,
    CartesianMRI,
    L1Wavelet,
    MultiCoilMRI,
    NonCartesianMRI,
    PlugAndPlay,
    ZeroFilled,
    birdcage_maps,
    radial,
)
from wellposed_mri.reconstruction.outer_noise import noise_deviation, noise_of_adjoint
from wellposed_mri.reconstruction.preconditioner import circulant, nearest_circulant


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


def randc(*shape, seed=0):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


def operators():
    mask = (torch.rand(5, 6, generator=torch.Generator().manual_seed(0)) < 0.5).double()
    by_coil = (torch.rand(3, 5, 6, generator=torch.Generator().manual_seed(1)) < 0.5).double()
    return {
        "columns": MultiCoilMRI(randc(3, 5, 6), torch.tensor([1.0, 0, 1, 0, 0, 1]).double()),
        "plane": MultiCoilMRI(randc(3, 5, 6), mask),
        "coils": MultiCoilMRI(randc(3, 5, 6), by_coil),
        "all": MultiCoilMRI(randc(3, 5, 6)),
        "radial": NonCartesianMRI(randc(3, 6, 6), radial(5, 8, 6).double(), 1e-10),
    }


@pytest.mark.parametrize("name", list(operators()))
def test_the_circulant_is_the_diagonal_of_the_dense_matrix_in_fourier_space(name):
    op = operators()[name]
    h, w = op.domain.shape[1:]
    matrix = op.to_matrix()
    eye = torch.eye(h * w, dtype=torch.complex128).reshape(-1, h, w)
    fourier = torch.fft.fft2(eye, norm="ortho").flatten(1).mT
    want = (fourier @ matrix.mH @ matrix @ fourier.mH).diagonal().real.reshape(h, w)
    torch.testing.assert_close(nearest_circulant(op)[0, 0], want, rtol=1e-6, atol=1e-8)


def test_radial_scans_need_fewer_iterations(head):
    _, maps, _ = head
    op = NonCartesianMRI(maps, radial(24, 128, 64))
    y = op(head[0])
    plain = SENSE(1e-4, 500, precondition=False).solve(y, op)
    automatic = SENSE(1e-4, 500).solve(y, op)
    assert int(automatic.iterations) < 0.7 * int(plain.iterations)
    assert error(automatic.x, plain.x) < 0.03


def test_every_preconditioner_has_the_same_limit():
    maps = birdcage_maps(4, (16, 16)).to(torch.complex128)
    mask = (torch.arange(16) % 3 == 0).double()
    for op in (MultiCoilMRI(maps, mask), NonCartesianMRI(maps, radial(12, 32, 16).double(), 1e-10)):
        y = op(randc(2, 1, 16, 16))
        found = [SENSE(0.01, 1000, 1e-12, precondition=p)(y, op) for p in (False, True)]
        assert error(*found) < 1e-8


def test_even_sampling_and_other_physics_are_not_preconditioned():
    scan = MultiCoilMRI(randc(3, 8, 8))
    assert circulant(scan, None, always=False) is None
    assert circulant(CartesianMRI(torch.ones(8, 8)), None) is None


def test_noise_in_the_image_is_what_repeated_scans_show():
    maps = birdcage_maps(4, (24, 24)).to(torch.complex128)
    op = MultiCoilMRI(maps, (torch.arange(24) % 2).double())
    seen = op.A_adjoint(0.3 * randc(400, 4, 24, 24))
    found = noise_of_adjoint(randc(1, 4, 24, 24, seed=5), op, noise=0.3)
    assert float(found) == pytest.approx(float(seen.abs().square().mean().sqrt()), rel=0.05)


def test_noise_of_trajectories_is_measured_far_out(head):
    _, maps, _ = head
    op = NonCartesianMRI(maps, radial(64, 128, 64))
    noise = torch.randn(1, 8, 64, 128, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    assert float(noise_deviation(op(head[0]) + 0.3 * noise, op)) == pytest.approx(0.3, rel=0.15)


@pytest.mark.parametrize("method", [SENSE(), L1Wavelet(), TV()], ids=["sense", "l1_wavelet", "tv"])
@pytest.mark.parametrize("noise", [0.02, 0.05])
def test_automatic_weights_follow_the_noise(head, method, noise):
    """They beat zero filling, and weights thirty times smaller or larger."""
    image, maps, _ = head
    generator = torch.Generator().manual_seed(0)
    mask = (torch.rand(64, 64, generator=generator) < 0.3).float()
    mask[24:40, 24:40] = 1
    op = MultiCoilMRI(maps, mask)
    y = op(image)
    y = y + noise * mask * torch.randn(y.shape, dtype=y.dtype, generator=generator)
    automatic = error(method(y, op), image)
    assert automatic < error(ZeroFilled()(y, op), image)
    back = op.A_adjoint(y).abs().flatten().quantile(0.99)
    middle = float(0.6 * noise_of_adjoint(y, op) / back)
    for factor in (1 / 30, 30):
        assert automatic < error(type(method)(factor * middle)(y, op), image)


def test_noise_that_is_known_is_used(head):
    image, maps, _ = head
    op = MultiCoilMRI(maps, (torch.arange(64) % 2).float())
    y = op(image)
    back = op.A_adjoint(y).abs().flatten()
    weight = 0.6 * noise_of_adjoint(y, op, 0.5) / back.kthvalue(round(0.99 * len(back))).values
    torch.testing.assert_close(
        L1Wavelet(noise=0.5, max_iterations=5)(y, op), L1Wavelet(float(weight), max_iterations=5)(y, op)
    )
    with pytest.raises(ParameterError, match="noise = -1"):
        L1Wavelet(noise=-1)
    with pytest.raises(ParameterError, match="noise = -1"):
        TV(noise=-1)


def test_pixels_that_no_coil_sees_stay_zero(head):
    """A prior would fill them in: nothing contradicts it there."""
    image, maps, _ = head
    blind = maps.clone()
    blind[..., 40:] = 0
    op = MultiCoilMRI(blind, (torch.arange(64) % 2).float())
    y = op(image)
    for method in (L1Wavelet(max_iterations=20), TV(max_iterations=5), PlugAndPlay(iterations=2)):
        found = method(y, op)
        assert float(found[..., 40:].abs().max()) == 0
        assert float(found[..., :40].abs().max()) > 0.1
