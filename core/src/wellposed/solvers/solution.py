"""What a solver returns: the answer, and for every sample why and how well it stopped."""

from __future__ import annotations

from enum import Enum

import attrs
from torch import Tensor

from wellposed.spaces import Vector


class StopReason(Enum):
    """Why one sample of a batch stopped; the value is a sentence for people."""

    CONVERGED = "the residual reached the tolerance"
    LEAST_SQUARES = "a least-squares solution was reached: the normal equations hold to the tolerance"
    ITERATION_LIMIT = "max_iter was reached first"
    STAGNATED = "rounding errors of the dtype keep the true residual above the tolerance"
    INDEFINITE = "negative curvature: the operator or the preconditioner is not positive definite"
    SINGULAR = "the operator is singular and the equations are inconsistent"
    NON_FINITE = "the operator returned non-finite numbers; this is the last finite iterate"
    CALLBACK = "the callback asked to stop"


@attrs.frozen(eq=False)
class Solution:
    """The result of an iterative solve.

    Attributes
    ----------
    x
        The solution, of the structure of the unknown, batch first. Always finite.
    iterations
        Iterations done per sample, ``(B,)`` int64.
    residual
        ‖b − A x‖₂ per sample, ``(B,)``; CG and MINRES recompute it from ``x``, LSQR and LSMR report their
        estimate (with damping: of the damped system).
    converged
        ``(B,)`` bool: the tolerance was reached.
    reason
        One :class:`StopReason` per sample.
    """

    x: Vector
    iterations: Tensor
    residual: Tensor
    converged: Tensor
    reason: tuple[StopReason, ...]

    def _repr_html_(self) -> str | None:
        """Return the card that an installed pack draws of it in notebooks."""
        from wellposed.notebook import card

        return card(self)

    def __str__(self) -> str:
        """Return one line that counts the reasons."""
        counts = {r: self.reason.count(r) for r in dict.fromkeys(self.reason)}
        what = "; ".join(f"{n} × {r.name.lower()} ({r.value})" for r, n in counts.items())
        return f"Solution of {len(self.reason)} samples: {what}"
