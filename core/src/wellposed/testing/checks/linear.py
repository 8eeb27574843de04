"""Linearity and the adjoint: what makes gradient methods converge to the right thing.

The adjoint defect is ``|⟨Ax, y⟩ − ⟨x, A*y⟩| / max(‖Ax‖‖y‖, ‖x‖‖A*y‖)``. It is never taken relative to
the inner product itself, which may vanish for innocent operators.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wellposed.spaces import Space
from wellposed.structure import AdjointAccuracy
from wellposed.testing.case import Check, Failure, Skip, need
from wellposed.testing.diagnose import alike, double, mismatch, size, suspect
from wellposed.testing.operator_case import OperatorCase, flat, relative
from wellposed.testing.probes import eps, is_complex, space_of
from wellposed.vectors import add, batch_size, leaves, map_vector, scale, subtract

_DOUBLE = (torch.float64, torch.complex128)


def spaces(case: OperatorCase) -> None:
    """Map into the range that it declares."""
    declared = getattr(case.component, "range", None)
    if declared is None or not hasattr(declared, "check"):
        raise Skip("declares no range")
    if not declared.admits(case.A(case.x)):
        raise Failure(
            f"A maps {case.domain} to {space_of(case.A(case.x))}, but the declared range is {declared}"
        )


def precision(case: OperatorCase) -> None:
    """Compute in the precision of its input: nothing is rounded to float32 on the way, nor promoted."""
    for variant in case.variants()[1:]:
        for face in variant.faces():
            dtypes = [t.dtype for t in leaves(variant.call(face))]
            if eps(variant.domain) > 1e-10 and (wide := [d for d in dtypes if d in _DOUBLE]):
                raise Failure(
                    f"{face.label} promotes single-precision input to {wide[0]}; keep the input's precision"
                )
    if eps(case.domain) > 1e-10:
        raise Skip("the input is in single precision")
    for face in case.faces():
        x = face.inputs[0]
        y = case.call(face)
        if single := [t.dtype for t in leaves(y) if t.dtype not in _DOUBLE]:
            raise Failure(f"{face.label} returns {single[0]} for double-precision input: it casts silently")
        u = space_of(x).randn(batch_size(x), case.generator(3))
        if _rounds(lambda v, face=face: case.call(face, (v,)), x, u, case.linear):
            raise Failure(
                f"{face.label} computes a double-precision input in lower precision: it does not follow a "
                f"change of {STEP:.0e} in its input. Look for .float(), a float32 constant, or a library "
                "that works in single precision."
            )


STEP = 2.0**-34
"""A relative change of the input that double precision resolves, and single precision does not."""


def _rounds(f: Any, x: Any, u: Any, linear: bool) -> bool:
    """Return whether f is smooth at large scale but not at a small one that double precision resolves."""
    base, near, far, twice = (f(add(x, scale(t, u))) for t in (0.0, STEP, 1.0, 2.0))
    change, whole = subtract(near, base), subtract(far, base)
    if linear:
        small = relative(subtract(change, scale(STEP, whole)), scale(STEP, whole), scale(STEP, base))
        large = relative(subtract(subtract(twice, base), scale(2.0, whole)), whole, base)
        return small > 0.1 and large < 1e-4
    middle = flat(subtract(f(add(x, scale(1e-4, u))), base)) != 0
    return bool(middle.any()) and float((flat(change) == 0)[middle].double().mean()) > 0.9


def zero(case: OperatorCase) -> None:
    """Map zero to zero."""
    if not case.linear:
        raise Skip("not linear")
    for label, f, space in (("A", case.A, case.domain), ("A_adjoint", case.adjoint, case.range)):
        image = f(space.zeros(case.batch or 2))
        if any(bool((t != 0).any()) for t in leaves(image)):
            size = float(max(t.abs().max() for t in leaves(image)))
            raise Failure(f"{label}(0) is not 0 but up to {size:.3g}: it is affine, with an offset")


def linearity(case: OperatorCase) -> None:
    """Respect sums and multiples, by complex scalars where the spaces are complex."""
    if not case.linear:
        raise Skip("not linear")
    for variant in case.variants():
        for label, f, space in (
            ("A", variant.A, variant.domain),
            ("A_adjoint", variant.adjoint, variant.range),
        ):
            u, v = variant.draw(space, 4), variant.draw(space, 5)
            scalars = (1.5, -0.75) if variant.real else (0.5 - 1.5j, -0.75 + 0.25j)
            error = _nonlinearity(f, u, v, *scalars)
            if error > 10 * variant.tolerance:
                only_real = not variant.real and _nonlinearity(f, u, v, 1.5, -0.75) <= 10 * variant.tolerance
                why = (
                    "it is linear over the reals only; if that is meant, declare RealLinear()"
                    if only_real
                    else f"{label}(au + bv) differs from a{label}(u) + b{label}(v)"
                )
                raise Failure(f"{label} is not linear: {why} (relative difference {error:.1e})")


def _nonlinearity(f: Any, u: Any, v: Any, a: complex, b: complex) -> float:
    whole = f(add(scale(a, u), scale(b, v)))
    parts = scale(a, f(u)), scale(b, f(v))
    return relative(subtract(whole, add(*parts)), whole, *parts)


def adjoint(case: OperatorCase) -> None:
    """Satisfy ⟨Ax, y⟩ = ⟨x, A*y⟩, or declare how far it is from that, and why."""
    need(case.component, "A_adjoint")
    declared = case.evidence(AdjointAccuracy)
    if declared is not None and not declared.reason.strip():
        raise Failure("AdjointAccuracy is declared without a reason; say why the adjoint is approximate")
    for variant in case.variants():
        limit = variant.tolerance if declared is None else max(declared.accuracy, variant.tolerance)
        _check_adjoint(variant, limit)


def _check_adjoint(case: OperatorCase, limit: float) -> None:
    image = case.adjoint(case.y)
    if (text := mismatch(image, map_vector(torch.zeros_like, case.x), float("inf"), dtype=False)) is not None:
        raise Failure(f"A_adjoint does not map into the domain {case.domain}: {text}")
    worst = max(
        defect(case, case.x, case.y),
        defect(case, case.x, map_vector(lambda t: t.flip(0), case.y)),  # pairs other families of probes
    )
    if not worst <= limit:
        hint = (
            f"; if it is approximate by choice, declare AdjointAccuracy({2 * worst:.0e}, reason)"
            if worst < 0.05
            else ""
        )
        raise Failure(
            f"A_adjoint is not the adjoint of A: {diagnose(case)} "
            f"(defect {worst:.1e}, allowed {limit:.1e}, on {case.domain}){hint}"
        )


def defect(case: OperatorCase, x: Any, y: Any) -> float:
    """Return the largest adjoint defect over pairs of probes, accumulated in double precision."""
    ax, ay = case.A(x), case.adjoint(y)
    gap = (case.inner(ax, y) - case.inner(x, ay)).abs()
    scale = torch.maximum(size(ax) * size(y), size(x) * size(ay))
    return float(torch.where(scale > 0, gap / torch.where(scale > 0, scale, 1), gap).max())


def diagnose(case: OperatorCase) -> str:
    """Say in which way A_adjoint differs from the adjoint of the matrix of A."""
    if not isinstance(case.domain, Space) or not isinstance(case.range, Space):
        return "the two inner products differ"
    y = case.draw(case.range, 6)
    assert isinstance(y, Tensor)
    got, want = double(case.adjoint(y)), case.true_adjoint(y)
    if want is None:
        return "the two inner products differ"
    if (
        is_complex(case.range)
        and (other := case.true_adjoint(y.conj())) is not None
        and alike(got, other.conj())
    ):
        return "it is the transpose Aᵀ, not A* = conj(A)ᵀ: a conj() is missing"
    if case.domain == case.range and alike(got, double(case.A(y))):
        return "it is A itself"
    return suspect(got, want)


PRECISION = Check(
    "precision", precision, after=("evaluates", "batch_axis", "mutation", "determinism", "history")
)
"""Comes before every comparison of two results: those of a lower precision differ by its rounding."""

CHECKS = (
    Check("spaces", spaces, after=("evaluates",)),
    Check("zero", zero, after=("evaluates", "mutation", "determinism", "history")),
    Check("linearity", linearity, after=("zero", "precision", "batch")),
    Check("adjoint", adjoint, after=("linearity", "spaces")),
)
