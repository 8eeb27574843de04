"""Rician noise: the magnitude of a complex MR image with Gaussian noise."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from wellposed.errors import DtypeError
from wellposed.noise.base import Noise
from wellposed.noise.levels import Range
from wellposed.noise.support import Interval
from wellposed.random import randn_like


class Rician(Noise):
    """Rician noise: ``y = |mean + σ (n₁ + i n₂)|``, real from a real or complex mean.

    Parameters
    ----------
    sigma
        Standard deviation of the real and of the imaginary part each, > 0; a number or ``(B,)``.

    Notes
    -----
    The law depends on |mean| only, so signs and phases of the mean are free. The noise is biased: see
    :meth:`mean`. Samples are differentiable in ``mean`` and ``sigma``, ``log_prob`` in all three. Source:
    H. Gudbjartsson & S. Patz, "The Rician distribution of noisy MRI data", MRM 1995.
    """

    accepts_complex: ClassVar[bool] = True
    sigma: Tensor

    def __init__(self, sigma: float | Tensor = 0.1) -> None:
        super().__init__()
        fix = "give the standard deviation of one complex part; without noise take y.abs()"
        self._register_level("sigma", sigma, Range(), fix)

    @property
    def level(self) -> Tensor:
        """σ of one complex part."""
        return self.sigma

    def mean(self, y: Tensor) -> Tensor:
        """Return σ √(π/2) L_½(−|y|²/2σ²), with L_½ a Laguerre function; at least |y|."""
        sigma = self._at("sigma", y)
        x = (y.abs() / sigma) ** 2 / 2
        laguerre: Tensor = (1 + x) * torch.special.i0e(x / 2) + x * torch.special.i1e(x / 2)
        return sigma * math.sqrt(math.pi / 2) * laguerre

    def variance(self, y: Tensor) -> Tensor:
        """Return 2σ² + |y|² − mean(y)²."""
        magnitude, mean = y.abs(), self.mean(y)
        return 2 * self._at("sigma", y) ** 2 - (mean - magnitude) * (mean + magnitude)

    def support(self, mean: Tensor) -> Interval:
        """Return |mean| ± 9σ, above zero."""
        magnitude, reach = mean.abs(), 9 * self._at("sigma", mean)
        return Interval((magnitude - reach).clamp(min=0), magnitude + reach)

    def _sample(self, y: Tensor, generator: torch.Generator | None) -> Tensor:
        z = y if y.is_complex() else torch.complex(y, torch.zeros_like(y))
        return (z + self._at("sigma", y) * math.sqrt(2) * randn_like(z, generator)).abs()

    def _log_density(self, y: Tensor, mean: Tensor) -> Tensor:
        sigma, magnitude = self._at("sigma", mean), mean.abs()
        safe = torch.where(y > 0, y, torch.ones_like(y))
        bessel = torch.special.i0e(safe * magnitude / sigma**2).log()
        density = safe.log() - 2 * sigma.log() - 0.5 * ((safe - magnitude) / sigma) ** 2 + bessel
        return torch.where(y > 0, density, -math.inf)

    def _check_pair(self, y: Tensor, mean: Tensor) -> None:
        self._checked(mean)
        if y.is_complex():
            raise DtypeError(f"Rician: y is {y.dtype} but a magnitude is real; give y.abs()")
        self._check_shapes(y, mean)
