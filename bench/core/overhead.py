"""What a call costs beyond the tensor operations it consists of: tiny tensors, so that nothing else shows."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from bench.case import Case, Sides
from bench.core.agreement import relative
from bench.machine import versions

SHAPE = (1, 8, 8)
LIMIT = 5e-3
"""ms per call."""


def cases() -> list[Case]:
    """Return one case per kind of expression."""
    peer = f"bare torch {versions()['torch']}"
    return [
        Case(f"call overhead: {name}", name, f"{peer}: {bare}", prepare, excess_target_ms=LIMIT)
        for name, bare, prepare in (
            ("Identity", "x", _identity),
            ("Multiply", "w * x", _multiply),
            ("Multiply, adjoint", "w * y", _adjoint),
            ("Mask @ Multiply", "m * (w * x)", _two),
            ("Mask @ Multiply @ Mask", "m * (w * (m * x))", _three),
            ("2 * Mask @ Multiply", "2 * (m * (w * x))", _scaled),
            ("Multiply + Mask", "w * x + m * x", _sum),
            ("(Mask @ Multiply).H", "w * (m * y)", _adjoint_of_two),
            ("stack(Multiply, Mask)", "(w * x, m * x)", _stack),
        )
    ]


def _tensors() -> tuple[Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    w, m = torch.randn(SHAPE, generator=g), (torch.rand(SHAPE, generator=g) > 0.5).float()
    return torch.randn((1, *SHAPE), generator=g), w, m


def _sides(ours: Callable[[Tensor], Tensor], bare: Callable[[Tensor], Tensor], x: Tensor) -> Sides:
    return Sides(lambda: ours(x), lambda: bare(x), relative(ours(x), bare(x)))


def _identity() -> Sides:
    from wellposed.operators import Identity

    x, _, _ = _tensors()
    return _sides(Identity(SHAPE), lambda x: x, x)


def _multiply() -> Sides:
    from wellposed.operators import Multiply

    x, w, _ = _tensors()
    return _sides(Multiply(w), lambda x: w * x, x)


def _adjoint() -> Sides:
    from wellposed.operators import Multiply

    x, w, _ = _tensors()
    return _sides(Multiply(w).A_adjoint, lambda x: w * x, x)


def _two() -> Sides:
    from wellposed.operators import Mask, Multiply

    x, w, m = _tensors()
    return _sides(Mask(m) @ Multiply(w), lambda x: m * (w * x), x)


def _three() -> Sides:
    from wellposed.operators import Mask, Multiply

    x, w, m = _tensors()
    return _sides(Mask(m) @ Multiply(w) @ Mask(m), lambda x: m * (w * (m * x)), x)


def _scaled() -> Sides:
    from wellposed.operators import Mask, Multiply

    x, w, m = _tensors()
    return _sides(2 * (Mask(m) @ Multiply(w)), lambda x: 2 * (m * (w * x)), x)


def _sum() -> Sides:
    from wellposed.operators import Mask, Multiply

    x, w, m = _tensors()
    return _sides(Multiply(w) + Mask(m), lambda x: w * x + m * x, x)


def _adjoint_of_two() -> Sides:
    from wellposed.operators import Mask, Multiply

    x, w, m = _tensors()
    return _sides((Mask(m) @ Multiply(w)).H, lambda x: w * (m * x), x)


def _stack() -> Sides:
    from wellposed import stack
    from wellposed.operators import Mask, Multiply

    x, w, m = _tensors()
    op = stack(Multiply(w), Mask(m))
    return Sides(lambda: op(x), lambda: (w * x, m * x), relative(torch.cat(op(x)), torch.cat((w * x, m * x))))
