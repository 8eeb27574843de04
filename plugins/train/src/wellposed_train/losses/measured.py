"""Measurements as losses see them: one tensor or a tuple of them, compared entry by entry."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wellposed.errors import SpaceError
from wellposed.spaces import Vector
from wellposed.vectors import leaves
from wellposed_train.comparison import check_pair, sample_sum, squared_magnitude


def as_vector(y: Any) -> Vector:
    """Return measurements as tensors and tuples, whatever sequence a foreign physics returns."""
    if isinstance(y, Tensor):
        return y
    try:
        parts = tuple(y)
    except TypeError:
        raise SpaceError(
            f"measurements are tensors or sequences of them, not a {type(y).__name__}."
        ) from None
    return tuple(as_vector(part) for part in parts)


def entries(y: Vector) -> int:
    """Return the number of entries of one sample, over all parts."""
    return sum(part[0].numel() for part in leaves(y))


def mean_square_difference(a: Any, b: Any, what: str) -> Tensor:
    """Return mean |a − b|² over the entries of a sample, all parts together: ``(B,)``."""
    first, second = leaves(as_vector(a)), leaves(as_vector(b))
    if len(first) != len(second):
        raise SpaceError(f"{what}: the physics returns {len(first)} measurements, but y holds {len(second)}.")
    pairs = [check_pair(s, t, f"{what} (A(x_hat) against y)") for s, t in zip(first, second, strict=True)]
    total = torch.stack([sample_sum(squared_magnitude(s - t)) for s, t in pairs]).sum(0)
    return total / sum(t[0].numel() for _, t in pairs)
