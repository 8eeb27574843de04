"""One NaN spreads over a whole picture, without a word: data are looked at before they are reconstructed."""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed.errors import ParameterError

__all__ = ["require_finite"]


def require_finite(y: Tensor, what: str) -> None:
    """Raise :class:`ParameterError`, beginning with ``what``, where ``y`` holds NaN or infinite values."""
    if not bool(torch.isfinite(y).all()):
        bad = int((~torch.isfinite(y)).sum())
        raise ParameterError(
            f"{what}: {bad} of {y.numel()} values of y are NaN or infinite, and would spread over the whole "
            "picture; replace them by their neighbours first (a count of zero has no logarithm)."
        )
