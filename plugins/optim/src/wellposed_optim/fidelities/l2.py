"""Least squares, the negative log-likelihood of Gaussian noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from wellposed import vectors
from wellposed.spaces import Vector
from wellposed_optim.fidelities.base import Fidelity
from wellposed_optim.normal import normal_map, squared_norm
from wellposed_optim.parameters import keep, positive


class L2(Fidelity):
    """f(x) = ‖A x − y‖² / (2σ²).

    Parameters
    ----------
    sigma
        Standard deviation of the noise, a number or per sample ``(B,)``. The default 1 gives plain least
        squares, which the presets use with a prior weight in units of σ².
    """

    def __init__(self, sigma: float | Tensor = 1.0) -> None:
        super().__init__()
        positive("sigma", sigma)
        keep(self, "sigma", sigma)
        self.sigma: float | Tensor

    @property
    def precision(self) -> float | Tensor:
        """1/σ²."""
        return 1.0 / (self.sigma * self.sigma)

    def distance(self, u: Vector, y: Vector) -> Tensor:
        """Return ‖u − y‖²/(2σ²), ``(B,)``."""
        n = vectors.norm(vectors.subtract(u, y))
        return 0.5 * self.precision * n * n

    def distance_grad(self, u: Vector, y: Vector) -> Vector:
        """Return (u − y)/σ²."""
        return vectors.scale(self.precision, vectors.subtract(u, y))

    def distance_prox(self, u: Vector, y: Vector, gamma: float | Tensor) -> Vector:
        """Return (u + γ y/σ²)/(1 + γ/σ²)."""
        g = gamma * self.precision
        return vectors.scale(1.0 / (1.0 + g), vectors.add_scaled(u, g, y))

    def prox(self, z: Vector, y: Vector, physics: Any, gamma: float | Tensor) -> Any:
        """Return ``physics.prox_l2(z, y, γ/σ²)``: a closed form where the physics knows one."""
        return physics.prox_l2(z, y, gamma * self.precision)

    def grad_map(self, y: Vector, physics: Any) -> Callable[[Any], Any]:
        """Return ``x ↦ (A*A x − A*y)/σ²`` with A*y computed once and A*A as one operator."""
        gram = normal_map(physics)
        if gram is None:
            return super().grad_map(y, physics)
        rhs = physics.A_adjoint(y)
        if isinstance(self.sigma, (int, float)) and self.sigma == 1 and isinstance(rhs, Tensor):
            return lambda x: gram(x) - rhs
        w = self.precision
        return lambda x: vectors.scale(w, vectors.subtract(gram(x), rhs))

    def lipschitz(self, y: Vector, physics: Any) -> float | Tensor:
        """Return ‖A‖²/σ²."""
        return squared_norm(physics, y) * self.precision
