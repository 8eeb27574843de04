"""What spoils a whole picture without a word is refused: NaN in the data, and iterates that run away."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from wellposed.errors import ConvergenceError, ParameterError

__all__ = ["require_convergence", "require_finite"]

FAR = 10.0
"""Times the misfit of an empty picture, beyond which an iterate has run away."""

_CAUSE = "A has negative entries, or A* is not its adjoint"
MISMATCH = f"{_CAUSE}; use ct.cgls or ct.lsqr, another projector, or a smaller relaxation"
FEWER = f"{_CAUSE}, or subsets are too many; use ct.cgls or ct.lsqr, another projector, or fewer subsets"


def require_finite(y: Tensor, what: str) -> None:
    """Raise :class:`ParameterError`, beginning with ``what``, where ``y`` holds NaN or infinite values."""
    if not bool(torch.isfinite(y).all()):
        bad = int((~torch.isfinite(y)).sum())
        raise ParameterError(
            f"{what}: {bad} of {y.numel()} values of y are NaN or infinite, and would spread over the whole "
            "picture; replace them by their neighbours first (a count of zero has no logarithm)."
        )


def require_convergence(
    misfits: Sequence[Tensor], data: Sequence[Tensor], what: str, why: str = MISMATCH
) -> None:
    """Raise :class:`ConvergenceError` where misfits y − Ax of a late iterate are far above y, or NaN.

    Both come in parts of all samples, ``(B, …)``, such as subsets of views.
    """
    got, empty = _sizes(misfits), _sizes(data)
    if not bool((got <= FAR * empty + torch.finfo(got.dtype).tiny).all()):
        worst = int((got / empty).nan_to_num(nan=float("inf")).argmax())
        raise ConvergenceError(
            f"{what} diverges: ‖Ax − y‖ is {float(got[worst]):.3g}, and that of an empty picture is "
            f"{float(empty[worst]):.3g}. {why}."
        )


def _sizes(parts: Sequence[Tensor]) -> Tensor:
    sizes = [torch.linalg.vector_norm(t.detach().flatten(1), dim=1) for t in parts]
    size: Tensor = torch.linalg.vector_norm(torch.stack(sizes), dim=0)
    return size
