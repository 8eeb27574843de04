"""The mixtures by which samplers are calibrated are exact themselves."""

from __future__ import annotations

import math

import pytest
import torch

from wellposed.testing import GaussianMixture, calibration_defect
from wellposed.testing.calibration import THRESHOLD, Masked, coverage, sliced_wasserstein


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def line():
    """A mixture on one pixel, so that integrals are sums over a grid."""
    weights = torch.tensor([0.3, 0.7], dtype=torch.float64)
    means = torch.tensor([[-1.0], [1.5]], dtype=torch.float64)
    covariances = torch.tensor([[[0.25]], [[0.5]]], dtype=torch.float64)
    return GaussianMixture(weights, means, covariances, (1, 1, 1))


GRID = torch.linspace(-8, 8, 4001, dtype=torch.float64)
STEP = float(GRID[1] - GRID[0])


def on_grid(mixture):
    return mixture.log_prob(GRID[:, None, None, None]).exp()


def test_densities_and_draws(line, generator):
    density = on_grid(line)
    assert float(density.sum()) * STEP == pytest.approx(1, abs=1e-9)
    draws = line.sample(20_000, generator)
    assert draws.shape == (20_000, 1, 1, 1)
    assert float(draws.mean()) == pytest.approx(float((GRID * density).sum()) * STEP, abs=0.05)


def test_the_score_is_the_gradient(line):
    x = torch.linspace(-3, 3, 7, dtype=torch.float64).reshape(-1, 1, 1, 1).requires_grad_()
    (want,) = torch.autograd.grad(line.log_prob(x).sum(), x)
    torch.testing.assert_close(line.score(x.detach()), want)


def test_the_denoiser_is_the_posterior_mean(line):
    sigma, noisy = 0.6, 0.4
    likelihood = torch.exp(-((GRID - noisy) ** 2) / (2 * sigma**2))
    posterior = on_grid(line) * likelihood
    want = float((GRID * posterior).sum() / posterior.sum())
    got = line.denoise(torch.full((1, 1, 1, 1), noisy, dtype=torch.float64), sigma)
    assert float(got) == pytest.approx(want, abs=1e-6)


def test_the_denoiser_takes_a_level_per_sample(line):
    x = torch.full((2, 1, 1, 1), 0.4, dtype=torch.float64)
    both = line(x, torch.tensor([0.2, 0.6]))
    torch.testing.assert_close(both[1:], line(x[1:], 0.6))


def test_the_posterior_is_bayes_rule(line):
    matrix, sigma = torch.tensor([[2.0]], dtype=torch.float64), 0.5
    y = torch.full((1, 1, 1, 1), 1.0, dtype=torch.float64)
    want = on_grid(line) * torch.exp(-((2 * GRID - 1.0) ** 2) / (2 * sigma**2))
    want = want / (want.sum() * STEP)
    torch.testing.assert_close(on_grid(line.posterior(y, matrix, sigma)), want, atol=1e-6, rtol=1e-6)


class Langevin:
    """Unadjusted Langevin on the exact posterior score, started from the prior."""

    def __init__(self, mixture):
        self.mixture = mixture

    def sample(self, y, physics, n, generator):
        x, step = self.mixture.sample(n, generator), 5e-3
        for _ in range(400):
            pull = physics.A_adjoint(y - physics.A(x)) / 0.3**2
            noise = torch.randn(x.shape, dtype=x.dtype, generator=generator)
            x = x + step * (self.mixture.score(x) + pull) + math.sqrt(2 * step) * noise
        return x


class Prior(Langevin):
    def sample(self, y, physics, n, generator):
        return self.mixture.sample(n, generator)


def test_a_real_sampler_is_calibrated_and_the_prior_is_not():
    means = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.6, -0.6, 0.3, 0.0]], dtype=torch.float64)
    covariances = torch.eye(4, dtype=torch.float64) * torch.tensor([0.3, 0.2])[:, None, None]
    mixture = GaussianMixture(torch.tensor([0.5, 0.5], dtype=torch.float64), means, covariances)
    defects = [
        calibration_defect(sampler(mixture), mixture, generator=torch.Generator().manual_seed(3))
        for sampler in (Langevin, Prior)
    ]
    assert defects[0] < THRESHOLD < defects[1]


def test_distances(generator):
    a = torch.randn(4000, 1, 1, 3, dtype=torch.float64, generator=generator)
    assert sliced_wasserstein(a, a, generator) == 0
    assert sliced_wasserstein(a, a + 1, generator) > 0.3
    truth = torch.randn(500, dtype=torch.float64, generator=generator)
    samples = torch.randn(4000, 500, dtype=torch.float64, generator=generator)
    assert coverage(samples, truth) == pytest.approx(0.9, abs=0.05)
    assert coverage(0.1 * samples, truth) < 0.3


def test_the_physics_of_the_calibration_is_right():
    from wellposed import Space
    from wellposed.testing import check

    physics = Masked((torch.arange(4) % 2 == 0).double().reshape(1, 1, 4))
    assert check(physics, domain=Space((1, 1, 4), torch.float64)).ok
