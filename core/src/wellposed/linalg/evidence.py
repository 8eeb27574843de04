"""Asking an operator what it knows, and telling it what it cannot know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, Self, TypeVar, cast

from torch import Tensor

from wellposed.errors import StructureError
from wellposed.immutable import complex_aware
from wellposed.linalg.algebra import Expression
from wellposed.linalg.base import LinearOperator
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
    SelfAdjoint,
    Unitary,
)

E = TypeVar("E", bound=Evidence)


def find(op: object, kind: type[E]) -> E | None:
    """Return the evidence of ``kind`` that ``op`` has: declared, propagated or implied; else ``None``.

    Works on any object; one without an ``evidence`` method simply knows nothing.
    """
    for evidence in _known(op, kind):
        if isinstance(evidence, kind):
            return evidence
    return cast("E | None", _implied(op, kind))


def _known(op: object, kind: type[Evidence]) -> tuple[Evidence, ...]:
    from wellposed.linalg.propagation import propagate

    if isinstance(op, Expression):
        found = propagate(op, kind)
        return () if found is None else (found,)
    known = getattr(op, "evidence", None)
    return tuple(known()) if callable(known) else ()


def _implied(op: object, kind: type[Evidence]) -> Evidence | None:
    if kind is Isometry or kind is Coisometry:
        return kind() if find(op, Unitary) else None
    if kind is SelfAdjoint:
        return SelfAdjoint() if find(op, PositiveSemidefinite) or _real_spectrum(op) else None
    if kind is PositiveSemidefinite:
        return PositiveSemidefinite() if find(op, Projection) or _nonnegative_spectrum(op) else None
    if kind is NormBound:
        return _implied_norm(op)
    return None


def _implied_norm(op: object) -> NormBound | None:
    if find(op, Isometry) or find(op, Coisometry):
        return NormBound(1.0, tight=True)
    if find(op, Projection):
        return NormBound(1.0)
    values = _spectrum(op)
    return None if values is None else NormBound(float(values.detach().abs().max()), tight=True)


def _spectrum(op: object) -> Tensor | None:
    """Return the eigenvalues (or singular values) that some evidence lists."""
    if (fourier := find(op, FourierDiagonal)) is not None:
        return fourier.spectrum
    if (diagonal := find(op, Diagonal)) is not None:
        return diagonal.d
    return None if (svd := find(op, SVD)) is None else svd.s


def _eigenvalues(op: object) -> Tensor | None:
    return None if find(op, SVD) is not None else _spectrum(op)


def _real_spectrum(op: object) -> bool:
    values = _eigenvalues(op)
    return values is not None and not values.is_complex()


def _nonnegative_spectrum(op: object) -> bool:
    values = _eigenvalues(op)
    return values is not None and not values.is_complex() and bool((values.detach() >= 0).all())


class Declared(LinearOperator):
    """An operator together with structure asserted from outside; it computes exactly as before."""

    def __init__(self, operator: LinearOperator, structure: tuple[Evidence, ...]) -> None:
        super().__init__(operator.domain, operator.range)
        self.operator = operator
        self.structure = structure

    def _forward(self, x: Any) -> Any:
        return self.operator._forward(x)

    def _adjoint(self, y: Any) -> Any:
        return self.operator._adjoint(y)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)
        move = complex_aware(fn)
        self.__dict__["structure"] = tuple(_moved(e, move) for e in self.structure)
        return self

    def replace(self, **changes: Any) -> Any:
        """Change ξ of the operator inside; what was declared of it is dropped, for it may no longer hold."""
        return self.operator.replace(**changes)

    def parameters_xi(self) -> dict[str, Tensor]:
        """Return the overridable tensors of the operator inside."""
        return self.operator.parameters_xi()

    def evidence(self) -> tuple[Evidence, ...]:
        """Return what was declared, then what the operator knows itself."""
        return self.structure + self.operator.evidence()

    def __repr__(self) -> str:
        """Return the operator's own expression."""
        return repr(self.operator)


def _moved(evidence: Evidence, move: Callable[[Tensor], Tensor]) -> Evidence:
    values = {f.name: getattr(evidence, f.name) for f in fields(evidence)}
    return replace(evidence, **{k: move(v) for k, v in values.items() if isinstance(v, Tensor)})


def declare(op: LinearOperator, *structure: Evidence) -> LinearOperator:
    """Return ``op`` with ``structure`` asserted of it; the conformance kit will test the assertion.

    Raises :class:`~wellposed.errors.StructureError` for a class instead of an instance.
    """
    for evidence in structure:
        if not isinstance(evidence, Evidence):
            raise StructureError(
                f"declare() takes evidence such as Unitary(), got {evidence!r}; call the class."
            )
    return Declared(op, structure)
