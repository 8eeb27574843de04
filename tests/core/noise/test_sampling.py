"""Draws: moments, laws, streams, gradients, and no global state."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats

from wellposed import noise as N

F64 = torch.float64
MODELS = [
    N.Gaussian(0.3), N.Poisson(0.1), N.PoissonGaussian(0.1, 0.2), N.Uniform(0.4), N.SaltAndPepper(0.2, 0.1),
    N.Laplace(0.2), N.Gamma(3.0), N.LogPoisson(40.0, 0.8), N.Rician(0.4), N.Quantisation(0.2, 0.15),
    N.Quantisation(0.3),
]  # fmt: skip
each = pytest.mark.parametrize("model", MODELS, ids=lambda m: str(m))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@each
@pytest.mark.parametrize("mean", [0.0, 0.6, 2.0])
def test_moments(model, mean):
    n = 200_000
    clean = torch.full((2, 1, 1, n // 2), mean, dtype=F64)
    y = model(clean, seeded())
    expected, variance = model.mean(clean[:1, ..., :1]).item(), model.variance(clean[:1, ..., :1]).item()
    if variance < 1e-12:
        assert float((y - expected).abs().max()) < 1e-6
        return
    z_mean = (y.mean().item() - expected) / math.sqrt(variance / n)
    fourth = ((y - expected) ** 4).mean().item()
    z_variance = (((y - expected) ** 2).mean().item() - variance) / math.sqrt(
        max(fourth - variance**2, 1e-30) / n
    )
    assert abs(z_mean) < 5
    assert abs(z_variance) < 5


def test_complex_gaussian_parts_have_sigma_each():
    y = N.Gaussian(0.3)(torch.zeros(1, 100_000, dtype=torch.complex128), seeded())
    assert stats.kstest(y.real.flatten().numpy(), stats.norm(0, 0.3).cdf).pvalue > 1e-6
    assert stats.kstest(y.imag.flatten().numpy(), stats.norm(0, 0.3).cdf).pvalue > 1e-6
    assert N.Gaussian(0.3).variance(y[:, :1]).item() == pytest.approx(0.18)


@pytest.mark.parametrize(
    ("model", "law"),
    [
        (N.Laplace(0.2), stats.laplace(0.7, 0.2)),
        (N.Gamma(3.0), stats.gamma(3.0, scale=0.7 / 3)),
        (N.Rician(0.4), stats.rice(0.7 / 0.4, scale=0.4)),
        (N.Uniform(0.4), stats.uniform(0.3, 0.8)),
    ],
)
def test_draws_follow_scipys_law(model, law):
    y = model(torch.full((1, 20_000), 0.7, dtype=F64), seeded())
    assert stats.kstest(y.flatten().numpy(), law.cdf).pvalue > 1e-6


@each
def test_a_sample_does_not_depend_on_the_batch(model):
    clean = torch.rand(8, 1, 4, 5, generator=seeded(1))
    assert torch.equal(model(clean, seeded())[:3], model(clean[:3], seeded()))


@each
def test_the_global_generator_is_left_alone(model):
    clean = torch.rand(2, 1, 4, 5, generator=seeded(1))
    before = torch.random.get_rng_state()
    a, b = model(clean, seeded()), model(clean, seeded())
    assert torch.equal(a, b)
    assert torch.equal(torch.random.get_rng_state(), before)


@each
def test_inputs_are_kept_and_draws_are_possible(model):
    clean = torch.rand(3, 2, 4, 5, generator=seeded(1))
    kept = clean.clone()
    y = model(clean, seeded())
    assert torch.equal(clean, kept)
    assert y.dtype == clean.dtype
    assert torch.isfinite(model.log_prob(y, clean)).all()


def test_parts_of_a_tuple_differ():
    a, b = N.Gaussian(1.0)((torch.zeros(2, 9), torch.zeros(2, 9)), seeded())
    assert not torch.equal(a, b)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(N.Gaussian, "sigma"), (N.Uniform, "half_width"), (N.Laplace, "scale"), (N.Rician, "sigma")],
)
def test_draws_are_reparameterised(kind, name):
    clean = torch.full((2, 1, 1, 3), 0.6, dtype=F64, requires_grad=True)
    level = torch.tensor([0.2, 0.5], dtype=F64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda m, s: kind(**{name: s})(m, seeded()), (clean, level))


def test_gamma_draws_are_differentiable_in_the_mean():
    clean = torch.full((2, 1, 1, 3), 0.6, dtype=F64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda m: N.Gamma(2.0)(m, seeded()), (clean,))


def test_rician_takes_complex_means():
    z = torch.polar(torch.full((1, 50_000), 0.7, dtype=F64), torch.rand(1, 50_000, dtype=F64))
    y = N.Rician(0.3)(z, seeded())
    assert not y.is_complex()
    assert stats.kstest(y.flatten().numpy(), stats.rice(0.7 / 0.3, scale=0.3).cdf).pvalue > 1e-6
    torch.testing.assert_close(N.Rician(0.3).log_prob(y, z), N.Rician(0.3).log_prob(y, z.abs()))


def test_dead_pixels_of_ct_are_finite():
    y = N.LogPoisson(5.0, zero_count=0.1)(torch.full((1, 100), 9.0), seeded())
    assert y.max().item() == pytest.approx(math.log(50.0))


def test_quantised_values_lie_on_the_grid():
    y = N.Quantisation(1 / 255)(torch.rand(1, 3, 8, 8, generator=seeded()), None)
    torch.testing.assert_close((y * 255).round() / 255, y)
