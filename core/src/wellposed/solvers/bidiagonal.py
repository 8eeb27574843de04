"""Golub–Kahan bidiagonalisation, the engine of LSQR and LSMR, with per-sample stopping.

Columns of U and V come from A v − α u and A*u − β v; what LSQR and LSMR do with the coefficients is theirs
(:class:`Recurrence`). A preconditioner M ≈ (A*A)⁻¹ changes the inner product of the unknowns to that of M⁻¹,
without factorising M: S. R. Arridge, M. M. Betcke and L. Harhanen, "Iterated preconditioned LSQR method for
inverse problems on unstructured grids", Inverse Problems 30 (2014) 075009.
"""

from __future__ import annotations

from typing import Any, Protocol

import attrs
import numpy as np
import torch

from wellposed.solvers.progress import Progress, Report
from wellposed.solvers.refine import Apply
from wellposed.solvers.rows import (
    Rows,
    Scalars,
    copy,
    dot,
    erase_,
    largest,
    norm,
    scale_,
    scale_add_,
    where,
    zeros,
)
from wellposed.solvers.solution import StopReason


class Recurrence(Protocol):
    """What LSQR and LSMR make of the bidiagonalisation."""

    residual: Scalars
    """‖b − A x‖."""
    normal: Scalars
    """‖A*(b − A x)‖."""

    def start(self, v: Rows, alpha: Scalars, beta: Scalars) -> None:
        """Begin with x = 0."""

    def turn(self, alpha: Scalars, beta: Scalars) -> None:
        """Take the next coefficients: scalars only."""

    def advance(self, x: Rows, v: Rows, good: Scalars | None) -> None:
        """Update ``x`` and the directions; only the samples in ``good``, where given."""


@attrs.frozen(eq=False)
class System:
    """Rows of A, A* and M, as the bidiagonalisation uses them."""

    apply: Apply
    adjoint: Apply
    precondition: Apply | None


@attrs.define(eq=False)
class _Basis:
    """The current columns u, v (and p = M⁻¹v), and the coefficients that led to them."""

    system: System
    u: Rows
    v: Rows
    p: Rows
    beta: Scalars
    alpha: Scalars = 0.0
    indefinite: Scalars = False

    def normalise_u(self) -> None:
        self.beta = norm(self.u)
        scale_(self.u, _inverse(self.beta))

    def normalise_v(self) -> None:
        precondition = self.system.precondition
        self.v = self.p if precondition is None else copy(precondition(self.p))
        square = dot(self.v, self.p)
        self.indefinite = square < 0
        self.alpha = np.sqrt(square)
        inverse = _inverse(self.alpha)
        scale_(self.v, inverse)
        if precondition is not None:
            scale_(self.p, inverse)

    def step(self) -> None:
        scale_add_(self.u, -self.alpha, self.system.apply(self.v))
        self.normalise_u()
        scale_add_(self.p, -self.beta, self.system.adjoint(self.u))
        self.normalise_v()

    def erase(self, gone: Scalars) -> None:
        for rows in (self.u, self.v, self.p):
            erase_(rows, gone)


def _inverse(a: Scalars) -> Scalars:
    return where(a > 0, 1.0 / a, 0.0)


def iterate(
    recurrence: Recurrence, system: System, r: Rows, goal: Scalars, tol: float,
    progress: Progress, report: Report | None,
) -> Rows:  # fmt: skip
    """Minimise ‖r − A d‖ from d = 0; return d."""
    basis = _Basis(system, copy(r), [], [], 0.0)
    basis.normalise_u()
    basis.p = copy(system.adjoint(basis.u))
    # Entries, not squares: below √tiny a norm underflows, which must not pass for A*r = 0.
    vanishes = largest(basis.p) == 0
    basis.normalise_v()
    x = zeros(basis.v)
    recurrence.start(basis.v, basis.alpha, basis.beta)
    square = np.zeros_like(basis.alpha)
    progress.stop(recurrence.residual <= goal, StopReason.CONVERGED, 0)
    progress.stop(~np.isfinite(basis.alpha) & ~basis.indefinite, StopReason.NON_FINITE, 0)
    progress.stop(basis.indefinite, StopReason.INDEFINITE, 0)
    progress.stop(vanishes, StopReason.LEAST_SQUARES, 0)
    progress.stop(basis.alpha == 0, StopReason.STAGNATED, 0)
    progress.stop_at_limit(0)
    tol = max(tol, 4 * torch.finfo(r[0].dtype).eps)
    k = 0
    while progress.running:
        k += 1
        good: Scalars | None = None
        if progress.partial:
            basis.erase(~progress.active)
        square = square + basis.alpha**2
        basis.step()
        square = square + basis.beta**2
        recurrence.turn(basis.alpha, basis.beta)
        solved = recurrence.normal <= tol * np.sqrt(square) * recurrence.residual
        going = (recurrence.residual > goal) & ~solved & np.isfinite(basis.alpha + basis.beta)
        if progress.partial or k >= progress.next_limit or not going.all():
            good = _judge(progress, k, basis, recurrence.residual <= goal, solved)
            basis.erase(~good)
        recurrence.advance(x, basis.v, good)
        if report is not None:
            progress.ask(report(k, x, recurrence.residual), k)
    return x


def _judge(progress: Progress, k: int, basis: _Basis, reached: Scalars, solved: Scalars) -> Scalars:
    """Retire the samples that cannot or need not go on; return which of them may take this step."""
    running = progress.active
    finite = np.isfinite(basis.alpha) & np.isfinite(basis.beta)
    progress.stop(basis.indefinite, StopReason.INDEFINITE, k - 1)
    progress.stop(~finite, StopReason.NON_FINITE, k - 1)
    progress.stop(reached, StopReason.CONVERGED, k)
    progress.stop(solved, StopReason.LEAST_SQUARES, k)
    progress.stop_at_limit(k)
    return running & finite


def masked(good: Scalars | None, *scalars: Scalars) -> tuple[Any, ...]:
    """Return the coefficients with zeros for the samples that do not take part."""
    return scalars if good is None else tuple(where(good, a, 0.0) for a in scalars)
