"""Rounding to a uniform grid: what an analogue-to-digital converter does to a signal, noisy or not."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wellposed.noise.base import Noise
from wellposed.noise.levels import Range
from wellposed.noise.support import Atoms
from wellposed.random import randn_like


class Quantisation(Noise):
    """Quantisation: ``y = step · round((mean + σ n) / step)``.

    Parameters
    ----------
    step
        Distance of the grid's values, > 0, in data units; a number or ``(B,)``. For b bits on [0, 1] it
        is 1 / (2ᵇ − 1). The grid contains 0 and does not end (nothing saturates).
    sigma
        Standard deviation ≥ 0 of Gaussian noise *before* rounding, in data units; a number or ``(B,)``.

    Notes
    -----
    ``log_prob`` is a log-*mass* on the grid. With σ > 0 it is that of the bin,
    log[Φ((y + step/2 − mean)/σ) − Φ((y − step/2 − mean)/σ)], differentiable in ``mean`` and the levels.
    With σ = 0 nothing is random: the mass is one at the rounded mean, so ``log_prob`` is 0 or −inf and
    has no gradient; it says whether ``y`` is consistent with ``mean``. Off the grid (beyond
    1e-3 steps, and rounding) the value is −inf. Samples carry no gradient. Moments have a closed form
    for σ = 0 only; with noise they are summed over the grid.
    """

    step: Tensor
    sigma: Tensor

    def __init__(self, step: float | Tensor = 1 / 255, sigma: float | Tensor = 0.0) -> None:
        super().__init__()
        self._register_level("step", step, Range(), "give the distance of the values, e.g. 1/255 for 8 bits")
        fix = "give the standard deviation before rounding, 0 for none"
        self._register_level("sigma", sigma, Range(closed=True), fix)

    @property
    def level(self) -> tuple[Tensor, Tensor]:
        """(step, σ)."""
        return self.step, self.sigma

    def mean(self, y: Tensor) -> Tensor:
        """Return the expected value, summed over the grid."""
        atoms = self.support(y).values
        return (self._log_density(atoms, y).exp() * atoms).sum(0)

    def variance(self, y: Tensor) -> Tensor:
        """Return the variance, summed over the grid; zero without noise."""
        atoms = self.support(y).values
        return (self._log_density(atoms, y).exp() * (atoms - self.mean(y)) ** 2).sum(0)

    def support(self, mean: Tensor) -> Atoms:
        """Return the grid within 8σ of the mean."""
        step, mean = self._at("step", mean), mean.detach()
        ratio = (self._at("sigma", mean) / step).detach()
        reach = math.ceil(8 * float(ratio.max())) + 1
        offsets = torch.arange(-reach, reach + 1, dtype=mean.dtype, device=mean.device)
        return Atoms(step * (torch.round(mean / step) + offsets.reshape(-1, *(1,) * mean.ndim)))

    def _sample(self, y: Tensor, generator: torch.Generator | None) -> Tensor:
        step = self._at("step", y)
        return step * torch.round((y + self._at("sigma", y) * randn_like(y, generator)) / step)

    def _log_density(self, y: Tensor, mean: Tensor) -> Tensor:
        step, sigma = self._at("step", mean), self._at("sigma", mean)
        ratio = (y / step).detach()
        tolerance = 1e-3 + 32 * torch.finfo(torch.float32).eps * ratio.abs()
        off_grid = (ratio - ratio.round()).abs() > tolerance
        rounds = torch.where(ratio.round() == torch.round(mean / step), 0.0, -math.inf)
        noisy = _log_bin(y - mean, step / 2, torch.where(sigma > 0, sigma, torch.ones_like(sigma)))
        return torch.where(sigma > 0, noisy, rounds) + torch.where(off_grid, -math.inf, 0.0)


def _log_bin(centre: Tensor, half: Tensor, sigma: Tensor) -> Tensor:
    """Return log[Φ((c + h)/σ) − Φ((c − h)/σ)], taken in the left tail, where differences keep digits."""
    left = -centre.abs()
    upper: Tensor = torch.special.log_ndtr((left + half) / sigma)
    lower = torch.special.log_ndtr((left - half) / sigma)
    return upper + torch.log(-torch.expm1(lower - upper))
