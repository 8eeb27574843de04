"""Minimal residuals for self-adjoint operators, indefinite and singular ones too (Paige & Saunders 1975)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from wellposed.solvers.progress import Callback, Progress, Report
from wellposed.solvers.refine import Apply, solve_square
from wellposed.solvers.rows import (
    Rows,
    Scalars,
    add_,
    copy,
    dot,
    erase_,
    norm,
    scale_,
    scale_add_,
    where,
    zeros,
)
from wellposed.solvers.solution import Solution, StopReason
from wellposed.spaces import Vector


def minres(
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
    """Solve A x = b for a self-adjoint A, definite or not, every sample for itself.

    Singular A is fine where b lies in its range. Where it does not, a least-squares solution is returned with
    the reason ``SINGULAR`` and ``converged`` false. Operators with a condition number
    beyond about 1/√eps of the dtype may be taken for singular.

    Parameters
    ----------
    op
        A: an object with a method ``A``, or a callable ``v -> A v``. Linear and self-adjoint.
    b, x0, tol, atol, max_iter, callback
        As in :func:`~wellposed.solvers.cg`.
    preconditioner
        An approximation of (A²)^(−½), self-adjoint and positive *definite*: an operator or a callable.
    differentiable
        As in :func:`~wellposed.solvers.cg`. Gradients assume that A is invertible.

    Returns
    -------
    Solution
        As :func:`~wellposed.solvers.cg`; here ``INDEFINITE`` can only mean the preconditioner.

    Raises
    ------
    ConvergenceError
        If ``b`` or ``x0`` is not finite.
    SpaceError, DtypeError
        If ``op`` returns another shape or dtype than that of ``b``.

    References
    ----------
    C. C. Paige and M. A. Saunders, "Solution of sparse indefinite systems of linear equations", SIAM J.
    Numer. Anal. 12 (1975) 617–629, section 6; the estimate of ‖A r‖ is that of the authors' MINRES code.
    """
    return solve_square(
        _iterate, op, b, x0=x0, preconditioner=preconditioner, tol=tol, atol=atol,
        max_iter=max_iter, callback=callback, differentiable=differentiable,
    )  # fmt: skip


class _Rotations:
    """The QR factorisation of the Lanczos matrix, one Givens rotation per iteration, per sample."""

    def __init__(self, beta: Scalars) -> None:
        zero = np.zeros_like(beta)
        self.cs, self.sn, self.dbar, self.epsln = zero - 1.0, zero, zero, zero
        self.phibar, self.square, self.old = beta, zero, zero
        self.root = beta

    def stuck(self, like: Rows) -> Scalars:
        """Whether ‖A r‖ has vanished while r stays: a least-squares solution of inconsistent equations.

        In exact arithmetic ‖A r‖/‖r‖ falls to zero; with rounding it turns near √eps·‖A‖, and x explodes
        along the null space soon after. Hence the threshold, and a residual that no longer falls beside it.
        """
        eps = torch.finfo(like[0].dtype).eps
        size = np.sqrt(self.square)
        return (self.root <= 20 * eps * size) | ((self.root <= 0.2 * eps**0.5 * size) & (self.sn > 0.99))

    def turn(self, alpha: Scalars, beta: Scalars) -> tuple[Scalars, Scalars, Scalars, Scalars]:
        """Take the next column (alpha, beta); return ε, δ, γ, φ of Paige & Saunders."""
        self.square = self.square + alpha * alpha + self.old + beta * beta
        self.old = beta * beta
        epsilon = self.epsln
        delta = self.cs * self.dbar + self.sn * alpha
        gbar = self.sn * self.dbar - self.cs * alpha
        self.epsln = self.sn * beta
        self.dbar = -self.cs * beta
        self.root = np.hypot(gbar, self.dbar)
        gamma = np.hypot(gbar, beta)
        self.cs = gbar / gamma
        self.sn = beta / gamma
        phi = self.cs * self.phibar
        self.phibar = self.sn * self.phibar
        return epsilon, delta, gamma, phi


def _iterate(
    apply: Apply, precondition: Apply | None, r: Rows, goal: Scalars,
    progress: Progress, report: Report | None,
) -> Rows:  # fmt: skip
    x, w, w_old, v = zeros(r), zeros(r), zeros(r), zeros(r)
    r_old, r_new, size = zeros(r), copy(r), norm(r)
    progress.stop(size <= goal, StopReason.CONVERGED, 0)
    progress.stop_at_limit(0)
    y, beta = _m_norm(precondition, r_new)
    progress.stop(np.isnan(beta) | (beta == 0), StopReason.INDEFINITE, 0)
    # The recurrence knows the residual in the norm of the preconditioner; the frame checks the true one.
    unit = beta / size
    rotations, old, k = _Rotations(beta), beta, 0
    while progress.running:
        k += 1
        if progress.partial:
            beta, old = _ones(progress, beta), _ones(progress, old)
            for rows in (r_old, r_new, y, w, w_old):
                erase_(rows, ~progress.active)
        v = copy(y)
        scale_(v, 1.0 / beta)
        scale_add_(r_old, -beta / old, apply(v))
        alpha = dot(v, r_old)
        add_(r_old, -alpha / beta, r_new)
        r_old, r_new, old = r_new, r_old, beta
        y, beta = _m_norm(precondition, r_new)
        epsilon, delta, gamma, phi = rotations.turn(alpha, beta)
        stuck = rotations.stuck(r)
        going = (rotations.phibar > goal * unit) & ~stuck
        if progress.partial or k >= progress.next_limit or not going.all():
            good = _judge(progress, k, rotations, goal * unit, alpha, beta, stuck)
            epsilon, delta, phi = (where(good, t, 0.0) for t in (epsilon, delta, phi))
            gamma = where(good, gamma, 1.0)
            for rows in (v, w, w_old):
                erase_(rows, ~good)
        scale_add_(w_old, -epsilon, v)
        add_(w_old, -delta, w)
        scale_(w_old, 1.0 / gamma)
        w_old, w = w, w_old
        add_(x, phi, w)
        if report is not None:
            progress.ask(report(k, x, np.abs(rotations.phibar) / unit), k)
    return x


def _judge(
    progress: Progress, k: int, rotations: _Rotations, goal: Scalars,
    alpha: Scalars, beta: Scalars, stuck: Scalars,
) -> Scalars:  # fmt: skip
    """Retire the samples that cannot or need not go on; return which of them may take this step."""
    running = progress.active
    finite = np.isfinite(alpha) & (np.isfinite(beta) | (beta != beta))
    indefinite = np.isfinite(alpha) & np.isnan(beta)
    before = k - 1
    progress.stop(~finite, StopReason.NON_FINITE, before)
    progress.stop(indefinite, StopReason.INDEFINITE, before)
    # ‖A r‖ is that of the x before this step, which therefore is the one to keep.
    progress.stop(stuck, StopReason.SINGULAR, before)
    progress.stop(rotations.phibar <= goal, StopReason.CONVERGED, k)
    progress.stop_at_limit(k)
    return running & finite & ~indefinite & ~stuck


def _m_norm(precondition: Apply | None, r: Rows) -> tuple[Rows, Scalars]:
    """Return y = M r and √⟨r, y⟩, which is nan where M is not positive."""
    y = r if precondition is None else precondition(r)
    return y, np.sqrt(dot(r, y))


def _ones(progress: Progress, a: Scalars) -> Scalars:
    return where(progress.active, a, 1.0)
