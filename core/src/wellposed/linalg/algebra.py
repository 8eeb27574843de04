"""Expressions: operators built from operators.

These classes are the nodes of the algebra. Users write ``A @ B + 2 * C``; the constructors below are
reached through :mod:`wellposed.linalg.rewriting`, which simplifies by structure first. Overrides of ξ
are routed to the one factor that has a parameter of that name.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Self

import torch
from torch import Tensor, nn

from wellposed.errors import ParameterError, SpaceError
from wellposed.immutable import unknown_parameter
from wellposed.linalg.base import LinearOperator, as_space
from wellposed.spaces import AnySpace, ProductSpace, Vector
from wellposed.structure import Diagonal, Evidence, NormBound, SelfAdjoint, Unitary
from wellposed.vectors import add, map_vector, scale


class Expression(LinearOperator):
    """An operator made of ``operands``; ξ is the union of theirs."""

    operands: nn.ModuleList

    def _rebuild(self, operands: list[LinearOperator]) -> LinearOperator:
        """Return the same expression of other operands, simplified again."""
        raise ParameterError(f"{type(self).__name__} does not define _rebuild; write it: replace() needs it.")

    def parameters_xi(self) -> dict[str, Tensor]:
        """Return every overridable tensor of every operand."""
        return {name: value for op in self._operators() for name, value in op.parameters_xi().items()}

    def replace(self, **changes: Any) -> Self:
        """Return the expression with ``changes`` handed to the operand that owns each name.

        Raises :class:`~wellposed.errors.UnknownParameterError` when no operand has the name, and
        :class:`~wellposed.errors.ParameterError` when several have it.
        """
        for name in changes:
            self._require_one_owner(name)
        return _replaced(self, changes, {})  # type: ignore[return-value]

    def _require_one_owner(self, name: str) -> None:
        owners = {id(leaf) for leaf in _leaves(self) if _has(leaf, name)}
        if not owners:
            raise unknown_parameter(self, name, tuple(self.parameters_xi()))
        if len(owners) > 1:
            raise ParameterError(
                f"{name!r} is a parameter of {len(owners)} operands of {self}; which one is meant? "
                "Call .replace on that operand and compose again."
            )

    def _operators(self) -> list[LinearOperator]:
        # Straight from torch's dictionaries: an nn.ModuleList takes a microsecond to say what it holds.
        return list(self._modules["operands"]._modules.values())  # type: ignore[union-attr, arg-type]

    def evidence(self) -> tuple[Evidence, ...]:
        """Return the structure that follows from the operands' by the propagation table."""
        from wellposed.linalg.propagation import propagate_all

        return propagate_all(self)


def _leaves(op: LinearOperator) -> list[LinearOperator]:
    """Return the operators of an expression that are not expressions themselves."""
    if not isinstance(op, Expression):
        return [op]
    return [leaf for operand in op._operators() for leaf in _leaves(operand)]


def _replaced(op: LinearOperator, changes: dict[str, Any], done: dict[int, LinearOperator]) -> LinearOperator:
    """Rebuild ``op`` with ``changes`` in the leaves that own them; one leaf in two places stays one."""
    if isinstance(op, Expression):
        return op._rebuild([_replaced(operand, changes, done) for operand in op._operators()])
    if id(op) not in done:
        own = {name: value for name, value in changes.items() if _has(op, name)}
        done[id(op)] = op.replace(**own) if own else op
    return done[id(op)]


def _has(leaf: LinearOperator, name: str) -> bool:
    return name in leaf.parameters_xi() or name in leaf.argument_names()


class Composition(Expression):
    """``A @ B @ …``: the last operand acts first."""

    def __init__(self, operands: Sequence[LinearOperator]) -> None:
        for left, right in pairwise(operands):
            _require_fit(left, right)
        super().__init__(operands[-1].domain, operands[0].range)
        self.operands = nn.ModuleList(operands)

    def _forward(self, x: Any) -> Any:
        for op in reversed(self._operators()):
            x = op._forward(x)
        return x

    def _adjoint(self, y: Any) -> Any:
        for op in self._operators():
            y = op._adjoint(y)
        return y

    def _rebuild(self, operands: list[LinearOperator]) -> LinearOperator:
        from wellposed.linalg.rewriting import product

        return product(*operands)

    def __repr__(self) -> str:
        """Return ``A @ B``."""
        return " @ ".join(_parenthesised(op, (Sum,)) for op in self._operators())


class Sum(Expression):
    """``A + B + …`` of operators with equal domain and range."""

    def __init__(self, operands: Sequence[LinearOperator]) -> None:
        domain, range_ = operands[0].domain, operands[0].range
        for op in operands[1:]:
            domain = _unify("+", domain, op.domain, operands[0], op, "domains")
            range_ = _unify("+", range_, op.range, operands[0], op, "ranges")
        super().__init__(domain, range_)
        self.operands = nn.ModuleList(operands)

    def _forward(self, x: Any) -> Any:
        first, *rest = self._operators()
        y = first._forward(x)
        for op in rest:
            y = add(y, op._forward(x))
        return y

    def _adjoint(self, y: Any) -> Any:
        first, *rest = self._operators()
        x = first._adjoint(y)
        for op in rest:
            x = add(x, op._adjoint(y))
        return x

    def _rebuild(self, operands: list[LinearOperator]) -> LinearOperator:
        from wellposed.linalg.rewriting import total

        return total(*operands)

    def __repr__(self) -> str:
        """Return ``A + B``."""
        return " + ".join(str(op) for op in self._operators())


class Scaled(Expression):
    """``scalar · A``; the scalar is a number or a one-element tensor, which may require grad."""

    scalar: complex | Tensor

    def __init__(self, scalar: complex | Tensor, operand: LinearOperator) -> None:
        super().__init__(operand.domain, operand.range)
        self.operands = nn.ModuleList([operand])
        if isinstance(scalar, Tensor):
            self.register_value("scalar", scalar)
        else:
            self.scalar = scalar

    @property
    def _factor(self) -> complex | Tensor:
        # without axes, a tensor in double precision does not promote data in single
        return self.scalar.reshape(()) if isinstance(self.scalar, Tensor) else self.scalar

    @property
    def operand(self) -> LinearOperator:
        """The operator that is scaled."""
        return self._operators()[0]

    def _forward(self, x: Any) -> Any:
        return scale(self._factor, self.operand._forward(x))

    def _adjoint(self, y: Any) -> Any:
        # before the adjoint, which may take a real part: Re⟨aAx, y⟩ = Re⟨Ax, āy⟩
        return self.operand._adjoint(scale(conjugate(self._factor), y))

    def _rebuild(self, operands: list[LinearOperator]) -> LinearOperator:
        from wellposed.linalg.rewriting import scaled

        return scaled(self.scalar, operands[0])

    def __repr__(self) -> str:
        """Return ``2 * A``."""
        scalar = self.scalar
        value = scalar.item() if isinstance(scalar, Tensor) else scalar
        return f"{value:g} * {_parenthesised(self.operand, (Sum,))}"


class Adjoint(Expression):
    """``A.H`` of an operator that has no closed form of its own for it."""

    def __init__(self, operand: LinearOperator) -> None:
        super().__init__(operand.range, operand.domain)
        self.operands = nn.ModuleList([operand])

    @property
    def operand(self) -> LinearOperator:
        """The operator whose adjoint this is."""
        return self._operators()[0]

    def _forward(self, x: Any) -> Any:
        return self.operand._adjoint(x)

    def _adjoint(self, y: Any) -> Any:
        return self.operand._forward(y)

    def _rebuild(self, operands: list[LinearOperator]) -> LinearOperator:
        return operands[0].H

    def __repr__(self) -> str:
        """Return ``A.H``."""
        return f"{_parenthesised(self.operand, (Sum, Composition, Scaled))}.H"


class Stack(Expression):
    """``x ↦ (A x, B x, …)``: several measurements of one image, as a tuple."""

    def __init__(self, operands: Sequence[LinearOperator]) -> None:
        domain = operands[0].domain
        for op in operands[1:]:
            domain = _unify("stack", domain, op.domain, operands[0], op, "domains")
        super().__init__(domain, ProductSpace(op.range for op in operands))
        self.operands = nn.ModuleList(operands)

    def _forward(self, x: Any) -> tuple[Vector, ...]:
        return tuple(op._forward(x) for op in self._operators())

    def _adjoint(self, y: tuple[Vector, ...]) -> Any:
        first, *rest = (op._adjoint(part) for op, part in zip(self._operators(), y, strict=True))
        for part in rest:
            first = add(first, part)
        return first

    def _rebuild(self, operands: list[LinearOperator]) -> LinearOperator:
        return Stack(operands)

    def __repr__(self) -> str:
        """Return ``stack(A, B)``."""
        return f"stack({', '.join(map(str, self._operators()))})"


class BlockDiagonal(Expression):
    """``(x₁, x₂, …) ↦ (A x₁, B x₂, …)`` on tuples."""

    def __init__(self, operands: Sequence[LinearOperator]) -> None:
        super().__init__(
            ProductSpace(op.domain for op in operands),
            ProductSpace(op.range for op in operands),
        )
        self.operands = nn.ModuleList(operands)

    def _forward(self, x: tuple[Vector, ...]) -> tuple[Vector, ...]:
        return tuple(op._forward(part) for op, part in zip(self._operators(), x, strict=True))

    def _adjoint(self, y: tuple[Vector, ...]) -> tuple[Vector, ...]:
        return tuple(op._adjoint(part) for op, part in zip(self._operators(), y, strict=True))

    def _rebuild(self, operands: list[LinearOperator]) -> LinearOperator:
        return BlockDiagonal(operands)

    def __repr__(self) -> str:
        """Return ``block_diag(A, B)``."""
        return f"block_diag({', '.join(map(str, self._operators()))})"


class Identity(LinearOperator):
    """``x ↦ x`` on ``domain`` (a space, or a shape that admits any dtype)."""

    def __init__(self, domain: AnySpace | tuple[int | None, ...]) -> None:
        space = as_space(domain, None)
        super().__init__(space, space)

    def _forward(self, x: Any) -> Any:
        return x

    def _adjoint(self, y: Any) -> Any:
        return y

    def _evidence(self) -> tuple[Evidence, ...]:
        return (
            Unitary(),
            SelfAdjoint(),
            Diagonal(torch.ones((), dtype=torch.float64)),
            NormBound(1.0, tight=True),
        )


class Zero(LinearOperator):
    """``x ↦ 0`` from ``domain`` to a concrete ``range`` (the domain when not given)."""

    def __init__(
        self,
        domain: AnySpace | tuple[int | None, ...],
        range: AnySpace | tuple[int | None, ...] | None = None,
    ) -> None:
        source = as_space(domain, None)
        super().__init__(source, source if range is None else as_space(range, None))

    def _forward(self, x: Any) -> Any:
        return _zeros(self.range, x)

    def _adjoint(self, y: Any) -> Any:
        return _zeros(self.domain, y)

    def _evidence(self) -> tuple[Evidence, ...]:
        return (NormBound(0.0, tight=True),)


def stack(*operators: LinearOperator) -> LinearOperator:
    """Return ``x ↦ (A x, B x, …)``; measurements become tuples with a :class:`ProductSpace`."""
    _require_some(operators, "stack")
    return Stack(operators)


def block_diag(*operators: LinearOperator) -> LinearOperator:
    """Return ``(x₁, x₂, …) ↦ (A x₁, B x₂, …)``."""
    _require_some(operators, "block_diag")
    return BlockDiagonal(operators)


def conjugate(scalar: complex | Tensor) -> complex | Tensor:
    """Return the complex conjugate of a number or tensor; real ones come back unchanged."""
    return scalar.conj() if isinstance(scalar, Tensor) else scalar.conjugate()


def _zeros(space: AnySpace, like: Vector) -> Vector:
    first = like
    while isinstance(first, tuple):
        first = first[0]
    concrete = space if space.dtype is not None else space.to(first.dtype)
    zeros = concrete.zeros(first.shape[0], first.device)
    return map_vector(lambda z: z + _zero_of(first, z), zeros)


def _zero_of(x: Tensor, like: Tensor) -> Tensor:
    """Return zeros that stay inside autograd and the transforms of ``x``, and broadcast to ``like``."""
    zero = x.flatten(1)[:, :0].sum(1).reshape(-1, *[1] * (like.ndim - 1))  # nothing summed: not even a NaN
    return (zero.real if zero.is_complex() and not like.is_complex() else zero).to(like.dtype)


def _require_some(operators: Sequence[object], what: str) -> None:
    if not operators:
        raise ParameterError(f"{what}() needs at least one operator, got none.")


def _require_fit(left: LinearOperator, right: LinearOperator) -> None:
    try:
        left.domain.unify(right.range)
    except SpaceError as error:
        raise SpaceError(
            f"{_label(left)} @ {_label(right)}: {_label(left)} takes {left.domain}, "
            f"but {_label(right)} gives {right.range}. {error}"
        ) from None


def _unify(
    sign: str, a: AnySpace, b: AnySpace, left: LinearOperator, right: LinearOperator, what: str
) -> AnySpace:
    try:
        return a.unify(b)
    except SpaceError as error:
        raise SpaceError(
            f"{_label(left)} {sign} {_label(right)}: their {what} differ, {a} and {b}. {error}"
        ) from None


def _label(op: LinearOperator) -> str:
    return type(op).__name__


def _parenthesised(op: LinearOperator, looser: tuple[type, ...]) -> str:
    return f"({op})" if isinstance(op, looser) else str(op)
