"""Photon counting: Poisson noise with a camera's gain."""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed.noise.base import Noise
from wellposed.noise.counts import (
    draw_counts,
    likely_counts,
    nearest_count,
    poisson_log_mass,
    require_nonnegative,
)
from wellposed.noise.levels import Range
from wellposed.noise.support import Atoms


class Poisson(Noise):
    """Poisson noise: ``y = gain · K`` with K Poisson of rate ``mean / gain``.

    Parameters
    ----------
    gain
        Data units per photon, > 0: E y = mean and Var y = gain · mean, so a larger gain means fewer
        photons and more noise. A number, or one per sample ``(B,)``.

    Notes
    -----
    ``log_prob`` is the log-*mass* of the count ``y / gain``, and −inf where that is no whole number ≥ 0
    (within 1e-3, and rounding). Its gradient in ``mean`` is ``1/gain · (y/mean − 1)`` everywhere, also
    where the value is −inf. Samples carry no gradient. A mean that is negative by more than rounding is
    a :class:`~wellposed.errors.ParameterError`.
    """

    gain: Tensor

    def __init__(self, gain: float | Tensor = 0.01) -> None:
        super().__init__()
        self._register_level("gain", gain, Range(), "give the data units per photon, e.g. 1/photons at white")

    @property
    def level(self) -> Tensor:
        """The gain."""
        return self.gain

    def mean(self, y: Tensor) -> Tensor:
        """Return ``y``: counting is unbiased."""
        return y

    def variance(self, y: Tensor) -> Tensor:
        """Return gain · y."""
        return self._at("gain", y) * y

    def support(self, mean: Tensor) -> Atoms:
        """Return multiples of the gain around the mean."""
        gain = self._at("gain", mean)
        return Atoms(gain * likely_counts(mean / gain))

    def _sample(self, y: Tensor, generator: torch.Generator | None) -> Tensor:
        gain = self._at("gain", y)
        return gain * draw_counts(require_nonnegative(self._name, y) / gain, generator)

    def _log_density(self, y: Tensor, mean: Tensor) -> Tensor:
        gain = self._at("gain", mean)
        count, penalty = nearest_count(y / gain)
        return poisson_log_mass(count, mean / gain) + penalty
