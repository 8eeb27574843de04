"""Linear algebra on vectors that may be tensors or tuples of tensors.

Solvers are written once against these few functions, so stacked measurements (tuples) work in them
unchanged. Inner products are per sample: they return ``(B,)``, never a sum over the batch.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from wellposed.spaces import Vector


def map_vector(f: Callable[..., Tensor], *vectors: Vector) -> Vector:
    """Apply ``f`` to corresponding tensors of vectors of equal structure."""
    first = vectors[0]
    if isinstance(first, Tensor):
        return f(*vectors)
    return tuple(map_vector(f, *parts) for parts in zip(*vectors, strict=True))


def leaves(x: Vector) -> tuple[Tensor, ...]:
    """Return the tensors of a vector, left to right."""
    return (x,) if isinstance(x, Tensor) else tuple(t for part in x for t in leaves(part))


def batch_size(x: Vector) -> int:
    """Return the length of the batch axis."""
    return leaves(x)[0].shape[0]


def inner(x: Vector, y: Vector) -> Tensor:
    """Return ⟨x, y⟩ = Σ conj(x)·y per sample, shape ``(B,)``, conjugate-linear in ``x``."""
    total: Tensor | None = None
    for a, b in zip(leaves(x), leaves(y), strict=True):
        part: Tensor = torch.linalg.vecdot(a.flatten(1), b.flatten(1))
        total = part if total is None else total + part
    if total is None:
        raise ValueError("an empty tuple has no inner product")
    return total


def norm(x: Vector) -> Tensor:
    """Return ‖x‖₂ per sample, shape ``(B,)``, real."""
    parts = torch.stack([torch.linalg.vector_norm(t.flatten(1), dim=1) for t in leaves(x)])
    size: Tensor = torch.linalg.vector_norm(parts, dim=0)
    return size


def scale(a: Tensor | complex, x: Vector) -> Vector:
    """Return a·x for a number or per-sample ``(B,)`` factors."""
    return map_vector(lambda t: expand(a, t) * t, x)


def add(x: Vector, y: Vector) -> Vector:
    """Return x + y."""
    return map_vector(torch.add, x, y)


def subtract(x: Vector, y: Vector) -> Vector:
    """Return x − y."""
    return map_vector(torch.sub, x, y)


def add_scaled(x: Vector, a: Tensor | complex, y: Vector) -> Vector:
    """Return x + a·y for a number or per-sample ``(B,)`` factors."""
    return map_vector(lambda s, t: s + expand(a, t) * t, x, y)


def expand(a: Tensor | complex, like: Tensor) -> Tensor | complex:
    """View per-sample values ``(B,)`` so that they broadcast against ``like`` of shape ``(B, …)``."""
    if not isinstance(a, Tensor) or a.ndim == 0:
        return a
    return a.reshape(a.shape + (1,) * (like.ndim - a.ndim))


def zeros_like(x: Vector) -> Vector:
    """Return the zero vector of the same structure."""
    return map_vector(torch.zeros_like, x)


def is_finite(x: Vector) -> bool:
    """Whether every entry is finite."""
    return all(bool(torch.isfinite(t).all()) for t in leaves(x))
