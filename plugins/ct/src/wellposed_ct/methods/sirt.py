"""``ct.sirt``: simultaneous iterations, weighted by how much each ray and each pixel sees."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError, StructureError
from wellposed.native import uncompiled
from wellposed.needs import LINEAR, REAL, needs
from wellposed.structure import Evidence
from wellposed_ct.methods.equivariance import homogeneous, keeps
from wellposed_ct.methods.finite import require_convergence, require_finite

__all__ = ["SIRT", "row_inverse", "safe_inverse"]


@needs(LINEAR, REAL)
@attrs.frozen
class SIRT:
    """``x ← x + ω·C A*R (y − A x)`` with R = 1/A1 and C = 1/A*1; converges for 0 < ω < 2.

    Minimises ‖Ax − y‖² in the norm of R; stopping early is the regularisation. Takes any physics with
    non-negative entries.

    Parameters
    ----------
    iterations
        Number of updates, ≥ 1.
    relaxation
        ω.
    non_negative
        Whether each update is cut at zero; attenuation is not negative.

    References
    ----------
    Gilbert (1972), doi:10.1016/0022-5193(72)90180-4; Gregor & Benson (2008), doi:10.1109/TMI.2008.923696.
    """

    iterations: int = 100
    relaxation: float = 1.0
    non_negative: bool = True

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if self.iterations < 1 or not 0 < self.relaxation < 2:
            raise ParameterError(
                f"iterations = {self.iterations} must be ≥ 1 and relaxation = {self.relaxation} in (0, 2)."
            )

    def evidence(self) -> tuple[Evidence, ...]:
        """Return what is declared: the symmetries that are kept."""
        return (keeps(), homogeneous(signed=not self.non_negative))

    @uncompiled
    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return images of sinograms ``y``.

        Raises
        ------
        ParameterError
            ``y`` is not finite.
        ConvergenceError
            The iterates run away.
        StructureError
            ``physics`` has negative entries.
        """
        require_finite(y, "SIRT")
        back: Tensor = physics.A_adjoint(torch.ones_like(y[:1]))
        pixels = row_inverse(back, "SIRT")
        rays = row_inverse(physics.A(torch.ones_like(back)), "SIRT")
        x = torch.zeros_like(back).expand(len(y), *back.shape[1:])
        for _ in range(self.iterations):
            misfit = y - physics.A(x)
            x = x + self.relaxation * pixels * physics.A_adjoint(rays * misfit)
            x = x.clamp(min=0) if self.non_negative else x
        require_convergence([misfit], [y], "SIRT")
        return x


def row_inverse(sums: Tensor, method: str) -> Tensor:
    """Return :func:`safe_inverse` of row or column sums.

    Raises :class:`StructureError` where one is negative: the matrix is not, and updates would diverge.
    """
    if sums.numel():
        low, high = float(sums.detach().amin()), float(sums.detach().amax())
        if low < -1e-6 * abs(high):
            raise StructureError(
                f"{method} needs an operator without negative entries, and its row or column sums reach from "
                f"{low:.3g} to {high:.3g}; use ct.cgls or ct.lsqr, or another projector."
            )
    return safe_inverse(sums)


def safe_inverse(weights: Tensor) -> Tensor:
    """Return 1/weights, and 0 where a sample's weights are next to nothing: what is not seen is not moved."""
    top = weights.amax(tuple(range(1, weights.ndim)), keepdim=True)
    seen = weights > 1e-6 * top
    return torch.where(seen, 1 / torch.where(seen, weights, 1), 0)
