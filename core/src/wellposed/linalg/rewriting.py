"""Simplification by structure, at construction: flatten, absorb identities, hoist scalars, fuse neighbours.

``A @ B`` first flattens to a list of factors, then neighbours are fused wherever the table has a rule
for their types. Packs extend the table::

    @fuse_product.register(MyMask, MyMask)
    def _(a, b): return MyMask(a.mask * b.mask)      # or None: leave them as they are

A rule may return ``None`` when it does not apply to these particular operands.
"""

from __future__ import annotations

import cmath
from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

from torch import Tensor

from wellposed.errors import ParameterError, SpaceError
from wellposed.linalg.algebra import Adjoint, Composition, Identity, Scaled, Sum, Zero, _require_fit
from wellposed.linalg.base import LinearOperator
from wellposed.linalg.evidence import find
from wellposed.structure import RealLinear

Rule: TypeAlias = Callable[..., LinearOperator | None]


class PairTable:
    """Rules by a pair of operator types; subclasses of a type share its rule, latest registered first."""

    def __init__(self) -> None:
        self._rules: dict[tuple[type, type], Rule] = {}

    def register(self, left: type, right: type) -> Callable[[Rule], Rule]:
        """Register the decorated function for neighbours of these types."""

        def decorate(rule: Rule) -> Rule:
            self._rules[left, right] = rule
            return rule

        return decorate

    def __call__(self, a: LinearOperator, b: LinearOperator) -> LinearOperator | None:
        """Return the fused operator, or ``None`` when no rule applies."""
        for (left, right), rule in reversed(self._rules.items()):
            if isinstance(a, left) and isinstance(b, right) and (fused := rule(a, b)) is not None:
                return fused
        return None


fuse_product = PairTable()
fuse_sum = PairTable()


def product(*factors: LinearOperator) -> LinearOperator:
    """Return the composition of ``factors``, the last acting first, simplified."""
    scalar: complex | Tensor = 1
    flat: list[LinearOperator] = []
    for left, right in pairwise(factors):
        _require_fit(left, right)
    for factor in factors:
        while isinstance(factor, Scaled) and (
            not is_complex(factor.scalar) or all(map(is_complex_linear, flat))
        ):
            scalar, factor = scalar * factor.scalar, factor.operand
        flat.extend(factor._operators() if isinstance(factor, Composition) else [factor])
    fused = _fuse_neighbours(flat, fuse_product)
    simple = fused[0] if len(fused) == 1 else Composition(fused)
    return simple if isinstance(scalar, (int, float)) and scalar == 1 else scaled(scalar, simple)


def total(*terms: LinearOperator) -> LinearOperator:
    """Return the sum of ``terms``, simplified."""
    flat: list[LinearOperator] = []
    for term in terms:
        flat.extend(term._operators() if isinstance(term, Sum) else [term])
    Sum(flat)  # spaces are checked before any term is absorbed
    fused = _fuse_neighbours(flat, fuse_sum)
    return fused[0] if len(fused) == 1 else Sum(fused)


def scaled(scalar: complex | Tensor, op: LinearOperator) -> LinearOperator:
    """Return ``scalar · op``, with scalars merged."""
    _require_scalar(scalar, op)
    if isinstance(op, Scaled):
        return scaled(scalar * op.scalar, op.operand)
    if not isinstance(scalar, Tensor) and scalar == 1:
        return op
    if isinstance(op, Zero) or (not isinstance(scalar, Tensor) and scalar == 0):
        return Zero(op.domain, op.range)
    return Scaled(scalar, op)


def _require_scalar(scalar: complex | Tensor, op: LinearOperator) -> None:
    if isinstance(scalar, Tensor) and scalar.numel() != 1:
        raise ParameterError(
            f"an operator is scaled by one number, got a tensor of shape {tuple(scalar.shape)}; "
            "use Multiply(weights, domain) @ operator for entrywise factors."
        )
    if not isinstance(scalar, Tensor) and not cmath.isfinite(scalar):
        raise ParameterError(f"an operator is scaled by a finite number, got {scalar}.")
    dtype = op.range.dtype
    if is_complex(scalar) and dtype is not None and not dtype.is_complex:
        raise SpaceError(
            f"a complex multiple of {type(op).__name__} leaves its real range {op.range}; "
            "scale by a real number, or build the operator on a complex space."
        )


def is_complex(scalar: complex | Tensor) -> bool:
    """Whether multiplying by ``scalar`` may leave the reals."""
    return scalar.is_complex() if isinstance(scalar, Tensor) else isinstance(scalar, complex)


def is_complex_linear(op: LinearOperator) -> bool:
    """Whether a complex factor may be pulled through ``op``: complex on both sides, no real part taken."""
    return op.domain.is_complex and op.range.is_complex and find(op, RealLinear) is None


def learns(op: LinearOperator) -> bool:
    """Whether ``op`` holds a tensor that requires grad: fusing would freeze it at today's value."""
    return any(t.requires_grad for t in (*op.parameters(), *op.buffers()))


def _fuse_neighbours(operators: list[LinearOperator], table: PairTable) -> list[LinearOperator]:
    done: list[LinearOperator] = []
    for op in operators:
        done.append(op)
        while len(done) > 1 and (fused := table(done[-2], done[-1])) is not None:
            done[-2:] = [fused]
    return done


@fuse_product.register(LinearOperator, LinearOperator)
def _gram(a: LinearOperator, b: LinearOperator) -> LinearOperator | None:
    """A*A in closed form where A knows one: I for an isometry, |s|² for a spectrum; A A* likewise."""
    from wellposed.linalg.functions import adjoint, known_gram

    if learns(b):
        return None
    if isinstance(a, Adjoint) and a.operand is b:
        return known_gram(b)
    if isinstance(b, Adjoint) and b.operand is a:
        return known_gram(adjoint(a))
    return None


@fuse_product.register(Identity, LinearOperator)
def _identity_left(a: Identity, b: LinearOperator) -> LinearOperator | None:
    return b if _loses_nothing(a, b.range) else None


@fuse_product.register(LinearOperator, Identity)
def _identity_right(a: LinearOperator, b: Identity) -> LinearOperator | None:
    return a if _loses_nothing(b, a.domain) else None


def _loses_nothing(identity: Identity, space: object) -> bool:
    """Whether dropping ``identity`` keeps every size and dtype that it fixes."""
    return identity.domain.unify(space) == space  # type: ignore[arg-type]


@fuse_product.register(Zero, LinearOperator)
def _zero_left(a: Zero, b: LinearOperator) -> LinearOperator:
    return Zero(b.domain, a.range)


@fuse_product.register(LinearOperator, Zero)
def _zero_right(a: LinearOperator, b: Zero) -> LinearOperator:
    return Zero(b.domain, a.range)


@fuse_sum.register(LinearOperator, Zero)
def _plus_zero(a: LinearOperator, b: Zero) -> LinearOperator:
    return a


@fuse_sum.register(Zero, LinearOperator)
def _zero_plus(a: Zero, b: LinearOperator) -> LinearOperator:
    return b


@fuse_sum.register(LinearOperator, LinearOperator)
def _like_terms(a: LinearOperator, b: LinearOperator) -> LinearOperator | None:
    """2A + 3A = 5A for the same object A."""
    (p, left), (q, right) = _coefficient(a), _coefficient(b)
    if left is not right or isinstance(p, Tensor) or isinstance(q, Tensor):
        return None
    return scaled(p + q, left)


def _coefficient(op: LinearOperator) -> tuple[complex | Tensor, LinearOperator]:
    return (op.scalar, op.operand) if isinstance(op, Scaled) else (1, op)
