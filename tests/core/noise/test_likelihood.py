"""Likelihoods against SciPy's distributions, brute-force sums and quadrature."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import integrate, special, stats

from wellposed import noise as N

F64 = torch.float64


def column(values) -> torch.Tensor:
    """A batch of 1×1 images."""
    return torch.as_tensor(np.asarray(values, dtype=float), dtype=F64).reshape(-1, 1, 1, 1)


def log_prob(model, y, mean):
    y, mean = np.broadcast_arrays(np.asarray(y, float), np.asarray(mean, float))
    return model.log_prob(column(y), column(mean)).numpy()


def test_gaussian_is_scipys():
    y = np.linspace(-1, 2, 13)
    np.testing.assert_allclose(log_prob(N.Gaussian(0.3), y, 0.4), stats.norm(0.4, 0.3).logpdf(y), rtol=1e-12)


def test_complex_gaussian_has_sigma_in_each_part():
    y, mean = (
        torch.tensor([[0.3 + 0.8j]], dtype=torch.complex128),
        torch.tensor([[0.1 - 0.2j]], dtype=torch.complex128),
    )
    expected = stats.norm(0.1, 0.7).logpdf(0.3) + stats.norm(-0.2, 0.7).logpdf(0.8)
    assert N.Gaussian(0.7).log_prob(y, mean).item() == pytest.approx(expected, rel=1e-12)


def test_gaussian_without_noise_is_a_point_mass():
    model = N.Gaussian(0.0)
    x = torch.rand(2, 1, 3, 3)
    assert torch.equal(model(x), x)
    assert torch.equal(model.log_prob(x, x), torch.full((2,), math.inf))
    assert torch.equal(model.log_prob(x + 1, x), torch.full((2,), -math.inf))


@pytest.mark.parametrize("mean", [0.0, 0.003, 0.2, 5.0, 400.0])
def test_poisson_is_scipys(mean):
    gain = 0.02
    counts = np.arange(0, int(mean / gain + 60 + 8 * math.sqrt(mean / gain)))
    expected = stats.poisson(mean / gain).logpmf(counts)
    seen = log_prob(N.Poisson(gain), gain * counts, mean)
    keep = expected > -600
    np.testing.assert_allclose(seen[keep], expected[keep], rtol=1e-9, atol=1e-9)


def test_poisson_keeps_its_digits_in_float32():
    counts, rate = np.array([99_000.0, 100_000.0, 100_777.0]), 100_000.0
    y, mean = column(counts).float(), column(np.full(3, rate)).float()
    expected = stats.poisson(rate).logpmf(counts)
    np.testing.assert_allclose(N.Poisson(1.0).log_prob(y, mean).numpy(), expected, atol=2e-4)


def test_poisson_between_counts_is_impossible_yet_points_the_way():
    mean = column([2.0]).requires_grad_()
    value = N.Poisson(1.0).log_prob(column([3.5]), mean)
    assert value.item() == -math.inf
    value.sum().backward()
    assert mean.grad.item() == pytest.approx(3.5 / 2 - 1)
    assert log_prob(N.Poisson(1.0), -1.0, 2.0) == -math.inf


def brute_poisson_gaussian(y, mean, gain, sigma):
    rate = mean / gain
    k = np.arange(0, int(rate + 60 * math.sqrt(rate) + 200 + abs(y) / gain))
    terms = stats.poisson(rate).logpmf(k) + stats.norm(gain * k, sigma).logpdf(y)
    return special.logsumexp(terms)


@pytest.mark.parametrize("gain", [0.01, 0.3, 2.0])
@pytest.mark.parametrize("ratio", [0.05, 0.5, 1.0, 3.0, 10.0, 40.0])
@pytest.mark.parametrize("rate", [0.0, 0.3, 3.0, 25.0, 90.0, 250.0, 4000.0])
def test_poisson_gaussian_is_the_infinite_sum(gain, ratio, rate):
    sigma = ratio * gain
    sd = gain * math.sqrt(rate + ratio**2)
    y = gain * rate + sd * np.array([-5, -2.3, -0.6, 0.0, 0.3, 1.7, 6.0])
    expected = [brute_poisson_gaussian(v, gain * rate, gain, sigma) for v in y]
    np.testing.assert_allclose(
        log_prob(N.PoissonGaussian(gain, sigma), y, gain * rate), expected, rtol=0, atol=1e-10
    )


def test_laplace_and_uniform_are_scipys():
    y = np.linspace(-1, 2, 14)
    np.testing.assert_allclose(
        log_prob(N.Laplace(0.3), y, 0.4), stats.laplace(0.4, 0.3).logpdf(y), rtol=1e-12
    )
    np.testing.assert_allclose(
        log_prob(N.Uniform(0.5), y, 0.4), stats.uniform(-0.1, 1.0).logpdf(y), atol=1e-12
    )


@pytest.mark.parametrize("looks", [0.5, 1.0, 3.7])
def test_gamma_is_scipys(looks):
    y = np.linspace(-0.5, 4, 19)
    expected = stats.gamma(looks, scale=0.8 / looks).logpdf(y)
    np.testing.assert_allclose(log_prob(N.Gamma(looks), y, 0.8), expected, rtol=1e-11)


def test_log_poisson_is_the_mass_of_the_count():
    counts, mean = np.arange(0, 60), 1.3
    seen = np.where(counts > 0, counts, 0.1)
    y = -np.log(seen / 50.0) / 0.7
    expected = stats.poisson(50.0 * math.exp(-0.7 * mean)).logpmf(counts)
    np.testing.assert_allclose(log_prob(N.LogPoisson(50.0, 0.7), y, mean), expected, rtol=1e-9)
    assert log_prob(N.LogPoisson(50.0, 0.7), -math.log(2.5 / 50) / 0.7, mean) == -math.inf
    assert log_prob(N.LogPoisson(50.0, 0.7), 1e4, mean) == -math.inf


@pytest.mark.parametrize("mean", [0.0, 0.05, 0.7, 20.0])
def test_rician_is_scipys(mean):
    y = mean + np.linspace(-1, 1, 15)
    expected = stats.rice(mean / 0.3, scale=0.3).logpdf(y)
    np.testing.assert_allclose(log_prob(N.Rician(0.3), y, mean), expected, rtol=1e-9)


def test_salt_and_pepper_adds_the_masses_that_coincide():
    model = N.SaltAndPepper(0.2, 0.1)
    seen = np.exp(log_prob(model, [0, 0.5, 1, 0.7, 1], [0.5, 0.5, 0.5, 0.5, 1]))
    np.testing.assert_allclose(seen, [0.1, 0.7, 0.2, 0.0, 0.9], atol=1e-15)


def test_quantised_gaussian_is_the_mass_of_a_bin():
    step, sigma, mean = 0.25, 0.1, 0.33
    y = step * np.arange(-2, 6)
    law = stats.norm(mean, sigma)
    expected = law.cdf(y + step / 2) - law.cdf(y - step / 2)
    seen = np.exp(log_prob(N.Quantisation(step, sigma), y, mean))
    np.testing.assert_allclose(seen, expected, rtol=1e-7, atol=1e-15)
    assert log_prob(N.Quantisation(step, sigma), 0.3, mean) == -math.inf


def test_quantisation_without_noise_says_what_is_consistent():
    model = N.Quantisation(0.5)
    np.testing.assert_array_equal(log_prob(model, [0.5, 0.5, 1.0], [0.3, 0.7, 1.1]), [0, 0, 0])
    np.testing.assert_array_equal(log_prob(model, [0.5, 0.6], [1.1, 0.6]), [-math.inf, -math.inf])


LAWS = [
    (N.Gaussian(0.2), 0.6), (N.Poisson(0.1), 0.6), (N.Poisson(0.001), 0.6), (N.Poisson(0.1), 0.0),
    (N.PoissonGaussian(0.1, 0.05), 0.6), (N.PoissonGaussian(0.01, 0.2), 0.0), (N.Uniform(0.3), 0.2),
    (N.SaltAndPepper(0.1, 0.2), 0.4), (N.SaltAndPepper(0.1, 0.2), 1.0), (N.SaltAndPepper(0.3, 0.3), 0.0),
    (N.Laplace(0.1), 0.5), (N.Gamma(1.0), 0.5), (N.Gamma(9.0), 0.5), (N.LogPoisson(100.0), 1.2),
    (N.LogPoisson(3.0, 0.5), 2.0), (N.Rician(0.2), 0.0), (N.Rician(0.2), 1.0), (N.Quantisation(0.1), 0.77),
    (N.Quantisation(0.1, 0.15), 0.77),
]  # fmt: skip


@pytest.mark.parametrize(("model", "mean"), LAWS, ids=lambda v: str(v))
def test_total_mass_is_one(model, mean):
    support = model.support(column([mean]))
    if isinstance(support, N.Atoms):
        y = support.values.reshape(-1)
        total = np.exp(log_prob(model, y.numpy(), mean)).sum()
    else:
        low, high = support.low.item(), support.high.item()
        y = np.linspace(low, high, 40_001)
        total = integrate.simpson(np.exp(log_prob(model, y, mean)), x=y)
    assert total == pytest.approx(1.0, abs=1e-7)


def test_complex_gaussian_integrates_to_one_over_the_plane():
    model, mean = N.Gaussian(0.2), torch.tensor([[0.3 - 0.4j]], dtype=torch.complex128)
    box = model.support(mean)
    re = torch.linspace(box.low.real.item(), box.high.real.item(), 201, dtype=F64)
    im = torch.linspace(box.low.imag.item(), box.high.imag.item(), 201, dtype=F64)
    y = torch.complex(*torch.meshgrid(re, im, indexing="ij")).reshape(-1, 1)
    total = model.log_prob(y, mean.expand_as(y)).exp().sum() * (re[1] - re[0]) * (im[1] - im[0])
    assert total.item() == pytest.approx(1.0, abs=1e-9)


SMOOTH = [
    (N.Gaussian, {"sigma": 0.3}, 0.9), (N.PoissonGaussian, {"gain": 0.2, "sigma": 0.3}, 0.9),
    (N.Laplace, {"scale": 0.3}, 0.9), (N.Gamma, {"looks": 2.5}, 0.9), (N.Rician, {"sigma": 0.3}, 0.9),
    (N.Quantisation, {"step": 0.3, "sigma": 0.2}, 0.9), (N.Poisson, {"gain": 0.3}, 0.9),
    (N.LogPoisson, {"N0": 20.0}, -np.log(4 / 20)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "levels", "seen"), SMOOTH)
def test_gradients_in_mean_and_levels_are_right(kind, levels, seen):
    y = column([seen] * 2)
    fixed = {k: v for k, v in levels.items() if k in ("gain", "step", "N0") and kind is not N.PoissonGaussian}
    free = {k: torch.tensor(v, dtype=F64, requires_grad=True) for k, v in levels.items() if k not in fixed}
    mean = column([0.7, 1.1]).requires_grad_()

    def f(m, *values):
        return kind(**fixed, **dict(zip(free, values, strict=True))).log_prob(y, m)

    assert torch.autograd.gradcheck(f, (mean, *free.values()))


@pytest.mark.parametrize("model", [N.Poisson(0.1), N.PoissonGaussian(0.1, 0.1), N.LogPoisson(1e3)])
def test_gradients_stay_finite_at_zero_mean_and_zero_count(model):
    mean = column([0.0, 0.0, 5.0]).requires_grad_()
    y = (
        model.support(mean.detach()).values[0]
        if not isinstance(model, N.PoissonGaussian)
        else column([0.0, 0.1, 0.0])
    )
    y = torch.where(torch.isfinite(y), y, 0.0)
    model.log_prob(y, mean).sum().backward()
    assert torch.isfinite(mean.grad).all()


def test_tuples_sum_over_their_parts():
    model, a, b = N.Gaussian(0.2), torch.rand(3, 1, 2, 2), torch.rand(3, 5)
    noisy = model((a, b), torch.Generator().manual_seed(0))
    total = model.log_prob(noisy[0], a) + model.log_prob(noisy[1], b)
    torch.testing.assert_close(model.log_prob(noisy, (a, b)), total)
