"""Photon counting followed by read-out noise: the model of a real camera.

The likelihood is an infinite sum over photon counts, Σ_k Poisson(k; λ) · Normal(y; gain·k, σ²). Its terms
are log-concave in k, so they are summed in a window around the largest one. Where the window is wide the
terms are so smooth that every few of them suffice: an equispaced sum of a Gaussian bump converges like
exp(−2π²(width/stride)²). So the work is bounded at any photon number.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wellposed.noise.base import Noise
from wellposed.noise.counts import draw_counts, poisson_log_mass, require_nonnegative
from wellposed.noise.levels import Range
from wellposed.noise.support import Interval
from wellposed.random import randn_like

_REACH = 8.5
_TAIL = 12
_PER_WIDTH = 1.2


class PoissonGaussian(Noise):
    """Poisson–Gaussian noise: ``y = gain · K + σ n`` with K Poisson of rate ``mean / gain``.

    Parameters
    ----------
    gain
        Data units per photon, > 0; a number or ``(B,)``.
    sigma
        Standard deviation of the read-out noise, > 0, in data units; a number or ``(B,)``. For σ = 0 the
        law is no density: use :class:`~wellposed.noise.Poisson`.

    Notes
    -----
    ``log_prob`` is a truncated sum, accurate to 1e-10 in float64 (relative, of the density); in float32 the
    rounding of its terms dominates. It is differentiable in ``mean``, ``gain`` and ``sigma``. The length of
    the sum depends on the data, so this law does not run under ``torch.func.vmap``. Samples carry
    gradients to σ only. Source: A. Foi et al., "Practical Poissonian–Gaussian noise modeling and fitting
    for single-image raw data", IEEE TIP 2008.
    """

    gain: Tensor
    sigma: Tensor

    def __init__(self, gain: float | Tensor = 0.01, sigma: float | Tensor = 0.05) -> None:
        super().__init__()
        self._register_level("gain", gain, Range(), "give the data units per photon, e.g. 1/photons at white")
        self._register_level("sigma", sigma, Range(), "without read-out noise use Poisson(gain)")

    @property
    def level(self) -> tuple[Tensor, Tensor]:
        """(gain, σ)."""
        return self.gain, self.sigma

    def mean(self, y: Tensor) -> Tensor:
        """Return ``y``: the noise is centred."""
        return y

    def variance(self, y: Tensor) -> Tensor:
        """Return gain · y + σ²."""
        return self._at("gain", y) * y + self._at("sigma", y) ** 2

    def support(self, mean: Tensor) -> Interval:
        """Return an interval of ten standard deviations of each part."""
        gain, sigma = self._at("gain", mean), self._at("sigma", mean)
        rate = mean / gain
        reach = 10 * rate.sqrt()
        low = (rate - reach).clamp(min=0)
        return Interval(gain * low - 8 * sigma, gain * (rate + reach + 20) + 8 * sigma)

    def _sample(self, y: Tensor, generator: torch.Generator | None) -> Tensor:
        gain, sigma = self._at("gain", y), self._at("sigma", y)
        counts = draw_counts(require_nonnegative(self._name, y) / gain, generator)
        return gain * counts + sigma * randn_like(y, generator)

    def _log_density(self, y: Tensor, mean: Tensor) -> Tensor:
        gain, sigma = self._at("gain", mean), self._at("sigma", mean)
        rate, seen, width = mean / gain, y / gain, sigma / gain
        start, stride, terms = _window(rate.detach(), seen.detach(), width.detach())
        total = torch.full_like(seen, -math.inf)
        for j in range(terms):
            k = start + j * stride
            term = poisson_log_mass(k, rate) - 0.5 * ((seen - k) / width) ** 2
            total = term if j == 0 else torch.logaddexp(total, term)
        return total + stride.log() - sigma.log() - 0.5 * math.log(2 * math.pi)


def _window(rate: Tensor, seen: Tensor, width: Tensor) -> tuple[Tensor, Tensor, int]:
    """Return the first count, the stride, and the number of terms that hold the sum."""
    mode = _mode(rate.clamp(min=0), seen, width)
    spread = (1 / (mode + 0.5) + 1 / width**2).rsqrt()
    start = (mode - _REACH * spread).floor().clamp(min=0)
    # a Poisson law of few counts has a longer right tail than its width says
    stop = mode + _REACH * spread + torch.where(start > 0, 0, _TAIL)
    # the sum has an edge at k = 0, where only every single term will do
    stride = torch.where(start > 0, (spread / _PER_WIDTH).floor().clamp(min=1), torch.ones_like(start))
    steps = (stop - start) / stride
    return start, stride, 1 + math.ceil(float(steps.max())) if steps.numel() else 1


def _mode(rate: Tensor, seen: Tensor, width: Tensor) -> Tensor:
    """Return where log λ − log(k + ½) + (seen − k)/width² vanishes, clamped to k ≥ 0.

    The function is convex and decreasing, so Newton's steps from its left converge monotonically.
    """
    log_rate = rate.clamp(min=torch.finfo(rate.dtype).tiny).log()
    precision = 1 / width**2
    k = torch.minimum(rate, seen).clamp(min=0)
    for _ in range(12):
        value = log_rate - torch.log(k + 0.5) + (seen - k) * precision
        k = (k + value / (1 / (k + 0.5) + precision)).clamp(min=0)
    return k
