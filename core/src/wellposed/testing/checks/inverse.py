"""What solvers ask of an operator: the pseudo-inverse, the proximal step, the gram operator and the norm.

These may be computed by iteration, so they are held to the tolerance of a converged solver and not to
rounding; where an operator is very ill-conditioned, only conditions that do not amplify errors are kept, and
a solution is judged by its backward error: whether it solves exactly a problem that is hardly another one.
"""

from __future__ import annotations

from typing import Any

import torch

from wellposed.testing.case import Check, Failure, Skip, clone, detach, need
from wellposed.testing.diagnose import alike, double, mismatch
from wellposed.testing.operator_case import OperatorCase, relative
from wellposed.testing.probes import eps
from wellposed.vectors import add, inner, leaves, norm, scale, subtract

CONVERGED = 1e-4
"""Relative residual of what an iterative method calls solved, in double precision."""

GAMMAS = (0.3, 4.0)


def pinv(case: OperatorCase) -> None:
    """Satisfy the four Penrose conditions: ``A_dagger`` is the pseudo-inverse."""
    need(case.component, "A_adjoint", "A_dagger")
    x, y, w = (case.draw(s, 9 + i) for i, s in enumerate((case.domain, case.range, case.range)))
    image, ill = case.A(x), _ill_conditioned(case)
    inverted = _dagger(case, image)
    gap = subtract(case.A(inverted), image)
    error = _backward_error(case, gap, image, inverted, x) if ill else relative(gap, image)
    if not error <= _limit(case):
        raise Failure(f"A A⁺A = A is violated by {error:.1e}{_pinv_suspect(case, image)}")
    if ill:
        return
    y_plus, w_plus = _dagger(case, y), _dagger(case, w)
    error = relative(subtract(_dagger(case, case.A(y_plus)), y_plus), y_plus)
    _require("A⁺A A⁺ = A⁺", error, case)
    _require("(A A⁺)* = A A⁺", _asymmetry(case, case.A(y_plus), w, y, case.A(w_plus)), case)
    u = case.draw(case.domain, 12)
    _require("(A⁺A)* = A⁺A", _asymmetry(case, _dagger(case, image), u, x, _dagger(case, case.A(u))), case)


def prox_l2(case: OperatorCase) -> None:
    """Solve γA*(Au − y) + u − z = 0: ``prox_l2`` minimises γ/2·‖Au − y‖² + ½·‖u − z‖²."""
    need(case.component, "A_adjoint", "prox_l2")
    z, y = case.draw(case.domain, 13), case.draw(case.range, 14)
    for gamma in GAMMAS:
        u = _prox(case, z, y, gamma)
        if (error := _residual(case, u, z, y, gamma)) > _limit(case):
            raise Failure(
                f"prox_l2(z, y, {gamma}) is not the minimiser of γ/2·‖Au − y‖² + ½·‖u − z‖²: "
                f"residual {error:.1e}{_gamma_suspect(case, u, z, y, gamma)}"
            )
        other = case.draw(case.domain, 15)
        moved = subtract(_prox(case, other, y, gamma), u)
        excess = norm(moved) ** 2 - inner(moved, subtract(other, z)).real
        if float((excess / norm(subtract(other, z)) ** 2).max()) > _limit(case):
            raise Failure(f"prox_l2 is not firmly non-expansive in z at γ = {gamma}")


def gram(case: OperatorCase) -> None:
    """Offer a ``gram`` operator that is A*A."""
    op = getattr(case.component, "gram", None)
    if not case.linear or not callable(getattr(op, "A", None)):
        raise Skip("no gram")
    assert op is not None
    text = mismatch(detach(op.A(clone(case.x))), case.adjoint(case.A(case.x)), 10 * case.tolerance)
    if text is not None:
        raise Failure(f"gram is not A*A: {text}")


def spectral_norm(case: OperatorCase) -> None:
    """Have the spectral norm that ``wellposed.norm`` says."""
    from wellposed.linalg import norm as claimed_norm

    if not case.linear or not hasattr(case.component, "domain"):
        raise Skip("not a linear operator that knows its domain")
    truth = largest_singular_value(case)
    if truth is None:
        raise Skip("too large for a dense comparison")
    claimed = float(claimed_norm(case.component))
    if abs(claimed - truth) > 1e-3 * max(truth, claimed):
        raise Failure(f"norm() says {claimed:.6g}, but the largest singular value is {truth:.6g}")


def largest_singular_value(case: OperatorCase) -> float | None:
    """Return ‖A‖ from the dense matrix, or ``None`` where that is too large."""
    values = _singular_values(case)
    return None if values is None else float(values.max()) if values.numel() else 0.0


def _singular_values(case: OperatorCase) -> torch.Tensor | None:
    if case.matrix is None:
        return None
    rows = case.matrix
    if case.real:
        rows = torch.cat([rows.real, rows.imag], dim=1) if rows.is_complex() else rows
    values: torch.Tensor = torch.linalg.svdvals(double(rows))
    return values


def _ill_conditioned(case: OperatorCase) -> bool:
    values = _singular_values(case)
    if values is None or not values.numel() or float(values.max()) == 0:
        return values is None
    share = values / values.max()
    return bool(((share > 1e-13) & (share < 1e-3)).any())


def _backward_error(case: OperatorCase, gap: Any, image: Any, inverted: Any, x: Any) -> float:
    """Return ‖r‖ / (‖A‖·‖A⁺Ax‖ + ‖Ax‖), worst sample: how far the nearest problem with this solution is.

    What LSQR and LSMR call solved (Rigal & Gaches 1967; Paige & Saunders 1982, rule S1): small singular
    values, which no iteration reaches, do not count for more than their share of ‖A‖. A⁺A is a projection, so
    that a solution longer than x has no claim to its length.
    """
    length = torch.minimum(norm(inverted), norm(x)).double()
    allowed = _spectral_norm(case, x) * length + norm(image).double()
    return float((norm(gap).double() / allowed.clamp_min(torch.finfo(torch.float64).tiny)).max())


def _spectral_norm(case: OperatorCase, x: Any, steps: int = 10) -> float:
    """Return ‖A‖, where it is too large for a matrix from below, by the power method."""
    values = _singular_values(case)
    if values is not None:
        return float(values.max())
    for _ in range(steps):
        y = case.adjoint(case.A(x))
        x = scale(1 / max(float(norm(y).max()), torch.finfo(torch.float32).tiny), y)
    return float((norm(case.A(x)) / norm(x).clamp_min(torch.finfo(torch.float32).tiny)).max())


def _limit(case: OperatorCase) -> float:
    return CONVERGED if eps(case.domain) < 1e-10 else 1e-2


def _dagger(case: OperatorCase, y: Any) -> Any:
    return detach(case.component.A_dagger(clone(y)))


def _prox(case: OperatorCase, z: Any, y: Any, gamma: float) -> Any:
    return detach(case.component.prox_l2(clone(z), clone(y), gamma))


def _require(equation: str, error: float, case: OperatorCase) -> None:
    if not error <= _limit(case):
        raise Failure(f"the Penrose condition {equation} is violated by {error:.1e}")


def _asymmetry(case: OperatorCase, pa: Any, b: Any, a: Any, pb: Any) -> float:
    """Return |⟨Pa, b⟩ − ⟨a, Pb⟩| relative to ‖a‖‖b‖."""
    return float(((case.inner(pa, b) - case.inner(a, pb)).abs() / (norm(a) * norm(b))).max())


def _pinv_suspect(case: OperatorCase, image: Any) -> str:
    guess, back = leaves(_dagger(case, image)), leaves(case.adjoint(image))
    same = all(alike(a, b) for a, b in zip(guess, back, strict=True))
    return ": A_dagger returns the adjoint A*y, which is not the pseudo-inverse" if same else ""


def _residual(case: OperatorCase, u: Any, z: Any, y: Any, gamma: float) -> float:
    pull = scale(gamma, case.adjoint(subtract(case.A(u), y)))
    return relative(add(pull, subtract(u, z)), pull, u, z)


def _gamma_suspect(case: OperatorCase, u: Any, z: Any, y: Any, gamma: float) -> str:
    for name, value in (("1/γ", 1 / gamma), ("2γ", 2 * gamma), ("γ/2", gamma / 2), ("1/(2γ)", 0.5 / gamma)):
        if _residual(case, u, z, y, value) <= _limit(case):
            return f"; it solves the problem with {name} in place of γ"
    return ""


CHECKS = (
    Check("pinv", pinv, after=("adjoint",)),
    Check("prox_l2", prox_l2, after=("adjoint",)),
    Check("gram", gram, after=("adjoint",)),
    Check("norm", spectral_norm, after=("adjoint", "norm_bound")),
)
