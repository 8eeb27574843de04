"""``ct.cgls``: conjugate gradients on the normal equations, stopped early."""

from __future__ import annotations

from typing import Any

import attrs
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.native import uncompiled
from wellposed.needs import LINEAR, needs
from wellposed.solvers import lsqr
from wellposed.structure import Evidence
from wellposed_ct.methods.equivariance import homogeneous, keeps
from wellposed_ct.methods.finite import require_finite

__all__ = ["CGLS"]


@needs(LINEAR)
@attrs.frozen
class CGLS:
    """Least squares by conjugate gradients (in the stable form of LSQR), started from zero.

    Few iterations are the regularisation: low frequencies come first, noise last. With ``damping`` the
    problem is ‖Ax − y‖² + d²‖A‖²‖x‖² and may be solved to the end.

    Parameters
    ----------
    iterations
        The most iterations, ≥ 1.
    damping
        d ≥ 0, relative to ‖A‖ (estimated).
    tolerance
        Relative residual of the normal equations at which a sample stops.

    References
    ----------
    Hestenes & Stiefel (1952), doi:10.6028/jres.049.044; Paige & Saunders (1982), doi:10.1145/355984.355989.
    """

    iterations: int = 20
    damping: float = 0.0
    tolerance: float = 1e-6

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if self.iterations < 1 or self.damping < 0:
            raise ParameterError(
                f"iterations = {self.iterations} must be ≥ 1 and damping = {self.damping} ≥ 0."
            )

    def evidence(self) -> tuple[Evidence, ...]:
        """Return what is declared: the symmetries that are kept."""
        return (keeps(), homogeneous(signed=True))

    @uncompiled
    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return images of sinograms ``y``."""
        require_finite(y, "CGLS")
        operator = getattr(physics, "operator", physics)
        damp = 0.0
        if self.damping:
            from wellposed.linalg import norm

            damp = self.damping * norm(operator, tol=1e-2)
        x = lsqr(operator, y, damp=damp, tol=self.tolerance, max_iter=self.iterations, differentiable=False).x
        assert isinstance(x, Tensor)
        return x
