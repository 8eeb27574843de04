"""Hard bounds on pixel values, as an indicator function."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_optim.priors.base import Prior


class Box(Prior):
    """g(x) = 0 where every pixel lies in [lower, upper], else ∞; the prox is the projection.

    Parameters
    ----------
    lower, upper
        Bounds in units of the image. The default ``(0, ∞)`` is non-negativity.
    """

    def __init__(self, lower: float = 0.0, upper: float = math.inf) -> None:
        super().__init__()
        if not lower <= upper:
            raise ParameterError(f"lower = {lower} exceeds upper = {upper}; the box would be empty.")
        self.lower = lower
        self.upper = upper

    def weight_for(self, sigma: float | Tensor) -> float | Tensor:
        """Return 1: an indicator has no scale."""
        return 1.0

    def value(self, x: Tensor) -> Tensor:
        """Return 0 or ∞ per sample, ``(B,)``."""
        inside = ((x >= self.lower) & (x <= self.upper)).flatten(1).all(1)
        zero = torch.zeros(x.shape[0], dtype=x.dtype, device=x.device)
        return torch.where(inside, zero, torch.inf)

    def prox(self, x: Tensor, gamma: float | Tensor = 1.0) -> Tensor:
        """Return ``x`` clipped to the box, whatever γ."""
        return x.clamp(self.lower, self.upper)
