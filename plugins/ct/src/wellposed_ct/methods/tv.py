"""``ct.tv``: few views or few photons, answered with pictures of few edges."""

from __future__ import annotations

import math
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ConvergenceError, ParameterError, StructureError
from wellposed.native import uncompiled
from wellposed.needs import LINEAR, REAL, needs
from wellposed.structure import Evidence
from wellposed_ct.methods.cgls import CGLS
from wellposed_ct.methods.equivariance import keeps
from wellposed_ct.methods.fbp import FBP
from wellposed_ct.methods.finite import require_finite
from wellposed_ct.methods.primal_dual import Ramped, minimise_tv
from wellposed_ct.methods.sirt import SIRT
from wellposed_optim import noise_level

__all__ = ["TV", "column_norm", "first_image"]


@needs(LINEAR, REAL)
@attrs.frozen(eq=False)
class TV:
    """½‖Ax − y‖² + λ·TV(x), by a primal–dual iteration whose dual step is the ramp filter.

    λ = strength·σ·‖a‖, with σ the noise of the sinogram and ‖a‖ the norm of a pixel's column of A, so that a
    strength means the same for any number of views, pixel size and dose.

    Parameters
    ----------
    strength
        > 0; larger is smoother.
    weight
        λ itself, > 0; replaces the rule above.
    iterations
        The most iterations, each one forward and one back-projection. With many views 50 are enough.
    tolerance
        Relative change at which a sample has converged; 0 runs all iterations.
    non_negative
        Whether x ≥ 0 is a constraint.
    highest
        Largest value that is allowed, where it is known, in 1/mm; or a picture of them ``(H, W)``, 0 where
        there is known to be nothing.
    isotropic
        Whether the modulus of a gradient is Euclidean, or (False) the sum of its absolute entries.

    References
    ----------
    Chambolle & Pock (2011), doi:10.1007/s10851-010-0251-1; Sidky, Jørgensen & Pan (2012),
    doi:10.1088/0031-9155/57/10/3065.
    """

    strength: float = 1.0
    weight: float | None = None
    iterations: int = 200
    tolerance: float = 1e-4
    non_negative: bool = False
    highest: float | Tensor = math.inf
    isotropic: bool = True

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if self.strength <= 0 or (self.weight is not None and self.weight <= 0) or self.iterations < 1:
            raise ParameterError(
                f"strength = {self.strength} and weight = {self.weight} must be > 0, iterations ≥ 1."
            )
        top = float(torch.as_tensor(self.highest).max())
        if self.non_negative and not top > 0:
            raise ParameterError(f"highest = {top} must be > 0 somewhere, as images are non-negative.")

    def evidence(self) -> tuple[Evidence, ...]:
        """Return what is declared: the symmetries that are kept."""
        everywhere = not isinstance(self.highest, Tensor)
        # isotropic, differences ahead become differences behind; and noise is estimated view by view
        return (keeps(),) if everywhere and self.weight is not None and not self.isotropic else ()

    @uncompiled
    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return images of sinograms ``y``.

        Raises
        ------
        ParameterError
            ``y`` is not finite.
        ConvergenceError
            The iterates run away.
        """
        require_finite(y, "TV")
        if self.weight is None:
            weight = self.strength * noise_level(y, physics) * column_norm(physics, y)
        else:
            weight = torch.full((len(y),), self.weight, dtype=y.dtype, device=y.device)
        start = first_image(y, physics)
        lowest = 0.0 if self.non_negative else -math.inf
        top = torch.as_tensor(self.highest, dtype=start.dtype, device=start.device)
        return minimise_tv(
            torch.minimum(start.clamp(min=lowest), top),
            y,
            physics,
            Ramped.of(physics, y),
            weight,
            iterations=self.iterations,
            tolerance=self.tolerance,
            isotropic=self.isotropic,
            lowest=lowest,
            highest=top,
        )


def first_image(y: Tensor, physics: Any) -> Tensor:
    """Return a smooth filtered back-projection, or a few rounds of SIRT or CGLS where there is none."""
    try:
        return FBP("hann")(y, physics)
    except StructureError:
        pass
    try:
        return SIRT(5, non_negative=False)(y, physics)
    except (StructureError, ConvergenceError):  # negative entries
        return CGLS(5)(y, physics)


def column_norm(physics: Any, y: Tensor) -> float:
    """Return ‖A e‖ for the pixel in the middle."""
    with torch.no_grad():
        impulse = torch.zeros_like(physics.A_adjoint(y[:1]))
        impulse[(0, 0, *(n // 2 for n in impulse.shape[2:]))] = 1
        return float(physics.A(impulse).norm())
