"""Reconstructions: quantitative where theory says so, and against scikit-image and dense algebra."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.transform import iradon, radon

from wellposed import ForwardModel
from wellposed.errors import ParameterError, SpaceError, UnsuitableError
from wellposed.noise import Gaussian, LogPoisson
from wellposed.operators import Identity
from wellposed.spaces import Space
from wellposed_ct import (
    CGLS,
    FBP,
    SIRT,
    TV,
    FanBeam,
    FanGeometry,
    ParallelBeam,
    ParallelGeometry,
    disc,
    ramp_spectrum,
    shepp_logan,
)
from wellposed_ct.geometry.angles import Ordered
from wellposed_ct.methods.redundancy import arc_weights

F64 = torch.float64
WINDOWS = ["ramp", "shepp-logan", "cosine", "hamming", "hann"]


def geometry(n=128, views=180, span=np.pi, **more):
    return ParallelGeometry(np.arange(views) * span / views, (n, n), **more)


def inside(g, x_mm, y_mm, radius_mm):
    rows, columns = g.size
    x = (np.arange(columns) - (columns - 1) / 2) * g.pixel_mm + g.centre_mm[0]
    y = -(np.arange(rows) - (rows - 1) / 2) * g.pixel_mm + g.centre_mm[1]
    return torch.from_numpy((x - x_mm) ** 2 + (y[:, None] - y_mm) ** 2 < radius_mm**2)


@pytest.mark.parametrize("window", WINDOWS)
def test_a_disc_of_one_reconstructs_to_one(window):
    g = geometry(pixel_mm=0.7, detector_mm=0.6, axis_mm=1.3, centre_mm=(0.8, -1.1))
    x = FBP(window)(disc(28.0, 1.0, (3.2, -2.1)).sinogram(g), ParallelBeam.from_geometry(g, dtype=F64))
    values = x[0, 0][inside(g, 3.2, -2.1, 24.0)]
    assert float(values.mean()) == pytest.approx(1, abs=2e-4)
    assert float((values - 1).abs().max()) < 0.005


@pytest.mark.parametrize(
    "angles",
    [
        np.arange(360) * 2 * np.pi / 360,
        np.sort(np.random.default_rng(0).uniform(0, np.pi, 400)),
        Ordered(np.random.default_rng(1).permutation(np.arange(200) * np.pi / 200) - 5),
        np.linspace(0, np.pi, 181),
    ],
    ids=["full turn", "uneven", "any order", "both ends"],
)
def test_any_spacing_of_angles_is_quantitative(angles):
    g = ParallelGeometry(angles, (96, 96))
    x = FBP("hann")(disc(35.0).sinogram(g), ParallelBeam.from_geometry(g, dtype=F64))
    values = x[0, 0][inside(g, 0, 0, 28.0)]
    assert float((values - 1).abs().max()) < 0.02
    assert float(values.mean()) == pytest.approx(1, abs=2e-3)


def test_weights_are_arcs():
    even = torch.arange(10, dtype=F64) * torch.pi / 10
    torch.testing.assert_close(arc_weights(even, torch.pi), torch.full((10,), torch.pi / 10, dtype=F64))
    turned = torch.cat([even, even + torch.pi])
    torch.testing.assert_close(arc_weights(turned, torch.pi), torch.full((20,), torch.pi / 20, dtype=F64))
    limited = torch.arange(10, dtype=F64) * 0.1
    torch.testing.assert_close(arc_weights(limited, torch.pi), torch.full((10,), 0.1, dtype=F64))
    assert float(arc_weights(torch.zeros(1), torch.pi)) == pytest.approx(np.pi)


def test_the_ramp_is_that_of_kak_and_slaney():
    n, d = 64, 0.5
    response = np.fft.fftshift(np.fft.irfft(ramp_spectrum(n, d).numpy(), n)) / d
    k = np.arange(n) - n // 2
    odd = k % 2 == 1
    want = np.zeros(n)
    want[odd] = -1 / (np.pi * k[odd] * d) ** 2
    want[k == 0] = 1 / (4 * d**2)
    np.testing.assert_allclose(response, want, atol=1e-12)
    spectrum = ramp_spectrum(n, d, "hann", 0.5)
    assert bool((spectrum[n // 4 + 1 :] == 0).all())


def test_it_agrees_with_scikit_image():
    g = geometry(128, 120, detectors=128)
    x = shepp_logan(60.0).image(g)
    degrees = np.rad2deg(g.angles)
    sinogram = radon(x[0, 0].numpy(), degrees, circle=True)  # (detectors, views)
    op = ParallelBeam.from_geometry(g, dtype=F64)
    ours = op.A(x)[0, 0].numpy()
    # scikit-image puts the axis at pixel n//2, half a pixel from the middle
    shifted = op.replace(axis_mm=0.5, centre_mm=(-0.5, 0.5)).A(x)[0, 0].numpy()
    assert np.linalg.norm(shifted - sinogram.T) / np.linalg.norm(ours) < 0.02
    theirs = iradon(sinogram, degrees, filter_name="hann", circle=True)
    mine = FBP("hann")(
        torch.from_numpy(sinogram.T.copy())[None, None], op.replace(axis_mm=0.5, centre_mm=(-0.5, 0.5))
    )
    both = inside(g, 0, 0, 60).numpy()
    difference = mine[0, 0].numpy()[both] - theirs[both]
    assert np.sqrt((difference**2).mean()) < 0.02


def test_backends_agree_and_differentiate():
    g = geometry(12, 9)
    y = torch.randn(
        2, 1, 9, g.detectors, dtype=F64, generator=torch.Generator().manual_seed(0), requires_grad=True
    )
    op = ParallelBeam.from_geometry(g, dtype=F64)
    want = FBP()(y, op)
    for backend in ("portable", "torch"):
        torch.testing.assert_close(FBP()(y, op.replace(backend=backend)), want)
    assert torch.autograd.gradcheck(lambda t: FBP()(t, op), (y,))


def test_cgls_is_least_squares():
    op = ParallelBeam([0.1, 0.8, 1.5, 2.2, 2.9], Space((1, 5, 6), F64), 9)
    y = op.range.randn(2, torch.Generator().manual_seed(0))
    want = np.linalg.lstsq(op.to_matrix().numpy(), y.reshape(2, -1).numpy().T, rcond=1e-12)[0].T
    got = CGLS(iterations=200, tolerance=1e-13)(y, op)
    np.testing.assert_allclose(got.reshape(2, -1), want, atol=1e-6)
    damped = CGLS(iterations=200, damping=0.3, tolerance=1e-13)(y, op).reshape(2, -1).numpy()
    matrix = op.to_matrix().numpy()
    d = 0.3 * np.linalg.norm(matrix, 2)
    dense = np.linalg.solve(matrix.T @ matrix + d**2 * np.eye(30), matrix.T @ y.reshape(2, -1).numpy().T).T
    np.testing.assert_allclose(damped, dense, atol=2e-4)


def test_sirt_reduces_the_weighted_residual():
    g = geometry(48, 40)
    op = ParallelBeam.from_geometry(g, dtype=F64)
    x = shepp_logan(22.0).image(g)
    y = op.A(x)
    errors = [float((SIRT(n)(y, op) - x).norm() / x.norm()) for n in (1, 10, 100)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.25
    assert float(SIRT(20)(y - 1, op).min()) >= 0
    torch.testing.assert_close(SIRT(20)(torch.cat([y, 2 * y]), op)[1:], SIRT(20)(2 * y, op))


def test_tv_needs_few_views():
    g = geometry(64, 20)
    phantom = shepp_logan(30.0).scaled(1.0, 0.02)
    model = ForwardModel(ParallelBeam.from_geometry(g, dtype=F64), Gaussian(0.01))
    x = phantom.image(g)
    y = model(x, generator=torch.Generator().manual_seed(0))

    def error(method):
        return float((method(y, model) - x).norm() / x.norm())

    assert error(TV(iterations=150)) < 0.75 * min(error(FBP(w)) for w in WINDOWS)


def test_bad_arguments_get_a_sentence():
    op = ParallelBeam([0.0, 1.0], (1, 8, 8), 12)
    with pytest.raises(ParameterError, match="window = 'box' must be one of ramp, shepp-logan"):
        FBP("box")
    with pytest.raises(ParameterError, match=r"cutoff = 2 must be in \(0, 1\]"):
        FBP(cutoff=2)
    with pytest.raises(
        UnsuitableError,
        match=r"FBP needs parallel rays or a fan in the plane .*, which Identity does not have; ",
    ):
        FBP()(torch.zeros(1, 1, 2, 12), Identity(op.range))
    with pytest.raises(SpaceError, match=r"y has shape \(1, 1, 2, 11\)"):
        FBP()(torch.zeros(1, 1, 2, 11), op)
    with pytest.raises(ParameterError, match=r"relaxation = 2.0 in \(0, 2\)"):
        SIRT(relaxation=2.0)
    with pytest.raises(ParameterError, match="iterations = 0 must be ≥ 1"):
        CGLS(iterations=0)
    with pytest.raises(ParameterError, match="strength = -1 and weight = None must be > 0"):
        TV(strength=-1)


@pytest.mark.parametrize(
    "angles",
    [np.arange(360) * 2 * np.pi / 360, np.arange(460) * np.pi / 360 + 5, -np.arange(260) * np.pi / 180],
    ids=["full turn", "short scan", "backwards"],
)
def test_a_fan_reconstructs_a_disc_of_one_to_one(angles):
    g = FanGeometry(angles, (96, 96), 300.0, 500.0, 240, 1.0, pixel_mm=0.7, axis_mm=2.2)
    x = FBP("hann")(disc(24.0, 1.0, (3.2, -2.1)).sinogram(g), FanBeam.from_geometry(g, dtype=F64))
    values = x[0, 0][inside(g, 3.2, -2.1, 19.0)]
    assert float((values - 1).abs().max()) < 0.005


def test_low_dose_follows_the_photons():
    """Beer–Lambert with Poisson counts: the variance of a ray is exp(line integral)/N0."""
    g = geometry(48, 60)
    phantom = disc(18.0, 0.05)
    model = ForwardModel(ParallelBeam.from_geometry(g, dtype=F64), LogPoisson(N0=2e4))
    x = phantom.image(g).expand(200, 1, 48, 48)
    mean = model.A(x[:1])
    y = model(x, generator=torch.Generator().manual_seed(0))
    ratio = y.var(0) / (mean.exp() / 2e4)[0]
    assert float(ratio.mean()) == pytest.approx(1, abs=0.02)
    slices = FBP()(y, model)
    assert float(slices.mean(0)[0, 20:28, 20:28].mean()) == pytest.approx(0.05, rel=0.01)
