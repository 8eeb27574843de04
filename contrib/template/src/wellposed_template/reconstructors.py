"""The methods of this pack."""

from __future__ import annotations

import torch
from torch import Tensor
from wellposed.errors import ParameterError
from wellposed.needs import LINEAR, needs
from wellposed.protocols import LinearPhysics


@needs(LINEAR)
class Tikhonov:
    """``x̂ = argmin_u γ/2·‖A u − y‖² + ½·‖u‖²``, for any linear physics.

    Parameters
    ----------
    gamma
        Weight of the data against the penalty; positive.
    """

    def __init__(self, gamma: float = 100.0) -> None:
        if not gamma > 0:
            raise ParameterError(f"gamma={gamma} must be positive.")
        self.gamma = gamma

    def __call__(self, y: Tensor, physics: LinearPhysics) -> Tensor:
        """Return the reconstruction, of the shape of the physics' images."""
        zero = torch.zeros_like(physics.A_adjoint(y))
        x_hat: Tensor = physics.prox_l2(zero, y, self.gamma)
        return x_hat
