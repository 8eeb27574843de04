"""Whatever an operator declares is tested: one check per class of evidence.

Each check is named by ``Evidence.check``; a pack that defines evidence of its own registers its check
with :func:`wellposed.testing.register_checks`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

from wellposed.structure import (
    SVD,
    Coisometry,
    Diagonal,
    Evidence,
    FourierDiagonal,
    Isometry,
    NormBound,
    PositiveSemidefinite,
    Projection,
    RealLinear,
    SelfAdjoint,
    Symmetry,
    Unitary,
)
from wellposed.testing.case import Check, Failure, Skip
from wellposed.testing.checks.inverse import largest_singular_value
from wellposed.testing.checks.transform import a_few, law_violation
from wellposed.testing.diagnose import mismatch
from wellposed.testing.operator_case import OperatorCase, flat, relative
from wellposed.testing.probes import is_complex
from wellposed.vectors import inner, map_vector, norm, scale, subtract


def _declared(case: OperatorCase, kind: type[Evidence]) -> Any:
    found = case.evidence(kind)
    if found is None:
        raise Skip("not declared")
    return found


def _claim(case: OperatorCase, claim: str, got: Any, want: Any, tolerance: float | None = None) -> None:
    if (text := mismatch(got, want, tolerance or 10 * case.tolerance, dtype=False)) is not None:
        raise Failure(f"{claim} is declared, but does not hold: {text}")


def diagonal(case: OperatorCase) -> None:
    """Declare ``Diagonal(d)`` truly: A x = d·x."""
    d = _declared(case, Diagonal).d
    _claim(case, "Diagonal: A x = d·x", case.A(case.x), map_vector(lambda t: d * t, case.x))


def fourier_diagonal(case: OperatorCase) -> None:
    """Declare ``FourierDiagonal`` truly: A = F⁻¹ diag(spectrum) F."""
    e = _declared(case, FourierDiagonal)
    x = case.x
    if e.half:
        sizes = [x.shape[d] for d in e.dims]
        want = torch.fft.irfftn(e.spectrum * torch.fft.rfftn(x, dim=e.dims), s=sizes, dim=e.dims)
    else:
        want = torch.fft.ifftn(e.spectrum * torch.fft.fftn(x, dim=e.dims), dim=e.dims)
        want = want if is_complex(case.range) else _without_phase(want)
    _claim(case, f"FourierDiagonal over axes {e.dims}", case.A(x), want)


def _without_phase(want: Tensor) -> Tensor:
    """Return the real part, unless an imaginary part contradicts that the operator maps into the reals."""
    if float(want.imag.abs().max()) > 1e-6 * float(want.abs().max()):
        raise Failure("FourierDiagonal is declared with a spectrum that is not that of a real operator")
    return want.real


def svd(case: OperatorCase) -> None:
    """Declare ``SVD`` truly: A = U diag(s) V* with orthonormal columns."""
    e = _declared(case, SVD)
    for name, factor in (("U", e.U), ("V", e.V)):
        eye = torch.eye(factor.shape[-1], dtype=factor.dtype)
        _claim(case, f"SVD: {name}*{name} = I", factor.mH @ factor, eye)
    if bool((e.s < 0).any()):
        raise Failure("SVD is declared with a negative singular value")
    coefficients = flat(case.x).to(e.V.dtype) @ e.V.conj()
    want = (coefficients * e.s) @ e.U.mT
    _claim(case, "SVD: A = U diag(s) V*", flat(case.A(case.x)).to(want.dtype), want)


def unitary(case: OperatorCase) -> None:
    """Declare ``Unitary`` truly: A*A = I and A A* = I."""
    _declared(case, Unitary)
    _claim(case, "Unitary: A*A = I", case.adjoint(case.A(case.x)), case.x)
    _claim(case, "Unitary: A A* = I", case.A(case.adjoint(case.y)), case.y)


def isometry(case: OperatorCase) -> None:
    """Declare ``Isometry`` truly: A*A = I."""
    _declared(case, Isometry)
    _claim(case, "Isometry: A*A = I", case.adjoint(case.A(case.x)), case.x)


def coisometry(case: OperatorCase) -> None:
    """Declare ``Coisometry`` truly: A A* = I."""
    _declared(case, Coisometry)
    _claim(case, "Coisometry: A A* = I", case.A(case.adjoint(case.y)), case.y)


def self_adjoint(case: OperatorCase) -> None:
    """Declare ``SelfAdjoint`` truly: A* = A."""
    _declared(case, SelfAdjoint)
    _claim(case, "SelfAdjoint: A* = A", case.A(case.x), case.adjoint(case.x))


def positive_semidefinite(case: OperatorCase) -> None:
    """Declare ``PositiveSemidefinite`` truly: A* = A and ⟨x, Ax⟩ ≥ 0."""
    _declared(case, PositiveSemidefinite)
    x = case.draw(case.domain, 16)
    image = case.A(x)
    _claim(case, "PositiveSemidefinite: A* = A", image, case.adjoint(x))
    # power iteration on c − A: its dominant eigenvector is that of A's least eigenvalue
    bound = 1.01 * float((norm(image) / norm(x)).max()) * 4
    for _ in range(60):
        x = subtract(scale(bound, x), case.A(x))
        x = scale(1 / norm(x).clamp_min(1e-300), x)
    lowest = float(inner(x, case.A(x)).real.min())
    if lowest < -1e-8 * max(bound, 1e-300):
        raise Failure(f"PositiveSemidefinite is declared, but ⟨x, Ax⟩ = {lowest:.3g} for some unit vector x")


def projection(case: OperatorCase) -> None:
    """Declare ``Projection`` truly: A² = A = A*."""
    _declared(case, Projection)
    image = case.A(case.x)
    _claim(case, "Projection: A² = A", case.A(image), image)
    _claim(case, "Projection: A* = A", case.adjoint(case.x), image)


def norm_bound(case: OperatorCase) -> None:
    """Declare ``NormBound`` truly: ‖A‖ ≤ bound, and equal to it where it is called tight."""
    e = _declared(case, NormBound)
    truth, exact = largest_singular_value(case), True
    if truth is None:
        truth, exact = _power_iteration(case), False
    if truth > e.bound * (1 + 1e-6) + 1e-12:
        raise Failure(f"NormBound({e.bound:.6g}) is declared, but ‖A‖ ≥ {truth:.6g}")
    if e.tight and exact and truth < e.bound * (1 - 1e-3):
        raise Failure(f"NormBound({e.bound:.6g}) is called tight, but ‖A‖ = {truth:.6g}")


def _power_iteration(case: OperatorCase) -> float:
    x = case.draw(case.domain, 17)
    for _ in range(30):
        x = case.adjoint(case.A(scale(1 / norm(x).clamp_min(1e-300), x)))
    return float((norm(case.A(x)) / norm(x).clamp_min(1e-300)).max())


def symmetry(case: OperatorCase) -> None:
    """Declare every ``Symmetry`` truly: A T_in(g) = T_out(g) A, and both sides are group actions."""
    _declared(case, Symmetry)
    for e in case.evidences():
        if isinstance(e, Symmetry):
            _holds(case, e)


def _holds(case: OperatorCase, e: Symmetry) -> None:
    x, y = case.draw(case.domain, 18), case.draw(case.range, 19)
    allowed = max(e.accuracy, 10 * case.tolerance)
    for k, g in enumerate(a_few(e.T_in, x, case.generator(20))):
        h = e.T_in.sample(case.generator(30 + k))
        for name, T, v in (("T_in", e.T_in, x), ("T_out", e.T_out, y)):
            if (text := law_violation(T, v, g, h, allowed)) is not None:
                raise Failure(f"Symmetry is declared, but {name} is no group action: {text}")
        left, right = case.A(e.T_in.act(x, g)), e.T_out.act(case.A(x), g)
        error = relative(subtract(left, right), left, right)
        if error > allowed:
            raise Failure(
                f"Symmetry is declared, but A T_in(g) and T_out(g) A differ by {error:.1e} for g = {g!r}"
            )


def real_linear(case: OperatorCase) -> None:
    """Declare ``RealLinear`` only where complex scalars indeed do not pass through."""
    _declared(case, RealLinear)
    if not (is_complex(case.domain) and is_complex(case.range)):
        return
    x = case.draw(case.domain, 21)
    turned = relative(subtract(case.A(scale(1j, x)), scale(1j, case.A(x))), case.A(x))
    if turned <= 10 * case.tolerance:
        raise Failure(
            "RealLinear is declared, but A is linear over the complex numbers; drop the declaration"
        )


def evidence(case: OperatorCase) -> None:
    """Declare only evidence that some check verifies."""
    from wellposed.testing.table import checks_of

    if not case.evidences():
        raise Skip("declares nothing")
    known = {check.name for check in checks_of("physics")}
    for e in case.evidences():
        if e.check not in known:
            raise Failure(
                f"{type(e).__name__} names the check {e.check!r}, which does not exist; "
                "add it with wellposed.testing.register_checks('physics', [Check(…)])"
            )


_BY_CLAIM: tuple[Callable[[OperatorCase], None], ...] = (
    diagonal,
    fourier_diagonal,
    svd,
    unitary,
    isometry,
    coisometry,
    self_adjoint,
    positive_semidefinite,
    projection,
    norm_bound,
    symmetry,
)

CHECKS = (
    Check("evidence", evidence, after=("evaluates",)),
    *(Check(cast(Any, f).__name__, f, after=("adjoint",)) for f in _BY_CLAIM),
    Check("real_linear", real_linear, after=("linearity",)),
)
