"""Gradients through a solve, by the implicit function theorem instead of by unrolling.

At a solution of F(x, θ) = 0 one Newton step x + N⁻¹·(residual built with graph) has the value x and the
derivative of the true solution: whatever x's own derivative is, it cancels. Started from a constant x this
is exact to first order; one more step from there is exact to third. The step's backward is one more solve,
with the adjoint system, and is itself differentiable. Memory: two evaluations of A, no matter how many
iterations were made.

Reverse mode only: ``torch.func.grad`` and ``jvp`` are refused (ParameterError), because the steps
capture ``op`` and stopping needs numbers; inside ``vmap`` a solve carries no gradient
(:mod:`~wellposed.solvers.folding`), and the batch axis takes its place. The adjoint solve stops by the same
rules, so a gradient is about as accurate as its solution.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from wellposed.solvers.rows import Layout
from wellposed.spaces import Vector
from wellposed.vectors import leaves, map_vector, subtract

Map = Callable[[Vector], Vector]


def tracks_gradients() -> bool:
    """Whether building a graph makes sense here at all."""
    return torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


def requires_grad(x: Vector) -> bool:
    """Whether any tensor of ``x`` requires gradients."""
    return any(t.requires_grad for t in leaves(x))


class _Memo:
    """What one step's backward tells the step before it, within one backward pass."""

    size: float | None = None


class _Step(torch.autograd.Function):
    """(x, residual) ↦ x, with the derivative of x + N⁻¹ residual."""

    @staticmethod
    def forward(ctx: Any, info: Any, n: int, *parts: Tensor) -> tuple[Tensor, ...]:
        ctx.info, ctx.n = info, n
        return tuple(t.clone() for t in parts[:n])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        inverse, layout, memo, first, threshold = ctx.info
        if first and _negligible(grads, memo, threshold):
            return (None, None) + (None,) * (2 * ctx.n)
        if not first:
            memo.size = _size(grads)
        t = leaves(inverse(layout.rebuild(grads)))
        return (None, None, *grads, *t)


def _size(parts: tuple[Tensor, ...]) -> float:
    return max((float(t.detach().abs().amax()) for t in parts if t.numel()), default=0.0)


def _negligible(grads: tuple[Tensor, ...], memo: _Memo, threshold: float) -> bool:
    # After the second step's backward only the adjoint solve's own residual is left for the first: solving
    # for it would double the cost of every ordinary gradient. A second derivative brings much more, and
    # passes.
    size, memo.size = memo.size, None
    return size is not None and _size(grads) <= threshold * size


def newton(x: Vector, residual: Map, inverse: Map, layout: Layout, tol: float) -> Vector:
    """Return ``x`` with the gradients of the root of ``residual``; ``inverse`` solves with N*."""
    fixed = map_vector(torch.Tensor.detach, x)
    memo = _Memo()
    eps = max(torch.finfo(t.dtype).eps for t in leaves(x))
    threshold = max(100 * tol, 1000 * eps)

    def step(x: Vector, first: bool) -> Vector:
        info = (inverse, layout, memo, first, threshold)
        parts = leaves(x)
        out = _Step.apply(info, len(parts), *parts, *leaves(residual(x)))  # type: ignore[no-untyped-call]
        return layout.rebuild(out)

    return step(step(fixed, True), False)


def attach_inverse(f: Map, b: Vector, x: Vector, inverse: Map, layout: Layout, tol: float) -> Vector:
    """Return x = A⁻¹b with gradients for b and for what ``f`` captured; A self-adjoint."""
    image = f(map_vector(torch.Tensor.detach, x))
    if requires_grad(image):
        return newton(x, lambda x: subtract(b, f(x)), inverse, layout, tol)
    if not requires_grad(b):
        return x
    return step_from(x, b, inverse, layout)


def step_from(x: Vector, b: Vector, inverse: Map, layout: Layout) -> Vector:
    """Return ``x``, linear in ``b`` alone, with its gradients: one step is exact to every order."""
    info = (inverse, layout, _Memo(), False, 0.0)
    parts = leaves(x)
    out = _Step.apply(info, len(parts), *parts, *leaves(b))  # type: ignore[no-untyped-call]
    return layout.rebuild(out)
