"""The open functions on operators: generic by default, specialised where a type knows better.

Each is a ``functools.singledispatch`` function, so a pack registers what its own operator can do::

    @wellposed.norm.register
    def _(op: MyOperator) -> float: ...
"""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any, TypeAlias

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.linalg.algebra import (
    Adjoint,
    BlockDiagonal,
    Composition,
    Identity,
    Scaled,
    Stack,
    Sum,
    conjugate,
)
from wellposed.linalg.base import LinearOperator
from wellposed.linalg.evidence import Declared, find
from wellposed.linalg.foreign import as_operator
from wellposed.linalg.rewriting import is_complex, is_complex_linear, product, scaled, total
from wellposed.spaces import AnySpace, ProductSpace, Vector
from wellposed.structure import Evidence, Isometry, NormBound, Projection, SelfAdjoint
from wellposed.vectors import add_scaled, batch_size, inner, leaves, map_vector, scale
from wellposed.vectors import norm as vector_norm


@singledispatch
def adjoint(op: Any) -> LinearOperator:
    """Return ``A*`` as an operator; ``adjoint(adjoint(A))`` is ``A``."""
    if not isinstance(op, LinearOperator):
        raise ParameterError(
            f"adjoint() takes a LinearOperator, got {type(op).__name__}; use as_operator(obj, domain)."
        )
    # with parameters, A* = A may hold for today's values only: the adjoint must stay one under overrides
    return op if find(op, SelfAdjoint) and not op.parameters_xi() else Adjoint(op)


@adjoint.register
def _(op: Adjoint) -> LinearOperator:
    return op.operand


@adjoint.register
def _(op: Composition) -> LinearOperator:
    return product(*(adjoint(o) for o in reversed(op._operators())))


@adjoint.register
def _(op: Sum) -> LinearOperator:
    return total(*(adjoint(o) for o in op._operators()))


@adjoint.register
def _(op: Scaled) -> LinearOperator:
    if is_complex(op.scalar) and not is_complex_linear(op.operand):
        return Adjoint(op)  # (aA)* = A*ā, and ā cannot be pulled out of A*
    return scaled(conjugate(op.scalar), adjoint(op.operand))


@adjoint.register
def _(op: BlockDiagonal) -> LinearOperator:
    return BlockDiagonal([adjoint(o) for o in op._operators()])


@singledispatch
def gram(op: Any) -> LinearOperator:
    """Return ``A*A`` as an operator, specialised inside compositions: (AB)*(AB) = B*(A*A)B."""
    if not isinstance(op, LinearOperator):
        return gram(as_operator(op))
    known = known_gram(op)
    return product(adjoint(op), op) if known is None else known


@gram.register
def _(op: Composition) -> LinearOperator:
    if (known := known_gram(op)) is not None:
        return known
    outer, *rest = op._operators()
    inner_part = product(*rest)
    return product(adjoint(inner_part), gram(outer), inner_part)


def known_gram(op: LinearOperator) -> LinearOperator | None:
    """Return ``A*A`` where what A knows gives it in closed form, else ``None``."""
    if find(op, Isometry):
        return Identity(op.domain)
    if find(op, Projection):
        return op
    for kind, build in _GRAMS.items():
        if (e := find(op, kind)) is not None:
            return build(e, op.domain)
    return None


GramRule: TypeAlias = Callable[[Any, AnySpace], LinearOperator]
_GRAMS: dict[type[Evidence], GramRule] = {}


def gram_from(evidence: type[Evidence]) -> Callable[[GramRule], GramRule]:
    """Register the decorated ``rule(evidence, domain)``: it builds ``A*A`` of whatever has that evidence.

    The operators that such a gram is made of live above this package, and say so themselves. The rule that
    was registered first is asked first.
    """

    def decorate(rule: GramRule) -> GramRule:
        _GRAMS[evidence] = rule
        return rule

    return decorate


@gram.register
def _(op: Scaled) -> LinearOperator:
    modulus = op.scalar * conjugate(op.scalar)
    return scaled(modulus.real if isinstance(modulus, (complex, Tensor)) else modulus, gram(op.operand))


@gram.register
def _(op: Stack) -> LinearOperator:
    return total(*(gram(o) for o in op._operators()))


@gram.register
def _(op: BlockDiagonal) -> LinearOperator:
    return BlockDiagonal([gram(o) for o in op._operators()])


@gram.register
def _(op: Declared) -> LinearOperator:
    known = known_gram(op)
    return gram(op.operator) if known is None else known


@singledispatch
def norm(op: Any, *, tol: float = 1e-4, max_iter: int = 500, seed: int = 0) -> float:
    """Return the spectral norm ‖A‖₂: from tight evidence where there is any, else by Lanczos iteration.

    Parameters
    ----------
    tol
        Relative accuracy at which the iteration stops.
    max_iter, seed
        Bound on the iterations and seed of the starting vector.
    """
    if not isinstance(op, LinearOperator):
        return norm(as_operator(op), tol=tol, max_iter=max_iter, seed=seed)
    bound = find(op, NormBound)
    if bound is not None and bound.tight:
        return bound.bound
    return _lanczos_norm(op, tol, max_iter, seed)


def _lanczos_norm(op: Any, tol: float, max_iter: int, seed: int) -> float:
    """Lanczos on A*A (Golub & Van Loan, ch. 10), until the residual of the largest Ritz pair is small.

    A Ritz value that stands still proves nothing; its residual ‖A*A v − θv‖ = β|s| does, with s the last
    entry of the eigenvector.
    """
    normal = gram(op)._forward
    with torch.no_grad():
        v = _normalised(_random(op.domain, seed))
        w = normal(v)
        v = map_vector(lambda t, like: t.expand_as(like), v, w)  # one start per sample of a batched ξ
        previous, beta = v, torch.zeros_like(vector_norm(w))
        alphas: list[Tensor] = []
        betas: list[Tensor] = []
        estimate = torch.zeros_like(beta)
        for k in range(max_iter):
            alphas.append(inner(v, w).real)
            w = add_scaled(w, -alphas[-1], v)
            beta = vector_norm(w)
            if k < 20 or k % 5 == 0 or k == max_iter - 1:
                estimate, last = _largest_ritz(alphas, betas)
                eps = torch.finfo(beta.dtype).eps
                if bool((beta * last <= max(tol, eps) * estimate.abs()).all()):
                    break
            betas.append(beta)
            previous, v = v, _normalised(w)
            w = add_scaled(normal(v), -beta, previous)
        return float(estimate.max().clamp_min(0).sqrt())


def _largest_ritz(alphas: list[Tensor], betas: list[Tensor]) -> tuple[Tensor, Tensor]:
    t = torch.diag_embed(torch.stack(alphas, dim=-1))
    if betas:
        off = torch.diag_embed(torch.stack(betas, dim=-1), offset=1)
        t = t + off + off.mT
    values, vectors = torch.linalg.eigh(t)
    return values[..., -1], vectors[..., -1, -1].abs()


def _normalised(v: Vector) -> Vector:
    size = vector_norm(v)
    return scale(1 / size.clamp_min(torch.finfo(size.dtype).tiny), v)


def _random(space: AnySpace, seed: int) -> Vector:
    concrete = space if space.dtype is not None else space.to(torch.float64)
    return concrete.randn(1, torch.Generator().manual_seed(seed))


@singledispatch
def materialise(op: Any) -> Tensor:
    """Return the dense matrix ``(range.size, domain.size)`` on flattened samples, column by column."""
    op = as_operator(op)
    space = op.domain if op.domain.dtype is not None else op.domain.to(torch.get_default_dtype())
    basis = torch.eye(space.size, dtype=space.dtype)
    samples = batch_size(op.A(unflatten(basis[:1], space))) if len(basis) else 1
    if samples != 1:
        raise ParameterError(
            f"{type(op).__name__} has parameters for {samples} samples, so there is no "
            "one matrix; replace them by those of one sample first."
        )
    return flatten(op.A(unflatten(basis, space))).mT


def flatten(x: Vector) -> Tensor:
    """Return ``(B, n)``: the tensors of a vector flattened and concatenated."""
    return torch.cat([t.flatten(1) for t in leaves(x)], dim=1)


def unflatten(flat: Tensor, space: AnySpace) -> Vector:
    """Return the vector of ``space`` whose flattened form is ``(B, n)``."""
    if not isinstance(space, ProductSpace):
        return flat.reshape(flat.shape[0], *space.concrete_shape)
    parts = torch.split(flat, [s.size for s in space.spaces], dim=1)
    return tuple(unflatten(p, s) for p, s in zip(parts, space.spaces, strict=True))


def squared_modulus(t: Tensor) -> Tensor:
    """Return |t|², real, without the rounding of a complex product."""
    return t.real.square() + t.imag.square() if t.is_complex() else t.square()
