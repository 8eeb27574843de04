"""Additive Gaussian noise, real or complex: the model of read-out and thermal noise."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from wellposed.noise.base import Noise
from wellposed.noise.levels import Range
from wellposed.noise.support import Interval
from wellposed.random import randn_like


class Gaussian(Noise):
    """Additive Gaussian noise: ``y = mean + σ n``.

    For complex data σ is the standard deviation of the real and of the imaginary part *each*, as is
    usual in MRI (Gudbjartsson & Patz 1995): E|y − mean|² = 2σ², and the density is per unit area of
    the complex plane.

    Parameters
    ----------
    sigma
        Standard deviation ≥ 0 in the units of the data; a number, or one per sample ``(B,)``. With
        σ = 0 there is no noise, and ``log_prob`` is +inf at the mean and −inf elsewhere.

    Notes
    -----
    Samples are differentiable in ``mean`` and ``sigma`` (reparameterised), ``log_prob`` in all three.
    """

    accepts_complex: ClassVar[bool] = True
    sigma: Tensor

    def __init__(self, sigma: float | Tensor = 0.1) -> None:
        super().__init__()
        self._register_level("sigma", sigma, Range(closed=True), "give a standard deviation, 0 for no noise")

    @property
    def level(self) -> Tensor:
        """σ."""
        return self.sigma

    def mean(self, y: Tensor) -> Tensor:
        """Return ``y``: the noise is centred."""
        return y

    def variance(self, y: Tensor) -> Tensor:
        """Return σ², or 2σ² for complex data."""
        parts = 2 if y.is_complex() else 1
        return (parts * self._at("sigma", y) ** 2).expand(y.shape)

    def support(self, mean: Tensor) -> Interval:
        """Return mean ± 8σ, in both directions of the plane for complex data."""
        reach = 8 * self._at("sigma", mean) * (1 + 1j if mean.is_complex() else 1)
        return Interval(mean - reach, mean + reach)

    def _sample(self, y: Tensor, generator: torch.Generator | None) -> Tensor:
        # torch's complex normal has unit variance in total, ours per part
        unit = math.sqrt(2) if y.is_complex() else 1.0
        return y + self._at("sigma", y) * unit * randn_like(y, generator)

    def _log_density(self, y: Tensor, mean: Tensor) -> Tensor:
        sigma = self._at("sigma", mean)
        parts = 2 if mean.is_complex() else 1
        difference = y - mean
        squared = (difference * difference.conj()).real
        safe = torch.where(sigma > 0, sigma, torch.ones_like(sigma))
        density = -squared / (2 * safe**2) - parts * (safe.log() + 0.5 * math.log(2 * math.pi))
        return torch.where(sigma > 0, density, torch.where(squared == 0, math.inf, -math.inf))
