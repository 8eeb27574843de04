"""The normal operator A*A and the norm of any physics, ours or a stranger's.

Our operators know their gram (one FFT pair for a blur, where A and A* are two) and their norm; for anything
else the gram is A after A*, and the norm comes from power iteration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from wellposed import vectors
from wellposed.spaces import Vector

POWER_ITERATIONS = 60
SAFETY = 1.02
"""Factor on ‖A‖² found by power iteration, which approaches the norm from below."""


def operator_of(physics: Any) -> Any:
    """Return the operator inside a forward model (operator + noise), or ``physics`` itself."""
    return getattr(physics, "operator", physics)


def is_linear_operator(operator: Any) -> bool:
    """Whether ``operator`` is one of wellposed's own linear operators, which know their structure."""
    from wellposed.operators import LinearOperator

    return isinstance(operator, LinearOperator)


def normal_map(physics: Any) -> Callable[[Any], Any] | None:
    """Return ``x ↦ A*A x``, or ``None`` for a physics without an adjoint (a nonlinear one)."""
    operator = operator_of(physics)
    if is_linear_operator(operator):
        from wellposed.linalg import gram

        normal: Callable[[Any], Any] = gram(operator).A
        return normal
    adjoint = getattr(physics, "A_adjoint", None)
    return None if adjoint is None else lambda x: adjoint(physics.A(x))


def squared_norm(physics: Any, y: Vector) -> float | Tensor:
    """Return ‖A‖²: from the operator's structure, or by power iteration per sample, ``(B,)``."""
    operator = operator_of(physics)
    if is_linear_operator(operator):
        from wellposed.linalg import norm

        bound = norm(operator)
        return bound * bound
    with torch.no_grad():
        return _power_iteration(physics, y)


def _power_iteration(physics: Any, y: Vector) -> Tensor:
    """Return an upper estimate of ‖A‖² per sample, from the same start in every sample."""
    generator = torch.Generator().manual_seed(0)

    def start(t: Tensor) -> Tensor:
        noise = torch.randn(t.shape[1:], generator=generator, dtype=t.dtype).to(t.device)
        return (noise + 1).expand_as(t)

    x = vectors.map_vector(start, physics.A_adjoint(y))
    value = vectors.norm(x)
    for _ in range(POWER_ITERATIONS):
        size = vectors.norm(x).clamp(min=torch.finfo(value.dtype).tiny)
        x = physics.A_adjoint(physics.A(vectors.scale(1 / size, x)))
        value = vectors.norm(x)
    return SAFETY * value
