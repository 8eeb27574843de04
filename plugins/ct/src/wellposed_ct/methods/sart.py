"""``ct.sart``: SIRT's update from a few views at a time, which is as good after far fewer passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.native import uncompiled
from wellposed.needs import LINEAR, REAL, needs
from wellposed.structure import Evidence
from wellposed_ct.methods.equivariance import homogeneous, keeps
from wellposed_ct.methods.finite import require_convergence, require_finite
from wellposed_ct.methods.sirt import row_inverse
from wellposed_ct.methods.subsets import Order, access_order, ordered_subsets

__all__ = ["SART", "sart_sweep"]


@needs(LINEAR, REAL)
@attrs.frozen
class SART:
    """``x ← x + ω·Cₛ Aₛ*Rₛ (yₛ − Aₛ x)``, subset s after subset, with Rₛ = 1/Aₛ1 and Cₛ = 1/Aₛ*1.

    Stopping early is the regularisation. With noise, a smaller ω or fewer subsets settle lower.

    Parameters
    ----------
    iterations
        Passes over all views, ≥ 1.
    subsets
        Number of ordered subsets (OS-SART); ``None`` takes every view for itself (SART). 1 is SIRT.
    relaxation
        ω in (0, 2).
    order
        ``spread`` visits subsets far from each other in turn; ``sequential`` takes them as they come.
    non_negative
        Whether each update is cut at zero.

    References
    ----------
    Andersen & Kak (1984), doi:10.1016/0161-7346(84)90008-7; ordered subsets: Wang & Jiang (2004),
    doi:10.3233/XST-2004-00107.
    """

    iterations: int = 5
    subsets: int | None = None
    relaxation: float = 0.5
    order: Order = "spread"
    non_negative: bool = True

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        access_order(1, self.order)
        if self.iterations < 1 or (self.subsets is not None and self.subsets < 1):
            raise ParameterError(f"iterations = {self.iterations} and subsets = {self.subsets} must be ≥ 1.")
        if not 0 < self.relaxation < 2:
            raise ParameterError(f"relaxation = {self.relaxation} must be in (0, 2).")

    def evidence(self) -> tuple[Evidence, ...]:
        """Return what is declared: the symmetries that are kept."""
        return (keeps(self.subsets == 1), homogeneous(signed=not self.non_negative))

    @uncompiled
    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return images of sinograms ``y``."""
        sweep = sart_sweep(y, physics, self.subsets, self.order, self.non_negative)
        x = torch.zeros_like(physics.A_adjoint(y))
        for _ in range(self.iterations):
            x = sweep(x, self.relaxation)
        return x


def sart_sweep(
    y: Tensor,
    physics: Any,
    subsets: int | None,
    order: Order = "spread",
    non_negative: bool = True,
    what: str = "SART",
) -> Callable[[Tensor, float], Tensor]:
    """Return ``sweep(x, relaxation)``: one pass over all views; errors are those of ``what``."""
    require_finite(y, what)
    parts = ordered_subsets(physics, y, y.shape[2] if subsets is None else subsets, order)
    weighted = []
    for part in parts:
        some = part.of(y)
        back = part.operator.A_adjoint(torch.ones_like(some[:1]))
        rays = row_inverse(part.operator.A(torch.ones_like(back)), what)
        weighted.append((part.operator, some, rays, row_inverse(back, what)))

    def sweep(x: Tensor, relaxation: float) -> Tensor:
        misfits = []
        for operator, some, rays, pixels in weighted:
            misfits.append(some - operator.A(x))
            x = x + relaxation * pixels * operator.A_adjoint(rays * misfits[-1])
            x = x.clamp(min=0) if non_negative else x
        require_convergence(misfits, [some for _, some, _, _ in weighted], what)
        return x

    return sweep
