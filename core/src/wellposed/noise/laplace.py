"""Additive Laplace noise: heavier tails than Gaussian, whose likelihood is the L1 fidelity."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wellposed.noise.base import Noise
from wellposed.noise.levels import Range
from wellposed.noise.support import Interval
from wellposed.random import per_sample


class Laplace(Noise):
    """Additive Laplace noise: density exp(−|y − mean| / scale) / (2·scale).

    Parameters
    ----------
    scale
        Mean absolute error, > 0, in data units; a number or ``(B,)``. The variance is 2·scale².

    Notes
    -----
    Samples are differentiable in ``mean`` and ``scale``; ``log_prob`` in all three, where y ≠ mean.
    """

    scale: Tensor

    def __init__(self, scale: float | Tensor = 0.1) -> None:
        super().__init__()
        self._register_level("scale", scale, Range(), "give the mean absolute error in data units")

    @property
    def level(self) -> Tensor:
        """The scale."""
        return self.scale

    def mean(self, y: Tensor) -> Tensor:
        """Return ``y``: the noise is centred."""
        return y

    def variance(self, y: Tensor) -> Tensor:
        """Return 2·scale²."""
        return (2 * self._at("scale", y) ** 2).expand(y.shape)

    def support(self, mean: Tensor) -> Interval:
        """Return mean ± 24 scales."""
        reach = 24 * self._at("scale", mean)
        return Interval(mean - reach, mean + reach)

    def _sample(self, y: Tensor, generator: torch.Generator | None) -> Tensor:
        def draw(stream: torch.Generator) -> Tensor:
            # a difference of exponentials, which never takes the logarithm of zero
            pair = torch.empty((2, *y.shape[1:]), dtype=y.dtype, device=y.device).exponential_(
                generator=stream
            )
            return pair[0] - pair[1]

        return y + self._at("scale", y) * per_sample(draw, y.shape[0], generator, y.device)

    def _log_density(self, y: Tensor, mean: Tensor) -> Tensor:
        scale = self._at("scale", mean)
        return -(y - mean).abs() / scale - scale.log() - math.log(2)
