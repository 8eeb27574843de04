"""Running medians of tensors along one axis, borders repeated."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["median_along"]


def median_along(x: Tensor, width: int, axis: int) -> Tensor:
    """Return the running median over ``width`` (odd) neighbours along ``axis``; the ends are repeated."""
    if width == 1:
        return x
    n, half = x.shape[axis], width // 2
    index = torch.arange(-half, n + half, device=x.device).clamp(0, n - 1)
    return x.index_select(axis, index).unfold(axis, width, 1).median(-1).values
