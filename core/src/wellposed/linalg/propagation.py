"""How structure travels through the algebra: one rule per (expression, evidence), with its reason.

A rule sees the expression and returns the evidence that follows from its operands, or ``None``: unknown
structure is dropped, never guessed. Rules run only for the evidence that is asked for, so a spectrum
is multiplied out only where somebody needs it. Packs add rules for their own evidence::

    @propagates(Composition, MyEvidence)
    def _(op): ...
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor

from wellposed.linalg.algebra import Adjoint, BlockDiagonal, Composition, Expression, Scaled, Stack, Sum
from wellposed.linalg.base import LinearOperator
from wellposed.linalg.evidence import find
from wellposed.structure import (
    SVD,
    AdjointAccuracy,
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

Rule: TypeAlias = Callable[..., Evidence | None]
_TABLE: dict[tuple[type[Expression], type[Evidence]], Rule] = {}


def propagates(expression: type[Expression], evidence: type[Evidence]) -> Callable[[Rule], Rule]:
    """Register the decorated rule for ``evidence`` of ``expression``."""

    def decorate(rule: Rule) -> Rule:
        _TABLE[expression, evidence] = rule
        return rule

    return decorate


def propagate(op: Expression, evidence: type[Evidence]) -> Evidence | None:
    """Return ``evidence`` of an expression when it follows from its operands."""
    rule = _TABLE.get((type(op), evidence))
    return None if rule is None else rule(op)


def propagate_all(op: Expression) -> tuple[Evidence, ...]:
    """Return everything that follows for ``op``, in the order of the table."""
    found = (rule(op) for (expression, _), rule in _TABLE.items() if expression is type(op))
    return tuple(e for e in found if e is not None)


def _each(op: Expression, kind: type[Evidence]) -> list[Evidence] | None:
    """Return the evidence of every operand, or ``None`` when one lacks it."""
    found = [find(operand, kind) for operand in op._operators()]
    return None if None in found else found  # type: ignore[return-value]


def _if_all(kind: type[Evidence]) -> Rule:
    return lambda op: kind() if _each(op, kind) is not None else None


def _if_any(kind: type[Evidence]) -> Rule:
    return lambda op: next((e for o in op._operators() if (e := find(o, kind)) is not None), None)


# A product of maps with A*A = I (or A A* = I, or both) has the property; so has a block diagonal.
_kinds: tuple[type[Evidence], ...] = (Unitary, Isometry, Coisometry)
for _kind in _kinds:
    propagates(Composition, _kind)(_if_all(_kind))
    propagates(BlockDiagonal, _kind)(_if_all(_kind))

# (A + B)* = A* + B*, and block by block; a sum of projections need not be one.
_kinds = (SelfAdjoint, PositiveSemidefinite)
for _kind in _kinds:
    propagates(Sum, _kind)(_if_all(_kind))
    propagates(BlockDiagonal, _kind)(_if_all(_kind))
    propagates(Adjoint, _kind)(_if_all(_kind))
propagates(BlockDiagonal, Projection)(_if_all(Projection))
propagates(Adjoint, Projection)(_if_all(Projection))
propagates(Adjoint, Unitary)(_if_all(Unitary))

# One operand that is linear over the reals only makes the whole so.
_every: tuple[type[Expression], ...] = (Composition, Sum, Scaled, Adjoint, Stack, BlockDiagonal)
for _expression in _every:
    propagates(_expression, RealLinear)(_if_any(RealLinear))


@propagates(Adjoint, Isometry)
def _adjoint_isometry(op: Adjoint) -> Evidence | None:
    # A A* = I says (A*)*(A*) = I
    return Isometry() if find(op.operand, Coisometry) else None


@propagates(Adjoint, Coisometry)
def _adjoint_coisometry(op: Adjoint) -> Evidence | None:
    return Coisometry() if find(op.operand, Isometry) else None


@propagates(Composition, SelfAdjoint)
def _mirrored(op: Composition) -> Evidence | None:
    # (B* M B)* = B* M* B
    middle = _middle(op._operators())
    return SelfAdjoint() if middle is not None and all(find(m, SelfAdjoint) for m in middle) else None


@propagates(Composition, PositiveSemidefinite)
def _gram_like(op: Composition) -> Evidence | None:
    # ⟨x, B* M B x⟩ = ⟨Bx, M Bx⟩ ≥ 0 when M ≥ 0, in particular for M = I
    middle = _middle(op._operators())
    ok = middle is not None and all(find(m, PositiveSemidefinite) for m in middle)
    return PositiveSemidefinite() if ok else None


def _middle(operators: Sequence[LinearOperator]) -> list[LinearOperator] | None:
    """Strip mirrored outer pairs ``B.H … B``; return the at most one operator left, else ``None``."""
    rest = list(operators)
    while len(rest) > 1:
        first, last = rest[0], rest[-1]
        mirrored = (isinstance(first, Adjoint) and first.operand is last) or (
            isinstance(last, Adjoint) and last.operand is first
        )
        if not mirrored:
            return None
        rest = rest[1:-1]
    return rest if len(rest) < len(operators) else None


@propagates(Composition, Diagonal)
def _product_diagonal(op: Composition) -> Evidence | None:
    parts = _each(op, Diagonal)
    return None if parts is None else Diagonal(_multiply([p.d for p in parts]))  # type: ignore[attr-defined]


@propagates(Sum, Diagonal)
def _sum_diagonal(op: Sum) -> Evidence | None:
    parts = _each(op, Diagonal)
    return None if parts is None else Diagonal(_add([p.d for p in parts]))  # type: ignore[attr-defined]


@propagates(Scaled, Diagonal)
def _scaled_diagonal(op: Scaled) -> Evidence | None:
    e = find(op.operand, Diagonal)
    return None if e is None else Diagonal(op.scalar * e.d)


@propagates(Adjoint, Diagonal)
def _adjoint_diagonal(op: Adjoint) -> Evidence | None:
    e = find(op.operand, Diagonal)
    return None if e is None else Diagonal(e.d.conj())


@propagates(Composition, FourierDiagonal)
def _product_fourier(op: Composition) -> Evidence | None:
    # F⁻¹S F F⁻¹T F = F⁻¹ST F; a multiple of the identity is diagonal in every basis
    parts = _fourier_parts(op)
    return None if parts is None else _like(parts, _multiply([p.spectrum for p in parts]))


@propagates(Sum, FourierDiagonal)
def _sum_fourier(op: Sum) -> Evidence | None:
    parts = _fourier_parts(op)
    return None if parts is None else _like(parts, _add([p.spectrum for p in parts]))


@propagates(Scaled, FourierDiagonal)
def _scaled_fourier(op: Scaled) -> Evidence | None:
    e = find(op.operand, FourierDiagonal)
    if e is None or (e.half and _is_complex(op.scalar)):
        return None  # a complex multiple of a real map leaves the reals
    return FourierDiagonal(op.scalar * e.spectrum, e.dims, e.half)


@propagates(Adjoint, FourierDiagonal)
def _adjoint_fourier(op: Adjoint) -> Evidence | None:
    e = find(op.operand, FourierDiagonal)
    return None if e is None else FourierDiagonal(e.spectrum.conj(), e.dims, e.half)


def _fourier_parts(op: Expression) -> list[FourierDiagonal] | None:
    """Return every operand's spectrum over common axes, multiples of I included, or ``None``."""
    found = [find(operand, FourierDiagonal) for operand in op._operators()]
    model = next((e for e in found if e is not None), None)
    if model is None:
        return None
    parts: list[FourierDiagonal] = []
    for operand, e in zip(op._operators(), found, strict=True):
        d = find(operand, Diagonal) if e is None else None
        if d is not None and d.d.numel() == 1 and not (model.half and d.d.is_complex()):
            e = FourierDiagonal(d.d, model.dims, model.half)
        if e is None or (e.dims, e.half) != (model.dims, model.half):
            return None
        parts.append(e)
    return parts


def _like(parts: list[FourierDiagonal], spectrum: Tensor) -> FourierDiagonal:
    return FourierDiagonal(spectrum, parts[0].dims, parts[0].half)


@propagates(Scaled, SVD)
def _scaled_svd(op: Scaled) -> Evidence | None:
    # aUSV* = (a/|a| U)(|a| S)V*: singular values stay non-negative
    e = find(op.operand, SVD)
    if e is None:
        return None
    a = torch.as_tensor(op.scalar, dtype=e.U.dtype, device=e.U.device)
    return SVD(e.U * torch.sgn(a), e.s * a.abs(), e.V)


@propagates(Adjoint, SVD)
def _adjoint_svd(op: Adjoint) -> Evidence | None:
    e = find(op.operand, SVD)
    return None if e is None else SVD(e.V, e.s, e.U)


@propagates(Scaled, Unitary)
def _scaled_unitary(op: Scaled) -> Evidence | None:
    # a phase keeps norms
    return Unitary() if _modulus(op.scalar) == 1 and find(op.operand, Unitary) else None


@propagates(Scaled, SelfAdjoint)
def _scaled_self_adjoint(op: Scaled) -> Evidence | None:
    return SelfAdjoint() if not _is_complex(op.scalar) and find(op.operand, SelfAdjoint) else None


@propagates(Scaled, PositiveSemidefinite)
def _scaled_psd(op: Scaled) -> Evidence | None:
    nonnegative = not _is_complex(op.scalar) and bool(op.scalar >= 0)  # type: ignore[operator]
    return PositiveSemidefinite() if nonnegative and find(op.operand, PositiveSemidefinite) else None


@propagates(Composition, NormBound)
def _product_norm(op: Composition) -> Evidence | None:
    # ‖AB‖ ≤ ‖A‖‖B‖, rarely with equality
    bounds = _bounds(op)
    return None if bounds is None else NormBound(math.prod(bounds))


@propagates(Sum, NormBound)
def _sum_norm(op: Sum) -> Evidence | None:
    bounds = _bounds(op)
    return None if bounds is None else NormBound(sum(bounds))


@propagates(Stack, NormBound)
def _stack_norm(op: Stack) -> Evidence | None:
    # ‖(Ax, Bx)‖² = ‖Ax‖² + ‖Bx‖²
    bounds = _bounds(op)
    return None if bounds is None else NormBound(math.hypot(*bounds))


@propagates(BlockDiagonal, NormBound)
def _block_norm(op: BlockDiagonal) -> Evidence | None:
    parts = _each(op, NormBound)
    if parts is None:
        return None
    largest = max(parts, key=lambda p: p.bound)  # type: ignore[attr-defined]
    return NormBound(largest.bound, largest.tight)  # type: ignore[attr-defined]


@propagates(Scaled, NormBound)
def _scaled_norm(op: Scaled) -> Evidence | None:
    e = find(op.operand, NormBound)
    return None if e is None else NormBound(_modulus(op.scalar) * e.bound, e.tight)


@propagates(Adjoint, NormBound)
def _adjoint_norm(op: Adjoint) -> Evidence | None:
    return find(op.operand, NormBound)


def _bounds(op: Expression) -> list[float] | None:
    parts = _each(op, NormBound)
    return None if parts is None else [p.bound for p in parts]  # type: ignore[attr-defined]


@propagates(Composition, Symmetry)
def _product_symmetry(op: Composition) -> Evidence | None:
    # A T₁ = T₂ A and B T₀ = T₁ B give AB T₀ = T₂ AB; relative errors add to first order
    parts = _each(op, Symmetry)
    if parts is None:
        return None
    chain: list[Symmetry] = parts  # type: ignore[assignment]
    if any(left.T_in != right.T_out for left, right in pairwise(chain)):
        return None
    return Symmetry(chain[-1].T_in, chain[0].T_out, sum(s.accuracy for s in chain))


@propagates(Sum, Symmetry)
def _sum_symmetry(op: Sum) -> Evidence | None:
    parts = _each(op, Symmetry)
    if parts is None:
        return None
    first, *rest = parts
    same = all((s.T_in, s.T_out) == (first.T_in, first.T_out) for s in rest)  # type: ignore[attr-defined]
    return first if same and all(s.accuracy == 0 for s in parts) else None  # type: ignore[attr-defined]


@propagates(Scaled, Symmetry)
def _scaled_symmetry(op: Scaled) -> Evidence | None:
    return find(op.operand, Symmetry)


@propagates(Adjoint, Symmetry)
def _adjoint_symmetry(op: Adjoint) -> Evidence | None:
    # exact symmetries here are permutations, hence unitary: A*T₂* = T₁*A* runs over the same group
    e = find(op.operand, Symmetry)
    return Symmetry(e.T_out, e.T_in) if e is not None and e.accuracy == 0 else None


def _accuracy(op: Expression) -> Evidence | None:
    declared = [e for o in op._operators() if (e := find(o, AdjointAccuracy)) is not None]
    if not declared:
        return None
    # first order: the defects of factors and terms add
    return AdjointAccuracy(sum(e.accuracy for e in declared), "; ".join(e.reason for e in declared))


for _expression in _every:
    propagates(_expression, AdjointAccuracy)(_accuracy)


def _multiply(tensors: Sequence[Tensor]) -> Tensor:
    product = tensors[0]
    for t in tensors[1:]:
        product = product * t
    return product


def _add(tensors: Sequence[Tensor]) -> Tensor:
    total = tensors[0]
    for t in tensors[1:]:
        total = total + t
    return total


def _is_complex(scalar: complex | Tensor) -> bool:
    return scalar.is_complex() if isinstance(scalar, Tensor) else isinstance(scalar, complex)


def _modulus(scalar: complex | Tensor) -> float:
    return float(scalar.detach().abs()) if isinstance(scalar, Tensor) else abs(scalar)
