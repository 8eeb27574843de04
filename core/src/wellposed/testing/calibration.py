"""Posteriors that are known exactly, by which samplers are calibrated: Gaussian mixtures.

For a mixture prior, a linear physics and Gaussian noise, the posterior is again a mixture (Bishop, PRML
§2.3.3): each component is updated as in Wiener filtering and reweighted by its evidence. So are the score
and the denoiser of the prior blurred by noise of any σ.
"""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.testing.kinds import argument_names

THRESHOLD = 0.25
"""Sliced Wasserstein distance, in units of the posterior's spread, that a calibrated sampler stays below."""

SHAPE = (1, 1, 4)
NOISE = 0.3


@attrs.frozen(eq=False)
class GaussianMixture:
    """A mixture of Gaussians on images of n entries.

    Parameters
    ----------
    weights
        ``(K,)``, of sum one.
    means
        ``(K, n)``.
    covariances
        ``(K, n, n)``.
    shape
        The shape of one image, without the batch.
    """

    weights: Tensor
    means: Tensor
    covariances: Tensor
    shape: tuple[int, ...] = SHAPE

    @classmethod
    def random(
        cls, generator: torch.Generator, components: int = 3, shape: tuple[int, ...] = SHAPE
    ) -> GaussianMixture:
        """Return a mixture of well-separated, anisotropic components."""
        n = torch.Size(shape).numel()
        means = 1.5 * torch.randn(components, n, dtype=torch.float64, generator=generator)
        roots = 0.4 * torch.randn(components, n, n, dtype=torch.float64, generator=generator)
        covariances = roots @ roots.mT + 0.05 * torch.eye(n, dtype=torch.float64)
        weights = torch.rand(components, dtype=torch.float64, generator=generator) + 0.5
        return cls(weights / weights.sum(), means, covariances, shape)

    def blurred(self, sigma: float) -> GaussianMixture:
        """Return the law of x + σn."""
        eye = torch.eye(self.means.shape[1], dtype=self.means.dtype)
        return attrs.evolve(self, covariances=self.covariances + sigma**2 * eye)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the log-density per sample, ``(B,)``."""
        return torch.logsumexp(self._log_joint(x.flatten(1)), 1)

    def score(self, x: Tensor, sigma: Any = 0.0) -> Tensor:
        """Return ∇ log p of x + σn, for σ a number or per sample; the shape of ``x``."""
        levels, which = torch.unique(torch.as_tensor(sigma, dtype=torch.float64), return_inverse=True)
        which = which.expand(x.shape[0])
        result = torch.empty_like(x)
        for k, level in enumerate(levels):
            result[which == k] = self.blurred(float(level))._score(x[which == k])
        return result

    def denoise(self, x: Tensor, sigma: Any) -> Tensor:
        """Return E[x₀ | x₀ + σn = x] = x + σ²·score (Tweedie)."""
        levels = torch.as_tensor(sigma, dtype=x.dtype).expand(x.shape[0]).reshape(-1, *[1] * (x.ndim - 1))
        return x + levels**2 * self.score(x, sigma)

    __call__ = denoise

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw ``(n, *shape)``."""
        which = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        noise = torch.randn(n, self.means.shape[1], dtype=torch.float64, generator=generator)
        roots: Tensor = torch.linalg.cholesky(self.covariances)
        drawn = self.means[which] + (roots[which] @ noise[..., None])[..., 0]
        return drawn.reshape(n, *self.shape)

    def posterior(self, y: Tensor, matrix: Tensor, sigma: float) -> GaussianMixture:
        """Return the law of x given ``y = matrix·x + σn``, for one measurement ``(1, …)``."""
        v = y.flatten()
        eye = torch.eye(matrix.shape[0], dtype=torch.float64)
        evidence = matrix @ self.covariances @ matrix.mT + sigma**2 * eye
        gain = self.covariances @ matrix.mT @ torch.linalg.inv(evidence)
        residual = v - self.means @ matrix.mT
        means = self.means + (gain @ residual[..., None])[..., 0]
        covariances = self.covariances - gain @ matrix @ self.covariances
        likelihood = _log_normal(v[None], self.means @ matrix.mT, evidence)[0]
        weights = (self.weights.log() + likelihood).softmax(0)
        return GaussianMixture(weights, means, (covariances + covariances.mT) / 2, self.shape)

    def _log_joint(self, flat: Tensor) -> Tensor:
        return self.weights.log() + _log_normal(flat, self.means, self.covariances)

    def _score(self, x: Tensor) -> Tensor:
        flat = x.flatten(1).double()
        responsibility = self._log_joint(flat).softmax(1)
        pull: Tensor = torch.linalg.solve(self.covariances, (self.means - flat[:, None])[..., None])[..., 0]
        return (responsibility[..., None] * pull).sum(1).reshape(x.shape).to(x.dtype)


def _log_normal(points: Tensor, means: Tensor, covariances: Tensor) -> Tensor:
    """Return the log-density of each point under each Gaussian, ``(B, K)``."""
    law = torch.distributions.MultivariateNormal(means, covariances)
    value: Tensor = law.log_prob(points[:, None])  # type: ignore[no-untyped-call]
    return value


class Masked:
    """The physics of a calibration: keeps the first half of the entries, with Gaussian noise."""

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def __call__(self, x: Tensor, **parameters: Any) -> Tensor:
        """Return the kept entries, zeros elsewhere."""
        return self.A(x, **parameters)

    def A(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the kept entries, zeros elsewhere."""
        return x * (self.mask if mask is None else mask)

    def A_adjoint(self, y: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the same: a projection."""
        return self.A(y, mask)

    def A_dagger(self, y: Tensor) -> Tensor:
        """Return the same: a projection is its own pseudo-inverse."""
        return self.A(y)

    def A_vjp(self, x: Tensor, v: Tensor) -> Tensor:
        """Return A*v."""
        return self.A(v)

    def prox_l2(self, z: Tensor, y: Tensor, gamma: float) -> Tensor:
        """Return argmin_u γ/2·‖Au − y‖² + ½·‖u − z‖²."""
        return (z + gamma * self.mask * y) / (1 + gamma * self.mask)


def sliced_wasserstein(a: Tensor, b: Tensor, generator: torch.Generator, directions: int = 50) -> float:
    """Return the mean 1-Wasserstein distance of two equally large samples over random directions."""
    n = a[0].numel()
    w = torch.randn(n, directions, dtype=torch.float64, generator=generator)
    w = w / w.norm(dim=0)
    along = [(s.flatten(1).double() @ w).sort(0).values for s in (a, b)]
    return float((along[0] - along[1]).abs().mean())


def coverage(samples: Tensor, truth: Tensor, level: float = 0.9) -> float:
    """Return the share of entries of ``truth`` in the central ``level`` interval of ``samples`` (n, …)."""
    low, high = samples.quantile((1 - level) / 2, dim=0), samples.quantile((1 + level) / 2, dim=0)
    return float(((truth >= low) & (truth <= high)).double().mean())


def calibration_defect(
    sampler: Any, mixture: GaussianMixture, *, generator: torch.Generator, n: int = 300, cases: int = 2
) -> float:
    """Return how far a sampler is from the exact posterior of a mixture prior.

    Parameters
    ----------
    sampler
        ``sample(y, physics, n, generator)``, set up with the mixture's score, denoiser or itself as prior.
    mixture
        The prior.
    generator
        Draws truths, noise, exact samples and directions.
    n, cases
        Samples per measurement, and measurements.

    Returns
    -------
    float
        The mean over measurements of the sliced Wasserstein distance between its samples and exact ones,
        divided by the posterior's spread. Exact samples of the same number give about ``0.1``.
    """
    mask = (torch.arange(mixture.means.shape[1]) % 2 == 0).double().reshape(mixture.shape)
    physics = Masked(mask)
    total = 0.0
    for x in mixture.sample(cases, generator):
        noise = NOISE * torch.randn(mixture.shape, dtype=torch.float64, generator=generator)
        y = (physics.A(x) + noise * mask)[None]
        posterior = mixture.posterior(y, torch.diag(mask.flatten()), NOISE)
        exact = posterior.sample(n, generator)
        drawn = torch.cat([s.reshape(1, *mixture.shape) for s in sampler.sample(y, physics, n, generator)])
        spread = float(exact.flatten(1).std(0).mean())
        total += sliced_wasserstein(drawn, exact, generator) / spread
    return total / cases


def prepared(component: Any, generator: torch.Generator) -> tuple[GaussianMixture, Any]:
    """Return a mixture, and the sampler with it as its prior (``None`` if it takes none)."""
    mixture = GaussianMixture.random(generator)
    if callable(getattr(component, "replace", None)):
        names = argument_names(type(component))
        for name, value in (("score", mixture.score), ("denoiser", mixture), ("prior", mixture)):
            if name in names:
                return mixture, component.replace(**{name: value})
    return mixture, None
