"""Least squares by LSQR (Paige & Saunders 1982)."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from wellposed.solvers.bidiagonal import masked
from wellposed.solvers.least_squares import solve_least_squares
from wellposed.solvers.progress import Callback
from wellposed.solvers.rows import Rows, Scalars, add_, copy, erase_, scale_add_
from wellposed.solvers.solution import Solution
from wellposed.spaces import Vector


def lsqr(
    op: Any,
    b: Vector,
    *,
    damp: float | Tensor = 0.0,
    x0: Vector | None = None,
    preconditioner: Any = None,
    tol: float = 1e-6,
    atol: float = 0.0,
    max_iter: int | None = None,
    callback: Callback | None = None,
    differentiable: bool = True,
) -> Solution:
    """Minimise ‖A x − b‖² + damp²·‖x‖² for any linear A, every sample for itself.

    From zero (``x0=None``) the result is the minimum-norm least-squares solution A⁺b, whatever A's shape and
    rank.

    Parameters
    ----------
    op
        A: an object with the methods ``A`` and ``A_adjoint``, or a pair of callables ``(A, A_adjoint)``.
    b
        Right-hand side, a tensor ``(B, …)`` or a tuple of them, real or complex.
    damp
        Tikhonov damping ≥ 0, a number or ``(B,)``.
    x0
        Where to start. The solution does not depend on it where it is unique; else it is the one nearest to
        x0.
    preconditioner
        An approximation of (A*A + damp²)⁻¹, self-adjoint positive definite: an operator or a callable. Where
        the solution is not unique, the norm that is minimised becomes √⟨x, M⁻¹x⟩.
    tol, atol
        A sample has converged when ‖b − A x‖ ≤ max(tol·‖b‖, atol) (``CONVERGED``), or when
        ‖A*(b − A x)‖ ≤ tol·‖A‖·‖b − A x‖ with an estimate of ‖A‖_F (``LEAST_SQUARES``); with damping both are
        those of the stacked system [A; damp].
    max_iter
        Iterations that a sample may make; ``min(10 n, 1000)`` by default, n real unknowns.
    callback
        ``callback(iteration, x, residual)`` after every iteration; a truthy answer stops, ``(B,)`` bools
        stop those samples: early stopping, the oldest regularisation.
    differentiable
        Give x implicit gradients with respect to b, damp and whatever ``op`` captured
        (:mod:`wellposed.solvers.implicit_least_squares`), where grad mode is on and something requires them.

    Returns
    -------
    Solution
        A zero right-hand side gives exactly zero in no iterations. A sample that has stopped does not change
        any more.

    Raises
    ------
    ConvergenceError
        If ``b`` or ``x0`` is not finite.
    ParameterError
        If ``op`` lacks ``A`` or ``A_adjoint``, or ``damp`` is negative.
    SpaceError, DtypeError
        If what ``op`` returns does not fit.

    References
    ----------
    C. C. Paige and M. A. Saunders, "LSQR: an algorithm for sparse linear equations and sparse least
    squares", ACM Trans. Math. Softw. 8 (1982) 43–71, section 4.2; stopping rules 1 and 2 of section 6.
    """
    return solve_least_squares(
        LSQRRecurrence, op, b, damp=damp, x0=x0, preconditioner=preconditioner, tol=tol, atol=atol,
        max_iter=max_iter, callback=callback, differentiable=differentiable,
    )  # fmt: skip


class LSQRRecurrence:
    """The QR factorisation of the bidiagonal matrix."""

    residual: Scalars
    normal: Scalars

    def start(self, v: Rows, alpha: Scalars, beta: Scalars) -> None:
        """Begin with x = 0."""
        self._w = copy(v)
        self._rhobar, self._phibar = alpha, beta
        self.residual, self.normal = beta, alpha * beta

    def turn(self, alpha: Scalars, beta: Scalars) -> None:
        """Eliminate ``beta``, Paige & Saunders (4.12)."""
        rho = np.hypot(self._rhobar, beta)
        c, s = self._rhobar / rho, beta / rho
        self._step = c * self._phibar / rho
        self._back = s * alpha / rho
        self._rhobar = -c * alpha
        self._phibar = s * self._phibar
        self.residual = self._phibar
        self.normal = self._phibar * alpha * np.abs(c)

    def advance(self, x: Rows, v: Rows, good: Scalars | None) -> None:
        """Move x along w, and turn w."""
        step, back = masked(good, self._step, self._back)
        if good is not None:
            erase_(self._w, ~good)
        add_(x, step, self._w)
        scale_add_(self._w, -back, v)
