"""Multiplication of images by a number: the symmetry of methods that do not care about units."""

from __future__ import annotations

import math

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.random import per_sample
from wellposed.transforms.base import GroupTransform, match_batch, per_image


def _above_one(instance: object, attribute: object, value: float) -> None:
    if not 1 < value < math.inf:
        raise ParameterError(
            f"Gains: max_gain={value} must be finite and > 1; both it and its inverse are drawn"
        )


@attrs.frozen
class Gains(GroupTransform[Tensor]):
    """``x ↦ c·x``: the group of the numbers c > 0, or of all but zero; exact. Elements: floats ``(n,)``.

    Parameters
    ----------
    max_gain
        Largest |c| that is drawn, > 1; its inverse is the smallest.
    signed
        Whether negative numbers belong to the group: linear methods commute with them too.
    """

    max_gain: float = attrs.field(default=8.0, validator=_above_one)
    signed: bool = False

    def sample(self, generator: torch.Generator | None = None, n: int = 1) -> Tensor:
        """Draw log-uniformly from [1/max_gain, max_gain], with either sign where there are signs."""
        draws = per_sample(lambda g: torch.rand(2, generator=g, dtype=torch.float64), n, generator)
        gains = torch.exp(math.log(self.max_gain) * (2 * draws[:, 0] - 1))
        return torch.where(draws[:, 1] < 0.5, -gains, gains) if self.signed else gains

    def act(self, x: Tensor, g: Tensor) -> Tensor:
        """Return c·x."""
        gain = match_batch(g, x, "Gains")
        return per_image(gain.to(x.dtype), x) * x

    def inverse(self, g: Tensor) -> Tensor:
        """Return 1/c."""
        return 1 / g

    def compose(self, g: Tensor, h: Tensor) -> Tensor:
        """Return the product."""
        return g * h

    def identity(self) -> Tensor:
        """Return the number one."""
        return torch.ones(1, dtype=torch.float64)
