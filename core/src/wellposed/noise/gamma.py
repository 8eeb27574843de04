"""Multiplicative speckle of coherent imaging (radar, ultrasound, laser) in intensity."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wellposed.noise.base import Noise
from wellposed.noise.counts import require_nonnegative
from wellposed.noise.levels import Range
from wellposed.noise.support import Interval
from wellposed.random import streams


class Gamma(Noise):
    """Gamma speckle: ``y = mean · G / looks`` with G Gamma-distributed of shape ``looks``.

    Parameters
    ----------
    looks
        Equivalent number of independent looks, > 0, a number or ``(B,)``: E y = mean and
        Var y = mean² / looks, so *fewer* looks mean more noise; 1 is fully developed speckle.

    Notes
    -----
    Means are intensities ≥ 0; where the mean is 0 so is ``y``, and ``log_prob`` is +inf there. Samples
    are differentiable in ``mean`` and ``looks`` (implicit reparameterisation). Source: J. W. Goodman,
    "Some fundamental properties of speckle", JOSA 1976.
    """

    looks: Tensor

    def __init__(self, looks: float | Tensor = 4.0) -> None:
        super().__init__()
        self._register_level("looks", looks, Range(), "give the number of independent looks")

    @property
    def level(self) -> Tensor:
        """The number of looks; fewer looks, more noise."""
        return self.looks

    def mean(self, y: Tensor) -> Tensor:
        """Return ``y``: speckle multiplies by a factor of mean one."""
        return y

    def variance(self, y: Tensor) -> Tensor:
        """Return y² / looks."""
        return y**2 / self._at("looks", y)

    def support(self, mean: Tensor) -> Interval:
        """Return zero to far in the tail; the density at zero is infinite for looks < 1."""
        looks = self._at("looks", mean)
        return Interval(torch.zeros_like(mean), mean * (looks + 10 * looks.sqrt() + 25) / looks)

    def _sample(self, y: Tensor, generator: torch.Generator | None) -> Tensor:
        mean = require_nonnegative(self._name, y)
        looks = self._at("looks", y)
        shapes = looks.expand(y.shape)
        pairs = zip(shapes, streams(generator, y.shape[0], y.device), strict=True)
        return mean / looks * torch.stack([torch._standard_gamma(s, generator=g) for s, g in pairs])

    def _log_density(self, y: Tensor, mean: Tensor) -> Tensor:
        looks = self._at("looks", mean)
        positive = torch.where(mean > 0, mean, torch.ones_like(mean))
        ratio = torch.where((y > 0) & (mean > 0), y / positive, torch.ones_like(y))
        shape = looks * looks.log() - torch.lgamma(looks) - positive.log()
        inside = shape + (looks - 1) * ratio.log() - looks * ratio
        edge = shape + torch.where(looks == 1, 0.0, torch.where(looks > 1, -math.inf, math.inf))
        density = torch.where(y > 0, inside, torch.where(y == 0, edge, -math.inf))
        nowhere = torch.where(y == 0, math.inf, -math.inf)
        return torch.where(mean > 0, density, torch.where(mean == 0, nowhere, -math.inf))
