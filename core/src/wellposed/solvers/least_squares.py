"""The frame around LSQR and LSMR: damping, scaling, honest residuals, gradients.

Damping is a stacked system [A; damp]·x ≈ [b; 0], so a warm start stays a mere start: with damping inside the
recurrences it would pull towards x0. The unknown's structure is learnt from A*b.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.solvers.bidiagonal import Recurrence, System, iterate
from wellposed.solvers.folding import Fold, fold_of, refuse_graph
from wellposed.solvers.implicit import tracks_gradients
from wellposed.solvers.implicit_least_squares import Pair, attach_pseudo_inverse
from wellposed.solvers.progress import REASONS, Callback, Progress, Report, code_of
from wellposed.solvers.refine import (
    action,
    check_options,
    finite_scale,
    iteration_limit,
    on_rows,
    scaled_norm,
)
from wellposed.solvers.rows import Layout, Rows, Scalars, add_, copy, erase_, magnitude, scale_, where, zeros
from wellposed.solvers.solution import Solution, StopReason
from wellposed.spaces import Vector


def pair(op: Any) -> Pair:
    """Return ``(A, A_adjoint)`` of an operator, or of such a pair."""
    if isinstance(op, tuple) and len(op) == 2 and all(callable(f) for f in op):
        return op
    if not hasattr(op, "A") or not hasattr(op, "A_adjoint"):
        raise ParameterError(
            f"op is a {type(op).__name__}, but least squares need an object with A and A_adjoint, "
            "or a pair of callables (A, A_adjoint)."
        )
    return op.A, op.A_adjoint


@attrs.frozen(eq=False)
class _Stacked:
    """[A; damp] on rows: measurements first, damped unknowns after them (absent without damping)."""

    apply_: Callable[[Rows], Rows]
    adjoint_: Callable[[Rows], Rows]
    damp: Scalars | None
    n: int

    def apply(self, v: Rows) -> Rows:
        y = self.apply_(v)
        return y if self.damp is None else y + self.damped(v)

    def damped(self, v: Rows) -> Rows:
        w = copy(v)
        scale_(w, self.damp)
        return w

    def adjoint(self, u: Rows) -> Rows:
        if self.damp is None:
            return self.adjoint_(u)
        v = copy(self.adjoint_(u[: self.n]))
        add_(v, self.damp, u[self.n :])
        return v


def _damp_scalars(damp: float | Tensor, batch: int) -> Scalars | None:
    value = np.asarray(damp.detach().cpu() if isinstance(damp, Tensor) else damp, dtype=np.float64)
    if value.size not in (1, batch) or not np.all(value >= 0) or not np.all(np.isfinite(value)):
        raise ParameterError(f"damp={damp} must be finite and ≥ 0: one number, or one per sample ({batch},).")
    full = np.broadcast_to(value.reshape(-1), (batch,)).copy()
    if not np.any(full):
        return None
    return full[0] if batch == 1 else full


def _folded(damp: float | Tensor, fold: Fold) -> float | Tensor:
    if not isinstance(damp, Tensor):
        return damp
    folded: Tensor = fold.lower(damp.reshape(-1).expand(fold.batch))
    return folded


def solve_least_squares(
    recurrence: Callable[[], Recurrence], op: Any, b: Vector, *, damp: float | Tensor, x0: Vector | None,
    preconditioner: Any, tol: float, atol: float, max_iter: int | None, callback: Callback | None,
    differentiable: bool,
) -> Solution:  # fmt: skip
    """Minimise ‖A x − b‖² + damp²‖x‖² by ``recurrence`` with the guarantees of this module."""
    check_options(tol, atol, max_iter)
    f, adjoint = pair(op)
    if (fold := fold_of(f, b)) is not None:
        solution = solve_least_squares(
            recurrence, (fold.of(f), fold.of(adjoint)), fold.lower(b), damp=_folded(damp, fold),
            x0=None if x0 is None else fold.lower(x0),
            preconditioner=None if preconditioner is None else fold.of(action(preconditioner)),
            tol=tol, atol=atol, max_iter=max_iter, callback=fold.callback(callback), differentiable=False,
        )  # fmt: skip
        if differentiable and tracks_gradients():
            refuse_graph(fold.lower(b), fold.lower(f(fold.lift(solution.x))))
        return fold.solution(solution)
    with torch.no_grad(), np.errstate(all="ignore"):
        target = Layout(b)
        source = Layout(adjoint(b))
        solution = _solve(
            recurrence(), f, adjoint, b, x0, _damp_scalars(damp, target.batch), preconditioner,
            tol, atol, max_iter, callback, source, target,
        )  # fmt: skip
    if not (differentiable and tracks_gradients()):
        return solution

    def solve(op: Pair, v: Vector) -> Vector:
        again = solve_least_squares(
            recurrence, op, v, damp=0.0, x0=None, preconditioner=None, tol=tol, atol=0.0,
            max_iter=max_iter, callback=None, differentiable=True,
        )  # fmt: skip
        return again.x

    x = attach_pseudo_inverse((f, adjoint), b, damp, solution.x, x0, solve, source, tol)
    return attrs.evolve(solution, x=x)


def _solve(
    recurrence: Recurrence, f: Any, adjoint: Any, b: Vector, x0: Vector | None, damp: Scalars | None,
    preconditioner: Any, tol: float, atol: float, max_iter: int | None, callback: Callback | None,
    source: Layout, target: Layout,
) -> Solution:  # fmt: skip
    rows = target.pack(b)
    size = scaled_norm(rows, finite_scale(rows, "the right-hand side b"))
    goal = np.maximum(tol * size, atol)
    apply = on_rows(f, source, target, "A(x)")
    stacked = _Stacked(apply, on_rows(adjoint, target, source, "A_adjoint(y)"), damp, len(rows))
    base = None if x0 is None else _start_from(x0, source, size)
    r = _residual(stacked, rows, base, source)
    scale = magnitude(r)
    sick = ~np.isfinite(scale)
    erase_(r, sick)
    scale = where(sick, 1.0, scale)
    scale_(r, 1.0 / scale)
    precondition = None
    if preconditioner is not None:
        precondition = on_rows(action(preconditioner), source, source, "preconditioner(v)")
    progress = Progress(iteration_limit(max_iter, source))
    progress.stop(sick, StopReason.NON_FINITE, 0)
    report = None if callback is None else _reporter(callback, source, base, scale)
    system = System(stacked.apply, stacked.adjoint, precondition)
    d = iterate(recurrence, system, r, 0.9 * goal / scale, tol, progress, report)
    scale_(d, scale)
    x = d if base is None else [s + t for s, t in zip(base, d, strict=True)]
    return _finish(stacked, rows, x, base, progress, goal, source)


def _start_from(x0: Vector, source: Layout, size: Scalars) -> Rows:
    source.check(x0, "x0")
    base = copy(source.pack(x0))
    finite_scale(base, "x0")
    erase_(base, size == 0)
    return base


def _residual(stacked: _Stacked, b: Rows, x: Rows | None, source: Layout) -> Rows:
    """Return [b; 0] − [A; damp]·x with memory of its own."""
    r = copy(b)
    if x is None:
        if stacked.damp is not None:
            r += [torch.zeros(s, dtype=d, device=source.device) for s, d in source.row_shapes()]
        return r
    image = stacked.apply(x)
    return [t - s for t, s in zip(r, image[: stacked.n], strict=True)] + [-s for s in image[stacked.n :]]


def _reporter(callback: Callback, source: Layout, base: Rows | None, scale: Scalars) -> Report:
    def report(k: int, d: Rows, residual: Scalars) -> Any:
        x = zeros(d) if base is None else copy(base)
        add_(x, scale, d)
        return callback(k, source.unpack(x), source.per_sample(scale * residual))

    return report


def _finish(
    stacked: _Stacked, b: Rows, x: Rows, base: Rows | None, progress: Progress, goal: Scalars, source: Layout
) -> Solution:
    """Measure ‖b − A x‖ itself, and withdraw what does not hold."""
    code: Scalars = progress.code
    bad = ~np.isfinite(magnitude(x))
    if np.any(bad):
        erase_(x, bad)
        if base is not None:
            erase_(base, ~bad)
            x = [s + t for s, t in zip(x, base, strict=True)]
        code = np.where(bad, code_of(StopReason.NON_FINITE), code)
    r = _residual(stacked, b, x, source)
    scale = magnitude(r)
    residual = scaled_norm(r, where(np.isfinite(scale), scale, 1.0))
    lost = ~np.isfinite(residual)
    residual = where(lost, np.inf, residual)
    code = where(lost, code_of(StopReason.NON_FINITE), code)
    claimed = code == code_of(StopReason.CONVERGED)
    reached = residual <= goal
    solved = code == code_of(StopReason.LEAST_SQUARES)
    code = np.where(claimed & ~reached, code_of(StopReason.STAGNATED), code)
    code = np.where(reached, code_of(StopReason.CONVERGED), code)
    return Solution(
        x=source.unpack(x),
        iterations=source.per_sample(progress.iterations),
        residual=source.per_sample(residual),
        converged=source.per_sample(reached | solved),
        reason=tuple(REASONS[i] for i in np.reshape(code, -1)),
    )
