"""What spoils a whole picture without a word is refused: NaN in the data, and iterates that run away."""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed.errors import ConvergenceError, ParameterError

__all__ = ["require_convergence", "require_finite"]

FAR = 10.0
"""Times the misfit of an empty picture, beyond which an iterate has run away."""


def require_finite(y: Tensor, what: str) -> None:
    """Raise :class:`ParameterError`, beginning with ``what``, where ``y`` holds NaN or infinite values."""
    if not bool(torch.isfinite(y).all()):
        bad = int((~torch.isfinite(y)).sum())
        raise ParameterError(
            f"{what}: {bad} of {y.numel()} values of y are NaN or infinite, and would spread over the whole "
            "picture; replace them by their neighbours first (a count of zero has no logarithm)."
        )


def require_convergence(misfit: Tensor, y: Tensor, what: str) -> None:
    """Raise :class:`ConvergenceError` where the ``misfit`` y − Ax of a late iterate is far above ‖y‖."""
    got, empty = (torch.linalg.vector_norm(t.detach().flatten(1), dim=1) for t in (misfit, y))
    if not bool((got <= FAR * empty + torch.finfo(y.dtype).tiny).all()):
        worst = int((got / empty).nan_to_num(nan=float("inf")).argmax())
        raise ConvergenceError(
            f"{what} diverges: ‖Ax − y‖ is {float(got[worst]):.3g}, and that of an empty picture is "
            f"{float(empty[worst]):.3g}. A has negative entries, or A* is not its adjoint; use ct.cgls or "
            "ct.lsqr, another projector, or a smaller relaxation."
        )
