"""Quadratic priors: the image, or its gradient, is small."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from wellposed import vectors
from wellposed_optim.parameters import per_sample
from wellposed_optim.priors.base import Prior


class Tikhonov(Prior):
    """g(x) = ½‖x‖²."""

    smooth: ClassVar[bool] = True

    def weight_for(self, sigma: float | Tensor) -> float | Tensor:
        """Return σ."""
        return sigma

    def value(self, x: Tensor) -> Tensor:
        """Return ½‖x‖² per sample, ``(B,)``."""
        n = vectors.norm(x)
        return 0.5 * n * n

    def prox(self, x: Tensor, gamma: float | Tensor) -> Tensor:
        """Return x/(1 + γ)."""
        return x / (1 + per_sample(gamma, x))

    def grad(self, x: Tensor) -> Tensor:
        """Return x."""
        return x

    def lipschitz(self) -> float:
        """Return 1."""
        return 1.0
