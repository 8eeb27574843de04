"""Statistical methods: likelihoods that rise, counts that are kept, minima that SciPy finds as well."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from wellposed import ForwardModel
from wellposed.errors import ParameterError, StructureError
from wellposed.noise import Gaussian, LogPoisson, Poisson, SaltAndPepper
from wellposed.spaces import Space
from wellposed_ct import (
    FBP,
    MLEM,
    MLTR,
    PWLS,
    FanBeam,
    FanGeometry,
    LowDose,
    ParallelBeam,
    ParallelGeometry,
    disc,
    shepp_logan,
    statistical_weights,
)
from wellposed_ct.methods.mltr import Rays
from wellposed_ct.methods.statistics import count_photons

F64 = torch.float64


def projector(kind="parallel", n=32, views=24):
    angles = np.arange(views) * np.pi / views
    if kind == "parallel":
        return ParallelBeam.from_geometry(ParallelGeometry(angles, (n, n)), dtype=F64)
    g = FanGeometry(2 * angles, (n, n), 100.0, 160.0, 2 * n, 1.2, pixel_mm=1.0)
    return FanBeam.from_geometry(g, dtype=F64)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def tiny(views=9):
    return ParallelBeam(torch.arange(views, dtype=F64) * np.pi / views, Space((1, 4, 4), F64), 5)


def poisson(op, x, level=20.0):
    return ForwardModel(op, Poisson(1.0))(level * x, generator=generator())


@pytest.mark.parametrize("kind", ["parallel", "fan"])
def test_mlem_raises_the_likelihood_and_keeps_the_counts(kind):
    op = projector(kind)
    x = shepp_logan(14.0).image(op.geometry).clamp(min=0)
    y = poisson(op, x.expand(2, -1, -1, -1))
    last = None
    for n in (1, 2, 3, 5, 10, 30):
        got = MLEM(n)(y, op)
        mean = op.A(got)
        likelihood = (torch.special.xlogy(y, mean) - mean).flatten(1).sum(1)
        assert last is None or bool((likelihood > last).all())
        last = likelihood
        torch.testing.assert_close(mean.flatten(1).sum(1), y.flatten(1).sum(1), rtol=1e-9, atol=0)
        assert float(got.min()) >= 0


@pytest.mark.parametrize("background", [0.0, 3.0])
def test_mlem_ends_where_scipy_ends(background):
    op = tiny()
    x = torch.rand(1, 1, 4, 4, dtype=F64, generator=generator()) + 0.2
    y = torch.poisson(30 * op.A(x) + background, generator=generator(1))
    matrix, counts = op.to_matrix().numpy(), y.reshape(-1).numpy()

    def loss(flat):
        mean = matrix @ flat + background
        safe = np.maximum(mean, 1e-300)
        return (mean - counts * np.log(safe)).sum(), matrix.T @ (1 - counts / safe)

    bounds = [(1e-9, None)] * 16
    want = minimize(
        loss,
        np.full(16, 20.0),
        jac=True,
        bounds=bounds,
        options={"maxiter": 20000, "ftol": 1e-16, "gtol": 1e-10},
    )
    got = MLEM(10000, background=background)(y, op).reshape(-1).numpy()
    assert loss(got)[0] - loss(want.x)[0] < 1e-4
    np.testing.assert_allclose(got, want.x, atol=1e-4 * want.x.max())


def test_osem_gets_as_far_in_fewer_passes():
    op = projector()
    y = poisson(op, shepp_logan(14.0).image(op.geometry).clamp(min=0))

    def loss(x):
        mean = op.A(x)
        return float((mean - torch.special.xlogy(y, mean)).sum())

    assert loss(MLEM(4, subsets=8)(y, op)) < loss(MLEM(16)(y, op))


def photons(op, noise, x):
    model = ForwardModel(op, noise)
    return model, model(x, generator=generator())


@pytest.mark.parametrize("noise", [LogPoisson(200.0), LowDose(200.0, 5.0), LogPoisson(200.0, mu=0.5)])
@pytest.mark.parametrize("kind", ["parallel", "fan"])
def test_mltr_raises_the_likelihood(noise, kind):
    op = projector(kind)
    x = disc(12.0, 0.15).image(op.geometry).expand(2, -1, -1, -1)
    model, y = photons(op, noise, x)
    found = count_photons(y, model)
    rays = Rays((found.counts + found.variance).clamp(min=0), found.blank, found.variance)
    values = []
    for n in (1, 2, 3, 4, 6, 10, 20):
        got = MLTR(n)(y, model)
        assert float(got.min()) >= 0
        values.append(rays.value(found.scale * op.A(got)).flatten(1).sum(1))
    assert bool((torch.diff(torch.stack(values), dim=0) < 0).all())


def test_parabolas_touch_the_likelihood_and_lie_above_it():
    counts = torch.tensor([0.0, 1.0, 20.0, 300.0, 2000.0], dtype=F64)[:, None, None]
    for offset in (0.0, 4.0):
        rays = Rays(counts, torch.tensor(500.0, dtype=F64), torch.tensor(offset, dtype=F64))
        at = torch.linspace(0, 8, 41, dtype=F64)[:, None]
        line = torch.linspace(0, 12, 301, dtype=F64)
        step = 1e-6
        slope = (rays.value(at + step) - rays.value(at - step)) / (2 * step)
        torch.testing.assert_close(rays.slope(at), slope, rtol=1e-5, atol=1e-4)
        above = rays.value(at) + rays.slope(at) * (line - at) + rays.curvature(at) * (line - at) ** 2 / 2
        assert bool((above - rays.value(line) > -1e-8).all())


def test_mltr_ends_where_scipy_ends():
    op = tiny()
    x = 0.3 * torch.rand(1, 1, 4, 4, dtype=F64, generator=generator()) + 0.1
    model, y = photons(op, LogPoisson(1000.0), x)
    matrix = op.to_matrix().numpy()
    counts = count_photons(y, model).counts.reshape(-1).numpy()

    def loss(flat):
        line = matrix @ flat
        mean = 1000 * np.exp(-line)
        return (mean + counts * line).sum(), matrix.T @ (counts - mean)

    options = {"maxiter": 20000, "ftol": 1e-16, "gtol": 1e-9}
    want = minimize(loss, np.full(16, 0.2), jac=True, bounds=[(0, None)] * 16, options=options)
    got = MLTR(8000)(y, model).reshape(-1).numpy()
    np.testing.assert_allclose(got, want.x, atol=1e-4 * want.x.max())


def test_few_photons_bias_the_logarithm_and_not_the_likelihood():
    op = projector(n=24, views=60)
    x = disc(9.0, 0.25).image(op.geometry).expand(20, -1, -1, -1)
    model, y = photons(op, LogPoisson(100.0), x)
    middle = (..., slice(9, 15), slice(9, 15))
    by_log, by_likelihood = (m(y, model)[middle].mean() for m in (FBP(), MLTR(60)))
    assert abs(float(by_likelihood) - 0.25) < 0.5 * abs(float(by_log) - 0.25)


def differences(x):
    dy, dx = np.zeros_like(x), np.zeros_like(x)
    dy[:-1], dx[:, :-1] = np.diff(x, axis=0), np.diff(x, axis=1)
    return dy, dx


@pytest.mark.parametrize("penalty", ["quadratic", "huber"])
@pytest.mark.parametrize("noise", [LogPoisson(400.0), LowDose(400.0, 10.0), Gaussian(0.1)])
def test_pwls_ends_where_scipy_ends(penalty, noise):
    op = tiny()
    x = 0.4 * torch.rand(1, 1, 4, 4, dtype=F64, generator=generator())
    model, y = photons(op, noise, x)
    matrix, data = op.to_matrix().numpy(), y.reshape(-1).numpy()
    w = statistical_weights(y, model).reshape(-1).numpy()
    # the middle of a 4×4 image is pixel (2, 2), number 10
    s = np.sqrt((w * matrix[:, 10] ** 2).sum())
    huber = penalty == "huber"
    beta, delta = 0.7 * (s if huber else s**2), 0.5 / s

    def loss(flat):
        r = matrix @ flat - data
        total, grad = 0.5 * (w * r * r).sum(), matrix.T @ (w * r)
        for axis, d in enumerate(differences(flat.reshape(4, 4))):
            psi = np.where(abs(d) <= delta, d**2 / (2 * delta), abs(d) - delta / 2) if huber else d**2 / 2
            slope = np.clip(d / delta, -1, 1) if huber else d
            total += beta * psi.sum()
            grad = grad + beta * (np.roll(slope, 1, axis) - slope).reshape(-1)
        return total, grad

    options = {"maxiter": 20000, "ftol": 1e-16, "gtol": 1e-10}
    want = minimize(loss, np.full(16, 0.2), jac=True, bounds=[(0, None)] * 16, options=options).x
    got = PWLS(penalty, strength=0.7, delta=0.5, iterations=4000)(y, model).reshape(-1).numpy()
    np.testing.assert_allclose(got, want, atol=1e-4 * want.max())


def test_weights_are_inverse_variances():
    """The variance of many draws, at a dose where the logarithm is nearly linear."""
    mean = torch.tensor([0.5, 1.5, 3.0], dtype=F64).reshape(1, 1, 1, 3)
    for noise in (LogPoisson(2e4), LowDose(2e4, 60.0), LogPoisson(2e4, mu=2.0), LowDose(2e4, 20.0, mu=0.5)):
        y = noise(mean.expand(40000, 1, 1, 3), generator())
        weights = statistical_weights(mean, ForwardModel(tiny(), noise))
        ratio = y.var(0) * weights[0]
        torch.testing.assert_close(ratio, torch.ones_like(ratio), rtol=0.05, atol=0)
    gauss = ForwardModel(tiny(), Gaussian(0.2))
    torch.testing.assert_close(statistical_weights(mean, gauss), torch.full_like(mean, 25.0))
    torch.testing.assert_close(statistical_weights(mean, tiny()), torch.ones_like(mean))


def test_weights_save_a_starved_scan():
    """A dense bar starves the rays along it; weights keep them from streaking over the rest."""
    op = projector(n=48, views=60)
    from wellposed_ct import Ellipses

    bars = [(0.03, 20, 20, 0, 0, 0), (0.35, 3, 3, -10, 0, 0), (0.35, 3, 3, 10, 0, 0)]
    x = Ellipses(bars).image(op.geometry)
    model, y = photons(op, LowDose(1000.0, 5.0), x)

    def error(method):
        return float((method(y, model) - x).norm() / x.norm())

    assert error(PWLS("tv")) < 0.9 * error(PWLS("tv", weights="none"))
    assert error(PWLS("tv")) < 0.5 * error(FBP("hann"))
    assert error(PWLS("huber", iterations=20, subsets=6)) < 0.5 * error(FBP("hann"))


def test_a_strength_means_the_same_at_any_scale():
    op = projector()
    x = shepp_logan(14.0).scaled(1.0, 0.05).image(op.geometry)
    y = ForwardModel(op, Gaussian(0.05))(x, generator=generator())
    for penalty in ("quadratic", "huber", "tv"):
        method = PWLS(penalty, iterations=50, tolerance=0.0)
        one = method(y, ForwardModel(op, Gaussian(0.05)))
        ten = method(10 * y, ForwardModel(op, Gaussian(0.5)))
        torch.testing.assert_close(ten, 10 * one, rtol=1e-6, atol=1e-9)


def test_low_dose_noise_has_the_moments_of_photons_and_read_out():
    noise = LowDose(1000.0, 7.0)
    mean = torch.full((20000, 1, 1, 1), 2.0, dtype=F64)
    counts = noise.read_out(noise(mean, generator()))
    rate = 1000 * np.exp(-2.0)
    assert float(counts.mean()) == pytest.approx(rate, rel=0.005)
    assert float(counts.var()) == pytest.approx(rate + 49, rel=0.03)
    starved = noise(torch.full((20000, 1, 1, 1), 9.0, dtype=F64), generator())
    assert bool(torch.isfinite(starved).all())
    assert float(noise.read_out(starved).min()) < -10


def test_bad_arguments_get_a_sentence():
    op = tiny()
    y = torch.ones(1, 1, 9, 5, dtype=F64)
    with pytest.raises(ParameterError, match="MLEM: y has a negative entry, -1, but counts are ≥ 0"):
        MLEM()(-y, op)
    with pytest.raises(ParameterError, match="MLEM: y has NaN or infinite entries"):
        MLEM()(y * torch.nan, op)
    with pytest.raises(ParameterError, match="background = -1 must be ≥ 0"):
        MLEM(background=-1)
    with pytest.raises(ParameterError, match="iterations = 0 and subsets = 1 must be ≥ 1"):
        MLEM(0)
    with pytest.raises(ParameterError, match="iterations = 1 and subsets = 0 must be ≥ 1"):
        MLTR(1, 0)
    with pytest.raises(StructureError, match=r"photons are needed, but the physics has Gaussian; wrap"):
        MLTR()(y, ForwardModel(op, Gaussian(0.1)))
    with pytest.raises(StructureError, match=r"photons are needed, but the physics has no noise model"):
        MLTR()(y, op)
    with pytest.raises(ParameterError, match="penalty = 'l1' must be one of quadratic, huber, tv"):
        PWLS("l1")
    with pytest.raises(ParameterError, match=r"strength = 0 and delta = 1\.0 must be > 0"):
        PWLS(strength=0)
    with pytest.raises(ParameterError, match="weights = 'all' must be 'statistical' or 'none'"):
        PWLS(weights="all")
    with pytest.raises(ParameterError, match="SaltAndPepper has no positive variance at these data"):
        statistical_weights(0 * y, ForwardModel(op, SaltAndPepper(0.0, 0.0)))
    with pytest.raises(ParameterError, match=r"electronic=0 is impossible.*LogPoisson"):
        LowDose(electronic=0.0)
