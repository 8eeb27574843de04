"""``ct.tv``: few views or few photons, answered with pictures of few edges."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError, StructureError
from wellposed_ct.methods.fbp import FBP
from wellposed_optim import FISTA, TotalVariation, noise_level

__all__ = ["TV", "column_norm"]


@attrs.frozen
class TV:
    """½‖Ax − y‖² + λ·TV(x), solved by FISTA of wellposed-optim.

    λ = strength·σ·‖a‖, with σ the noise of the sinogram and ‖a‖ the norm of a pixel's column of A, so that a
    strength means the same for any number of views, pixel size and dose.

    Parameters
    ----------
    strength
        > 0; larger is smoother.
    weight
        λ itself, > 0; replaces the rule above.
    iterations
        The most iterations.
    tolerance
        Relative change at which a sample has converged.

    References
    ----------
    Sidky & Pan (2008), doi:10.1088/0031-9155/53/17/021; Beck & Teboulle (2009), doi:10.1109/TIP.2009.2028250.
    """

    strength: float = 1.0
    weight: float | None = None
    iterations: int = 200
    tolerance: float = 1e-4

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if self.strength <= 0 or (self.weight is not None and self.weight <= 0) or self.iterations < 1:
            raise ParameterError(
                f"strength = {self.strength} and weight = {self.weight} must be > 0, iterations ≥ 1."
            )

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return images of sinograms ``y``."""
        weight: float | Tensor
        if self.weight is None:
            weight = self.strength * noise_level(y, physics) * column_norm(physics, y)
        else:
            weight = self.weight
        prior = TotalVariation(tolerance=1e-3, iterations=25)
        method = FISTA(prior=prior, weight=weight, max_iterations=self.iterations, tolerance=self.tolerance)
        result: Tensor = method(y, physics, x0=_start(y, physics))
        return result


def _start(y: Tensor, physics: Any) -> Tensor | None:
    """Return a smooth filtered back-projection where there is one, which saves most of the iterations."""
    try:
        return FBP("hann")(y, physics)
    except StructureError:
        return None


def column_norm(physics: Any, y: Tensor) -> float:
    """Return ‖A e‖ for the pixel in the middle."""
    with torch.no_grad():
        impulse = torch.zeros_like(physics.A_adjoint(y[:1]))
        impulse[(0, 0, *(n // 2 for n in impulse.shape[2:]))] = 1
        return float(physics.A(impulse).norm())
