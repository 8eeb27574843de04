"""Additive uniform noise, the usual stand-in for the error of a coarse digitiser."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wellposed.noise.base import Noise
from wellposed.noise.levels import Range
from wellposed.noise.support import Interval
from wellposed.random import rand_like


class Uniform(Noise):
    """Additive uniform noise: ``y = mean + u``, u uniform on [−half_width, half_width].

    Parameters
    ----------
    half_width
        Largest error, > 0, in data units; a number or ``(B,)``. The variance is half_width² / 3.

    Notes
    -----
    ``log_prob`` is −log(2·half_width) per entry inside and −inf outside: it says what is possible and has
    no gradient in ``mean``. Samples are differentiable in ``mean`` and ``half_width``.
    """

    half_width: Tensor

    def __init__(self, half_width: float | Tensor = 0.1) -> None:
        super().__init__()
        self._register_level("half_width", half_width, Range(), "give the largest error in data units")

    @property
    def level(self) -> Tensor:
        """The half width."""
        return self.half_width

    def mean(self, y: Tensor) -> Tensor:
        """Return ``y``: the noise is centred."""
        return y

    def variance(self, y: Tensor) -> Tensor:
        """Return half_width² / 3."""
        return (self._at("half_width", y) ** 2 / 3).expand(y.shape)

    def support(self, mean: Tensor) -> Interval:
        """Return mean ± half_width."""
        half = self._at("half_width", mean)
        return Interval(mean - half, mean + half)

    def _sample(self, y: Tensor, generator: torch.Generator | None) -> Tensor:
        return y + self._at("half_width", y) * (2 * rand_like(y, generator) - 1)

    def _log_density(self, y: Tensor, mean: Tensor) -> Tensor:
        half = self._at("half_width", mean)
        # y = mean + u was rounded to the data's precision; one rounding beyond the edge is still inside
        slack = 2 * torch.finfo(y.dtype).eps * (mean.abs() + half)
        inside = (y - mean).abs() <= half + slack
        return torch.where(inside, -(2 * half).log(), -math.inf)
