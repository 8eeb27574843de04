"""A noise law on one pixel, as numbers: where its mass lies, its density there, and draws from it.

The support is the model's own (``support(mean)`` with ``low``/``high`` or ``values``) or is read off the
draws: values that repeat are atoms, others come from a density.
"""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.testing.case import Skip

DRAWS = 20_000
POINTS = 20_001
PLANE = 181
"""Points per axis of the complex plane."""


@attrs.frozen(eq=False)
class Law:
    """One real coordinate of a law: points, their weights (mass per point), and draws.

    ``mass`` is normalised; ``total`` is what it summed to before.
    """

    points: Tensor
    mass: Tensor
    draws: Tensor
    total: float

    @property
    def mean(self) -> float:
        """Mean according to the likelihood."""
        return float((self.points * self.mass).sum())

    @property
    def variance(self) -> float:
        """Variance according to the likelihood."""
        return float(((self.points - self.mean) ** 2 * self.mass).sum())

    @property
    def fourth(self) -> float:
        """Fourth central moment according to the likelihood."""
        return float(((self.points - self.mean) ** 4 * self.mass).sum())

    def kolmogorov(self) -> float:
        """Return the largest distance between the distribution functions of draws and likelihood."""
        cumulative = self.mass.cumsum(0)
        middle = (self.points[1:] + self.points[:-1]) / 2
        below = torch.searchsorted(self.draws.sort().values, middle, right=True) / len(self.draws)
        return float((below - cumulative[:-1]).abs().max()) if len(middle) else 0.0


def laws(noise: Any, mean: float | complex, generator: torch.Generator) -> list[Law]:
    """Return the law at one pixel of this noiseless value; two (real, imaginary) if it is complex."""
    draws = _draw(noise, mean, generator)
    if not bool((draws != draws[0]).any()):
        raise Skip("it adds no noise at this level")
    if isinstance(mean, complex):
        return _plane(noise, mean, draws)
    low, high, atoms = _support(noise, mean, draws)
    if atoms is not None:
        mass = _density(noise, atoms, mean)
        return [_law(atoms, mass, draws)]
    step = (high - low) / POINTS
    points = low + step * (torch.arange(POINTS, dtype=torch.float64) + 0.5)
    return [_law(points, _density(noise, points, mean) * step, draws)]


def _law(points: Tensor, mass: Tensor, draws: Tensor) -> Law:
    total = float(mass.sum())
    return Law(points, mass / total if total > 0 else mass, draws, total)


def _plane(noise: Any, mean: complex, draws: Tensor) -> list[Law]:
    reach = 1.3 * max(
        float((draws.real - mean.real).abs().max()), float((draws.imag - mean.imag).abs().max())
    )
    offsets = torch.linspace(-reach, reach, PLANE, dtype=torch.float64)
    grid = torch.complex(offsets[:, None] + mean.real, offsets[None, :] + mean.imag)
    mass = _density(noise, grid.flatten(), mean).reshape(PLANE, PLANE) * float(offsets[1] - offsets[0]) ** 2
    real = _law(offsets + mean.real, mass.sum(1), draws.real)
    return [real, _law(offsets + mean.imag, mass.sum(0), draws.imag)]


def _draw(noise: Any, mean: complex, generator: torch.Generator) -> Tensor:
    dtype = torch.complex128 if isinstance(mean, complex) else torch.float64
    clean = torch.full((1, 1, DRAWS // 100, 100), mean, dtype=dtype)
    result: Tensor = noise(clean, generator)
    return result.detach().flatten()


def _density(noise: Any, points: Tensor, mean: complex) -> Tensor:
    """Evaluate exp(log_prob), one point per sample of a batch."""
    column = points.reshape(-1, 1, 1, 1)
    log_density: Tensor = noise.log_prob(column, torch.full_like(column, mean)).detach()
    return log_density.double().exp()


def _support(noise: Any, mean: float, draws: Tensor) -> tuple[float, float, Tensor | None]:
    if callable(getattr(noise, "support", None)):
        own = noise.support(torch.full((1, 1, 1, 1), mean, dtype=torch.float64))
        if hasattr(own, "values"):
            return 0.0, 0.0, torch.unique(own.values.double())
        return float(own.low), float(own.high), None
    values, counts = torch.unique(draws, return_counts=True)
    if float(counts[counts > 1].sum()) > 0.98 * len(draws):
        return 0.0, 0.0, _lattice(values)
    width = float(values[-1] - values[0])
    low, high = float(values[0]) - width, float(values[-1]) + width
    for _ in range(10):  # the likelihood may be wider than the draws
        density = _density(noise, torch.linspace(low, high, 201, dtype=torch.float64), mean)
        if float(torch.maximum(density[0], density[-1])) <= 1e-6 * float(density.max()):
            break
        low, high = low - (high - low) / 2, high + (high - low) / 2
    return low, high, None


def _lattice(values: Tensor) -> Tensor:
    """Return the atoms seen, and more of their lattice on both sides, where unseen mass may lie."""
    step = float((values[1:] - values[:-1]).min())
    count = int(min(500, 10 + 2 * float(values[-1] - values[0]) / step))
    beyond = step * torch.arange(1, count, dtype=torch.float64)
    return torch.cat([values[0] - beyond.flip(0), values, values[-1] + beyond])
