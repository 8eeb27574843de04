"""Noise levels as tensors: checked once when they enter, broadcast per sample when they are used.

A Python float becomes a float64 buffer, so that it reads back exactly (``float(noise.sigma) == 0.1``);
it takes the dtype of the data where it is used, and never promotes it.
"""

from __future__ import annotations

import math

import torch
from attrs import frozen
from torch import Tensor

from wellposed.errors import ParameterError, SpaceError
from wellposed.vectors import expand


@frozen
class Range:
    """The values that a level may take: ``low < level`` (or ``≤`` where closed) and ``level ≤ high``."""

    low: float = 0.0
    closed: bool = False
    high: float = math.inf

    def holds(self, level: Tensor) -> Tensor:
        """Return elementwise whether ``level`` is allowed; NaN never is."""
        above = level >= self.low if self.closed else level > self.low
        return above & (level <= self.high) & torch.isfinite(level)

    def __str__(self) -> str:
        """Return the condition as it reads in an error message."""
        above = f"{'≥' if self.closed else '>'} {self.low:g}"
        return above if math.isinf(self.high) else f"{above} and ≤ {self.high:g}"


def as_level(owner: str, name: str, value: object, allowed: Range, fix: str) -> Tensor:
    """Return ``value`` as a real floating tensor, or explain which entry is impossible.

    Raises
    ------
    ParameterError
        If it is not a real number or tensor, or any entry lies outside ``allowed``.
    """
    try:
        level = value if isinstance(value, Tensor) else torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as cause:
        message = f"{owner}: {name}={value!r} is not a number or a real tensor; {fix}"
        raise ParameterError(message) from cause
    if level.is_complex():
        raise ParameterError(f"{owner}: {name} is {level.dtype}, but a noise level is real; {fix}")
    if not level.is_floating_point():
        level = level.to(torch.float64)
    wrong = ~allowed.holds(level.detach())
    if bool(wrong.any()):
        seen = float(level.detach()[wrong].flatten()[0])
        raise ParameterError(
            f"{owner}: {name}={seen:g} is impossible, it must be finite and {allowed}; {fix}"
        )
    return level


def broadcast(level: Tensor, like: Tensor, owner: str, name: str) -> Tensor:
    """View a level of shape ``()``, ``(B,)`` or ``(B, …)`` against data ``(B, …)``, in the data's precision.

    Raises
    ------
    SpaceError
        If the level does not fit the data.
    """
    level = level.to(like.dtype.to_real())
    fits = level.ndim <= like.ndim and all(a in (1, b) for a, b in zip(level.shape, like.shape, strict=False))
    if not fits:
        raise SpaceError(
            f"{owner}: {name} has shape {tuple(level.shape)} but the data has shape {tuple(like.shape)}; "
            f"give one number, one per sample ({like.shape[0]},), or a map that broadcasts from the left"
        )
    view = expand(level, like)
    assert isinstance(view, Tensor)
    return view
