"""Gradients through a least-squares solve.

With damping the minimiser is the root of A*(b − A x) − damp²·x, whose derivative A*A + damp² is invertible:
:func:`~wellposed.solvers.implicit.newton`, to second order. Without, x = A⁺b, and for variations that keep
A's rank

    dx = A⁺(db − dA x) + (A*A)⁺ dA* r + (I − A⁺A) dA* w,      r = b − A x,  w = (A*)⁺(x − x0),

G. H. Golub and V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose
variables separate", SIAM J. Numer. Anal. 10 (1973) 413–432, (4.12). The three terms are three graphs on the
constants x, r, w; their cotangents for v are t = (A*)⁺v, A⁺t and v − A*t. A variation that changes the rank
has no derivative. Where A's parameters require gradients and damp is zero only first derivatives are
available; a second backward raises. Derivatives with respect to b alone exist to every order. x0 and the
preconditioner are constants.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from wellposed.solvers.implicit import newton, requires_grad, step_from
from wellposed.solvers.rows import Layout
from wellposed.spaces import Vector
from wellposed.vectors import add_scaled, leaves, map_vector, scale, subtract

Map = Callable[[Vector], Vector]
Pair = tuple[Map, Map]
Solve = Callable[[Pair, Vector], Vector]


def stack_damping(op: Pair, damp: float | Tensor) -> Pair:
    """Return [A; damp] and its adjoint, on tuples."""
    f, adjoint = op

    def apply(x: Vector) -> Vector:
        return f(x), _times(damp, x)

    def apply_adjoint(y: Vector) -> Vector:
        return map_vector(torch.add, adjoint(y[0]), _times(damp, y[1]))

    return apply, apply_adjoint


def _times(a: float | Tensor, x: Vector) -> Vector:
    if not isinstance(a, Tensor):
        return scale(a, x)
    return map_vector(lambda t: scale(a.to(t.device, t.real.dtype), t), x)  # type: ignore[arg-type,return-value]


def attach_pseudo_inverse(
    op: Pair, b: Vector, damp: float | Tensor, x: Vector, x0: Vector | None, solve: Solve,
    source: Layout, tol: float,
) -> Vector:  # fmt: skip
    """Return ``x``, the minimiser, with gradients for b, damp and what ``op`` captured."""
    f, adjoint = op
    fixed = map_vector(Tensor.detach, x)
    image = f(fixed)
    undamped = not bool(torch.as_tensor(damp).any())
    stacked = op if undamped else stack_damping(op, damp)
    of_op = requires_grad(image) or requires_grad(adjoint(map_vector(Tensor.detach, b)))
    if not of_op and not (isinstance(damp, Tensor) and damp.requires_grad):
        return _of_b_alone(stacked, undamped, b, x, solve, source)
    if not undamped and bool((torch.as_tensor(damp) > 0).all()):

        def residual(x: Vector) -> Vector:
            gradient = adjoint(subtract(b, f(x)))
            return map_vector(torch.sub, gradient, _times(damp, _times(damp, x)))

        def inverse(v: Vector) -> Vector:
            return solve(stacked, solve(stacked[::-1], v))

        return newton(x, residual, inverse, source, tol)
    if not undamped:
        b = (b, map_vector(torch.zeros_like, fixed))
    return _constant_rank(stacked, b, fixed, x0, solve, source)


def _of_b_alone(stacked: Pair, undamped: bool, b: Vector, x: Vector, solve: Solve, source: Layout) -> Vector:
    if not requires_grad(b):
        return x

    def transposed(v: Vector) -> Vector:
        t = solve(stacked[::-1], v)
        return t if undamped else t[0]

    return step_from(x, b, transposed, source)


def _constant_rank(op: Pair, b: Vector, x: Vector, x0: Vector | None, solve: Solve, source: Layout) -> Vector:
    f, adjoint = op
    with torch.no_grad():
        r = subtract(b, f(x))
        w = solve(op[::-1], x if x0 is None else subtract(x, x0))
    terms = subtract(b, f(x)), adjoint(r), adjoint(w)
    info = (op, solve, source)
    parts = [t for term in terms for t in leaves(term)]
    out = _PseudoInverse.apply(info, len(leaves(x)), *leaves(x), *parts)  # type: ignore[no-untyped-call]
    return source.rebuild(out)


class _PseudoInverse(torch.autograd.Function):
    """(x, e, g, h) ↦ x, with the derivative A⁺e + (A*A)⁺g + (I − A⁺A)h."""

    @staticmethod
    def forward(ctx: Any, info: Any, n: int, *parts: Tensor) -> tuple[Tensor, ...]:
        ctx.info, ctx.n = info, n
        return tuple(t.clone() for t in parts[:n])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:
        op, solve, source = ctx.info
        v = source.rebuild(grads)
        t = solve(op[::-1], v)
        rest = add_scaled(v, -1.0, op[1](t))
        return (None, None, *(None,) * ctx.n, *leaves(t), *leaves(solve(op, t)), *leaves(rest))
