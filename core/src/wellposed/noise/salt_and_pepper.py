"""Impulse noise: dead and saturated pixels."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.noise.base import Noise
from wellposed.noise.levels import Range
from wellposed.noise.support import Atoms
from wellposed.random import rand_like


class SaltAndPepper(Noise):
    """Salt-and-pepper noise: an entry becomes ``high`` or ``low`` with given chances, else stays.

    Parameters
    ----------
    salt, pepper
        Chances of ``high`` and of ``low``, in [0, 1] with a sum ≤ 1; numbers or ``(B,)``.
    low, high
        What a dead and a saturated pixel show.

    Notes
    -----
    ``log_prob`` is a log-*mass* on {low, mean, high}, by exact comparison: it has no gradient in ``mean``
    but is differentiable in the chances. Samples are differentiable in ``mean`` where it survived.
    """

    salt: Tensor
    pepper: Tensor
    low: Tensor
    high: Tensor

    def __init__(
        self,
        salt: float | Tensor = 0.025,
        pepper: float | Tensor = 0.025,
        low: float = 0.0,
        high: float = 1.0,
    ) -> None:
        super().__init__()
        chance = Range(closed=True, high=1.0)
        self._register_level("salt", salt, chance, "give the share of saturated pixels")
        self._register_level("pepper", pepper, chance, "give the share of dead pixels")
        total = float((self.salt + self.pepper).detach().max())
        if total > 1:
            raise ParameterError(
                f"SaltAndPepper: salt + pepper = {total:g} > 1, but both are shares of the same pixels; "
                f"lower one of them"
            )
        anything = Range(low=-math.inf)
        self._register_level("low", low, anything, "give what a dead pixel shows")
        self._register_level("high", high, anything, "give what a saturated pixel shows")

    @property
    def level(self) -> tuple[Tensor, Tensor]:
        """(salt, pepper)."""
        return self.salt, self.pepper

    def mean(self, y: Tensor) -> Tensor:
        """Return salt·high + pepper·low + (1 − salt − pepper)·y."""
        salt, pepper = self._at("salt", y), self._at("pepper", y)
        return salt * self._at("high", y) + pepper * self._at("low", y) + (1 - salt - pepper) * y

    def variance(self, y: Tensor) -> Tensor:
        """Return the variance of the three-point law."""
        salt, pepper, centre = self._at("salt", y), self._at("pepper", y), self.mean(y)
        impulses = salt * (self._at("high", y) - centre) ** 2 + pepper * (self._at("low", y) - centre) ** 2
        return impulses + (1 - salt - pepper) * (y - centre) ** 2

    def support(self, mean: Tensor) -> Atoms:
        """Return low, high and the mean; an impossible value where the mean is one of the two."""
        low, high = self._at("low", mean).expand(mean.shape), self._at("high", mean).expand(mean.shape)
        elsewhere = torch.maximum(torch.maximum(low, high), mean) + 1
        third = torch.where((mean == low) | (mean == high), elsewhere, mean)
        return Atoms(torch.stack([low, torch.where(low == high, elsewhere, high), third]))

    def _sample(self, y: Tensor, generator: torch.Generator | None) -> Tensor:
        u = rand_like(y, generator)
        salt, pepper = self._at("salt", y), self._at("pepper", y)
        peppered = torch.where(u >= 1 - pepper, self._at("low", y), y)
        return torch.where(u < salt, self._at("high", y), peppered)

    def _log_density(self, y: Tensor, mean: Tensor) -> Tensor:
        salt, pepper = self._at("salt", mean), self._at("pepper", mean)
        stays = 1 - salt - pepper
        mass = (
            (y == self._at("high", mean)) * salt + (y == self._at("low", mean)) * pepper + (y == mean) * stays
        )
        safe = torch.where(mass > 0, mass, torch.ones_like(mass))
        return torch.where(mass > 0, safe.log(), -math.inf)
