"""The frame around CG and MINRES: scaling, honest residuals, restarts, gradients.

Both methods solve for a correction from zero; this frame computes b − A x afterwards and compares *that*
with the tolerance. Where rounding made the recurrence too optimistic it solves again for the remaining
residual, and where that no longer helps it says so (``STAGNATED``) instead of claiming convergence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import attrs
import numpy as np
import torch

from wellposed.errors import ConvergenceError, ParameterError
from wellposed.solvers.folding import fold_of, refuse_graph
from wellposed.solvers.implicit import attach_inverse, tracks_gradients
from wellposed.solvers.progress import REASONS, Callback, Progress, Report, code_of
from wellposed.solvers.rows import (
    Layout,
    Rows,
    Scalars,
    add_,
    copy,
    erase_,
    magnitude,
    norm,
    scale_,
    where,
    zeros,
)
from wellposed.solvers.solution import Solution, StopReason
from wellposed.spaces import Vector

Apply = Callable[[Rows], Rows]


class Method(Protocol):
    """One run of a method on A d = r from zero until ‖r − A d‖ ≤ goal; returns d."""

    def __call__(
        self, apply: Apply, precondition: Apply | None, r: Rows, goal: Scalars,
        progress: Progress, report: Report | None, /,
    ) -> Rows:  # fmt: skip
        """Run."""
        ...


def action(op: Any, name: str = "A") -> Callable[[Vector], Vector]:
    """Return ``v -> A v`` of an object with the method ``name``, or of a callable."""
    method = getattr(op, name, op)
    if not callable(method):
        raise ParameterError(
            f"op is a {type(op).__name__}, but an object with a method {name!r} or a callable is expected."
        )
    found: Callable[[Vector], Vector] = method
    return found


def on_rows(f: Callable[[Vector], Vector], source: Layout, target: Layout, what: str) -> Apply:
    """Return ``f`` acting on rows; its first result is checked."""
    first = True

    def apply(x: Rows) -> Rows:
        nonlocal first
        y = f(source.unpack(x))
        if first:
            target.check(y, what)
            first = False
        return target.pack(y)

    return apply


def finite_scale(rows: Rows, what: str) -> Scalars:
    """Return :func:`magnitude`; :class:`ConvergenceError` naming the samples that are not finite."""
    scale = magnitude(rows)
    bad = np.flatnonzero(~np.isfinite(scale))
    if bad.size:
        raise ConvergenceError(
            f"{what} has non-finite values in samples {bad.tolist()[:8]} of {np.size(scale)}; "
            "a solver needs finite numbers: look for a division by zero or an overflow before this call."
        )
    return scale


def check_options(tol: float, atol: float, max_iter: int | None) -> None:
    """Raise :class:`ParameterError` for impossible tolerances and limits."""
    if not tol >= 0 or not atol >= 0:
        raise ParameterError(f"tol={tol} and atol={atol} must be numbers ≥ 0.")
    if max_iter is not None and max_iter < 0:
        raise ParameterError(f"max_iter={max_iter} must be ≥ 0, or None for min(10 n, 1000).")


def iteration_limit(max_iter: int | None, layout: Layout) -> Scalars:
    """Return the limit of every sample."""
    limit = min(10 * layout.size, 1000) if max_iter is None else max_iter
    return np.full(layout.batch, limit)[0] if layout.batch == 1 else np.full(layout.batch, limit)


@attrs.define(eq=False)
class _Square:
    """A square system and the state of its solution: x, r = b − A x, and one verdict per sample."""

    layout: Layout
    apply: Apply
    b: Rows
    x: Rows
    r: Rows
    residual: Scalars
    target: Scalars
    code: Scalars
    iterations: Scalars

    def reached(self) -> Scalars:
        """Whether the true residual meets the tolerance."""
        return self.residual <= self.target

    def accept(self, d: Rows, scale: Scalars) -> None:
        """X ← x + scale·d, except where that is not finite; and the residual that belongs to it."""
        x = copy(self.x)
        add_(x, scale, d)
        bad = ~np.isfinite(magnitude(x))
        if np.any(bad):
            x = [torch.where(_column(bad, old), old, new) for old, new in zip(self.x, x, strict=True)]
            self.code = np.where(bad, code_of(StopReason.NON_FINITE), self.code)
        self.x = x
        self.measure()

    def measure(self) -> None:
        """Compute r = b − A x and its norm; where A x is not finite, both keep their last finite value."""
        r = copy(self.b)
        add_(r, np.full(np.shape(self.target), -1.0)[()], self.apply(self.x))
        scale = magnitude(r)
        bad = ~np.isfinite(scale)
        if np.any(bad):
            self.code = np.where(bad, code_of(StopReason.NON_FINITE), self.code)
            erase_(r, bad)
            scale = np.where(bad, 1.0, scale)
        self.residual = where(bad, self.residual, scaled_norm(r, scale))
        self.r = r


def _column(mask: Scalars, like: torch.Tensor) -> torch.Tensor:
    t = torch.from_numpy(np.asarray(mask).reshape(-1)).to(like.device)
    return t if like.ndim == 1 else t.unsqueeze(1)


def scaled_norm(x: Rows, scale: Scalars) -> Scalars:
    """Return ‖x‖ by way of x/scale, so that squares neither over- nor underflow."""
    y = copy(x)
    scale_(y, 1.0 / scale)
    return scale * norm(y)


def solve_square(
    method: Method, op: Any, b: Vector, *, x0: Vector | None, preconditioner: Any, tol: float, atol: float,
    max_iter: int | None, callback: Callback | None, differentiable: bool,
) -> Solution:  # fmt: skip
    """Solve A x = b by ``method`` with the guarantees of this module."""
    check_options(tol, atol, max_iter)
    f = action(op)
    if (fold := fold_of(f, b)) is not None:
        solution = solve_square(
            method, fold.of(f), fold.lower(b), x0=None if x0 is None else fold.lower(x0),
            preconditioner=None if preconditioner is None else fold.of(action(preconditioner)),
            tol=tol, atol=atol, max_iter=max_iter, callback=fold.callback(callback), differentiable=False,
        )  # fmt: skip
        if differentiable and tracks_gradients():
            refuse_graph(fold.lower(b), fold.lower(f(fold.lift(solution.x))))
        return fold.solution(solution)
    with torch.no_grad(), np.errstate(all="ignore"):
        layout = Layout(b)
        precondition = None
        if preconditioner is not None:
            precondition = on_rows(action(preconditioner), layout, layout, "preconditioner(v)")
        system = _start(f, layout, b, x0, tol, atol)
        _rounds(method, system, precondition, iteration_limit(max_iter, layout), callback)
        solution = _finish(system)
    if not (differentiable and tracks_gradients()):
        return solution

    def inverse(v: Vector) -> Vector:
        again = solve_square(
            method, op, v, x0=None, preconditioner=preconditioner, tol=tol, atol=0.0,
            max_iter=max_iter, callback=None, differentiable=True,
        )  # fmt: skip
        return again.x

    return attrs.evolve(solution, x=attach_inverse(f, b, solution.x, inverse, layout, tol))


def _start(
    f: Callable[[Vector], Vector], layout: Layout, b: Vector, x0: Vector | None, tol: float, atol: float
) -> _Square:
    rows = layout.pack(b)
    size = scaled_norm(rows, finite_scale(rows, "the right-hand side b"))
    apply = on_rows(f, layout, layout, "A(v)")
    nothing = np.zeros(np.shape(size), dtype=np.int64)
    system = _Square(
        layout, apply, rows, zeros(rows), rows, size, np.maximum(tol * size, atol), nothing, nothing
    )
    if x0 is not None:
        layout.check(x0, "x0")
        system.x = copy(layout.pack(x0))
        finite_scale(system.x, "x0")
        # For b = 0 no relative tolerance can be met from elsewhere, and zero is the answer.
        erase_(system.x, size == 0)
        system.measure()
    return system


def _rounds(
    method: Method, system: _Square, precondition: Apply | None, limit: Scalars, callback: Callback | None
) -> None:
    """Run ``method`` for corrections until every sample is done or no longer improves."""
    going = system.code == 0
    while True:
        if not np.all(going):
            erase_(system.r, ~going)
        scale = magnitude(system.r)
        r = copy(system.r)
        scale_(r, 1.0 / scale)
        progress = Progress(where(going, limit - system.iterations, 0))
        progress.stop(~going | system.reached(), StopReason.CONVERGED, 0)
        report = None if callback is None else _reporter(callback, system, scale)
        before = system.residual
        # A little below the target, for the rounding between the recurrence and the truth.
        d = method(system.apply, precondition, r, 0.9 * system.target / scale, progress, report)
        if not np.any(progress.iterations > 0):
            system.code = np.where(going, progress.code, system.code)
            return
        system.iterations = system.iterations + progress.iterations
        system.code = np.where(going, progress.code, system.code)
        system.accept(d, scale)
        claimed = going & (system.code == code_of(StopReason.CONVERGED))
        short = claimed & ~system.reached()
        better = system.residual < 0.5 * before
        system.code = np.where(short & ~better, code_of(StopReason.STAGNATED), system.code)
        going = short & better
        if not np.any(going):
            return


def _reporter(callback: Callback, system: _Square, scale: Scalars) -> Report:
    def report(k: int, d: Rows, residual: Scalars) -> Any:
        x = copy(system.x)
        add_(x, scale, d)
        return callback(k, system.layout.unpack(x), system.layout.per_sample(scale * residual))

    return report


def _finish(system: _Square) -> Solution:
    layout = system.layout
    # A lucky last step, or a breakdown at the solution, counts: what matters is the true residual.
    code = np.where(system.reached(), code_of(StopReason.CONVERGED), system.code).reshape(layout.batch)
    reason = tuple(REASONS[i] for i in code.tolist())
    return Solution(
        x=layout.unpack(system.x),
        iterations=layout.per_sample(system.iterations),
        residual=layout.per_sample(system.residual),
        converged=layout.per_sample(system.reached()),
        reason=reason,
    )
