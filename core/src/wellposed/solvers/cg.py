"""Conjugate gradients for positive definite operators (Hestenes & Stiefel 1952)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from wellposed.solvers.progress import Callback, Progress, Report
from wellposed.solvers.refine import Apply, solve_square
from wellposed.solvers.rows import Rows, Scalars, add_, copy, dot, erase_, scale_add_, where, zeros
from wellposed.solvers.solution import Solution, StopReason
from wellposed.spaces import Vector


def cg(
    op: Any,
    b: Vector,
    *,
    x0: Vector | None = None,
    preconditioner: Any = None,
    tol: float = 1e-6,
    atol: float = 0.0,
    max_iter: int | None = None,
    callback: Callback | None = None,
    differentiable: bool = True,
) -> Solution:
    """Solve A x = b for a self-adjoint positive (semi-)definite A, every sample for itself.

    Parameters
    ----------
    op
        A: an object with a method ``A``, or a callable ``v -> A v``. Linear, self-adjoint, positive definite;
        semi-definite works where b lies in the range.
    b
        Right-hand side, a tensor ``(B, …)`` or a tuple of them, real or complex.
    x0
        Where to start; zero by default. A good guess saves iterations and changes nothing else.
    preconditioner
        An approximation of A⁻¹, self-adjoint positive definite: an operator or a callable
        (:mod:`wellposed.solvers.preconditioners`).
    tol, atol
        A sample has converged when ‖b − A x‖₂ ≤ max(tol·‖b‖₂, atol).
    max_iter
        Iterations that a sample may make; ``min(10 n, 1000)`` by default, n real unknowns.
    callback
        ``callback(iteration, x, residual)`` after every iteration, counted from 1 (again after a
        restart, where rounding errors forced one); a truthy answer stops, ``(B,)`` bools stop those samples.
    differentiable
        Give x implicit gradients with respect to b and to whatever ``op`` captured, to second order
        (:mod:`wellposed.solvers.implicit`), where grad mode is on and something requires them.

    Returns
    -------
    Solution
        A zero right-hand side gives exactly zero in no iterations. A sample that has stopped does not change
        any more; its values depend on its batch mates at most by rounding. Samples that met negative
        curvature, singularity or non-finite numbers keep their last iterate, and ``reason`` says so.

    Raises
    ------
    ConvergenceError
        If ``b`` or ``x0`` is not finite.
    SpaceError, DtypeError
        If ``op`` returns another shape or dtype than that of ``b``.

    References
    ----------
    M. R. Hestenes and E. Stiefel, "Methods of conjugate gradients for solving linear systems", J. Res. Nat.
    Bur. Standards 49 (1952) 409–436, algorithm (3:1); the preconditioned form is Y. Saad, "Iterative Methods
    for Sparse Linear Systems" (2003), algorithm 9.1.
    """
    return solve_square(
        _iterate, op, b, x0=x0, preconditioner=preconditioner, tol=tol, atol=atol,
        max_iter=max_iter, callback=callback, differentiable=differentiable,
    )  # fmt: skip


def _iterate(
    apply: Apply, precondition: Apply | None, r: Rows, goal: Scalars,
    progress: Progress, report: Report | None,
) -> Rows:  # fmt: skip
    x, r = zeros(r), copy(r)
    rr = dot(r, r)
    goal = goal * goal
    progress.stop(rr <= goal, StopReason.CONVERGED, 0)
    progress.stop_at_limit(0)
    p = copy(r if precondition is None else precondition(r))
    rz = rr if precondition is None else dot(r, p)
    # Steps lie between the reciprocals of the extreme eigenvalues; more than 1/eps apart, A is singular to
    # working precision.
    shortest, eps, k = np.inf, torch.finfo(r[0].dtype).eps, 0
    while progress.running:
        k += 1
        q = apply(p)
        pq = dot(p, q)
        step = rz / pq
        if progress.partial:
            step = np.where(progress.active, step, 1.0)
        add_(r, -step, q)
        previous, rr = rr, dot(r, r)
        # x waits until the step is known to be sound, so it never has to be taken back.
        going = (step > 0) & (rr > goal) & (rr < np.inf) & (step * eps < shortest)
        longest, shortest = shortest / eps, np.minimum(shortest, step)
        if progress.partial:
            going = going | ~progress.active
        if k >= progress.next_limit or not going.all():
            step, rr = _judge(progress, k, step, pq, longest, previous, rr, goal)
        add_(x, step, p)
        if report is not None:
            progress.ask(report(k, x, np.sqrt(rr)), k)
        if progress.partial:
            erase_(r, ~progress.active)
            erase_(p, ~progress.active)
        z = r if precondition is None else precondition(r)
        old, rz = rz, rr if precondition is None else dot(r, z)
        scale_add_(p, np.where(progress.active, rz / old, 0.0) if progress.partial else rz / old, z)
    return x


def _judge(
    progress: Progress, k: int, step: Scalars, pq: Scalars, longest: Scalars,
    previous: Scalars, rr: Scalars, goal: Scalars,
) -> tuple[Scalars, Scalars]:  # fmt: skip
    """Retire the samples that cannot or need not go on; return the steps and squared norms that hold."""
    sick = ~np.isfinite(pq) | ((pq > 0) & ~np.isfinite(rr) & (step < longest))
    singular = ~sick & ~(np.abs(step) < longest)
    broken = ~sick & ~singular & ~(step > 0)
    progress.stop(sick, StopReason.NON_FINITE, k - 1)
    progress.stop(singular, StopReason.SINGULAR, k - 1)
    progress.stop(broken, StopReason.INDEFINITE, k - 1)
    progress.stop(rr <= goal, StopReason.CONVERGED, k)
    progress.stop_at_limit(k)
    bad = sick | singular | broken
    return where(bad, 0.0, step), where(bad, previous, rr)
