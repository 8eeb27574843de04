"""Least squares by LSMR (Fong & Saunders 2011): ‖A*r‖ falls monotonically, so stopping early is safer."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from wellposed.solvers.bidiagonal import masked
from wellposed.solvers.least_squares import solve_least_squares
from wellposed.solvers.progress import Callback
from wellposed.solvers.rows import Rows, Scalars, add_, copy, erase_, scale_add_, zeros
from wellposed.solvers.solution import Solution
from wellposed.spaces import Vector


def lsmr(
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

    Equivalent to MINRES on the normal equations, as :func:`~wellposed.solvers.lsqr` is to CG on them. Every
    argument means what it means there, and so do the result and the errors.

    Parameters
    ----------
    op, b, damp, x0, preconditioner, tol, atol, max_iter, callback, differentiable
        As in :func:`~wellposed.solvers.lsqr`.

    Returns
    -------
    Solution
        As :func:`~wellposed.solvers.lsqr`.

    Raises
    ------
    ConvergenceError, ParameterError, SpaceError, DtypeError
        As :func:`~wellposed.solvers.lsqr`.

    References
    ----------
    D. C.-L. Fong and M. A. Saunders, "LSMR: an iterative algorithm for sparse least-squares problems", SIAM
    J. Sci. Comput. 33 (2011) 2950–2971, sections 2.8 (algorithm) and 5.1 (‖r‖).
    """
    return solve_least_squares(
        LSMRRecurrence, op, b, damp=damp, x0=x0, preconditioner=preconditioner, tol=tol, atol=atol,
        max_iter=max_iter, callback=callback, differentiable=differentiable,
    )  # fmt: skip


class LSMRRecurrence:
    """Two QR factorisations, interleaved; names are those of Fong & Saunders."""

    residual: Scalars
    normal: Scalars

    def start(self, v: Rows, alpha: Scalars, beta: Scalars) -> None:
        """Begin with x = 0."""
        self._h, self._hbar = copy(v), zeros(v)
        zero, one = np.zeros_like(alpha), np.ones_like(alpha)
        self._alphabar, self._zetabar = alpha, alpha * beta
        self._rho = self._rhobar = self._cbar = one
        self._sbar = self._zeta = zero
        self._betadd, self._betad, self._rhodold = beta, zero, one
        self._tautilde = self._thetatilde = zero
        self.residual, self.normal = beta, alpha * beta

    def turn(self, alpha: Scalars, beta: Scalars) -> None:
        """Take one column of the bidiagonal matrix into both factorisations."""
        rho_old, rhobar_old, zeta_old = self._rho, self._rhobar, self._zeta
        self._rho = rho = np.hypot(self._alphabar, beta)
        c, s = self._alphabar / rho, beta / rho
        theta = s * alpha
        self._alphabar = c * alpha
        thetabar = self._sbar * rho
        self._rhobar = rhobar = np.hypot(self._cbar * rho, theta)
        self._cbar, self._sbar = self._cbar * rho / rhobar, theta / rhobar
        self._zeta = self._cbar * self._zetabar
        self._zetabar = -self._sbar * self._zetabar
        self._bar = thetabar * rho / (rho_old * rhobar_old)
        self._step = self._zeta / (rho * rhobar)
        self._back = theta / rho
        self.normal = np.abs(self._zetabar)
        self._measure(c, s, thetabar, zeta_old)

    def _measure(self, c: Scalars, s: Scalars, thetabar: Scalars, zeta_old: Scalars) -> None:
        """Estimate ‖r‖, section 5.1."""
        betahat = c * self._betadd
        self._betadd = -s * self._betadd
        rhotilde = np.hypot(self._rhodold, thetabar)
        ctilde, stilde = self._rhodold / rhotilde, thetabar / rhotilde
        self._tautilde = (zeta_old - self._thetatilde * self._tautilde) / rhotilde
        self._thetatilde = stilde * self._rhobar
        self._rhodold = ctilde * self._rhobar
        self._betad = ctilde * betahat - stilde * self._betad
        taud = (self._zeta - self._thetatilde * self._tautilde) / self._rhodold
        self.residual = np.hypot(self._betad - taud, self._betadd)

    def advance(self, x: Rows, v: Rows, good: Scalars | None) -> None:
        """Move x along h̄, and turn h̄ and h."""
        bar, step, back = masked(good, self._bar, self._step, self._back)
        if good is not None:
            erase_(self._h, ~good)
            erase_(self._hbar, ~good)
        scale_add_(self._hbar, -bar, self._h)
        add_(x, step, self._hbar)
        scale_add_(self._h, -back, v)
