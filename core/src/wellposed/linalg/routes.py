"""Which way a solve goes, and why: closed forms from evidence first, iterations last.

Both ``prox_l2`` and ``pinv`` ask the same questions in the same order: is the Gram operator diagonal, is
it diagonal in Fourier space, is there an SVD, is the *range-side* Gram ``A A*`` diagonal (Woodbury)? Only
when every answer is no do they iterate. A :class:`Route` carries its reason, which ``explain`` prints.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import singledispatch
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.linalg.algebra import BlockDiagonal
from wellposed.linalg.base import LinearOperator
from wellposed.linalg.evidence import find
from wellposed.linalg.foreign import as_operator
from wellposed.linalg.functions import adjoint, flatten, gram, squared_modulus, unflatten
from wellposed.linalg.spectral import apply_spectrum, filtered, fourier, inverse_fourier
from wellposed.spaces import Vector
from wellposed.structure import SVD, Coisometry, Diagonal, FourierDiagonal, Isometry
from wellposed.vectors import add, add_scaled, expand, leaves, map_vector, scale, subtract


@attrs.frozen
class Route:
    """One way to solve: its name, the reason it applies, and the function that does it."""

    name: str
    reason: str
    solve: Callable[..., Any] = attrs.field(repr=False)
    iterative: bool = False


@singledispatch
def prox_l2(
    op: Any, z: Any, y: Any, gamma: Tensor | float, *, tol: float | None = None, max_iter: int = 1000
) -> Any:
    """Return argmin_u γ/2·‖Au − y‖² + ½·‖u − z‖², that is (I + γA*A)⁻¹(z + γA*y).

    Parameters
    ----------
    z, y
        Elements of the domain and the range, batch first.
    gamma
        γ ≥ 0, a number or per sample ``(B,)``.
    tol, max_iter
        For the iterative route only: relative residual and bound on the iterations.

    Notes
    -----
    Differentiable with respect to z, y, γ and the parameters ξ of the operator; the iterative route
    differentiates implicitly. ``explain(op)`` says which route is taken.
    """
    if not isinstance(op, LinearOperator):
        return prox_l2(as_operator(op), z, y, gamma, tol=tol, max_iter=max_iter)
    op.domain.check(z, "z")
    op.range.check(y, "y")
    gamma = checked_gamma(gamma, z)
    route = prox_route(op)
    return (
        route.solve(z, y, gamma, tol=tol, max_iter=max_iter) if route.iterative else route.solve(z, y, gamma)
    )


@singledispatch
def pinv(op: Any, y: Any, *, tol: float | None = None, max_iter: int = 1000) -> Any:
    """Return the minimum-norm least-squares solution A⁺y.

    Singular values below ``eps · max(m, n)`` times the largest count as zero in the closed forms.
    Differentiable with respect to y and ξ (where the rank is locally constant).
    """
    if not isinstance(op, LinearOperator):
        return pinv(as_operator(op), y, tol=tol, max_iter=max_iter)
    op.range.check(y, "y")
    route = pinv_route(op)
    return route.solve(y, tol=tol, max_iter=max_iter) if route.iterative else route.solve(y)


@prox_l2.register
def _(op: BlockDiagonal, z: Any, y: Any, gamma: Tensor | float, **options: Any) -> Any:
    """Each block is its own problem."""
    blocks = zip(op._operators(), z, y, strict=True)
    return tuple(prox_l2(o, zi, yi, gamma, **options) for o, zi, yi in blocks)


@pinv.register
def _(op: BlockDiagonal, y: Any, **options: Any) -> Any:
    """Each block is its own problem."""
    return tuple(pinv(o, part, **options) for o, part in zip(op._operators(), y, strict=True))


def checked_gamma(gamma: Tensor | float, z: Vector) -> Tensor | float:
    """Return γ in the precision of ``z``; :class:`ParameterError` unless γ ≥ 0, a number or ``(B,)``."""
    first = leaves(z)[0]
    if not isinstance(gamma, Tensor):
        if not 0 <= gamma < math.inf:
            raise ParameterError(f"gamma={gamma} must be a finite number ≥ 0.")
        return gamma
    if gamma.shape not in ((), (1,), (first.shape[0],)):
        raise ParameterError(
            f"gamma has shape {tuple(gamma.shape)}, but there are {first.shape[0]} samples: "
            "give a number or one value per sample."
        )
    seen = not torch.compiler.is_compiling() and not torch._C._functorch.is_functorch_wrapped_tensor(gamma)
    if seen and bool((gamma.detach() < 0).any()):
        raise ParameterError(f"gamma has the value {float(gamma.detach().min()):g}, but must be ≥ 0.")
    return gamma.to(first.real.dtype)


def prox_route(op: LinearOperator) -> Route:
    """Return the first route for ``prox_l2`` that applies."""
    return next(_prox_routes(op))


def pinv_route(op: LinearOperator) -> Route:
    """Return the first route for ``pinv`` that applies."""
    return next(_pinv_routes(op))


def _prox_routes(op: LinearOperator) -> Iterator[Route]:
    if (own := find(op, FourierDiagonal)) is not None:
        yield Route(
            "Fourier division",
            "A is diagonal in Fourier space",
            lambda z, y, g, e=own: _prox_fourier(e, z, y, g),
        )
    normal = gram(op)
    if (d := find(normal, Diagonal)) is not None:
        yield Route(
            "division",
            "A*A is diagonal",
            lambda z, y, g, d=d: _divide(d, _right_side(op, z, y, g), g),
        )
    if (f := find(normal, FourierDiagonal)) is not None:
        yield Route(
            "Fourier division",
            "A*A is diagonal in Fourier space",
            lambda z, y, g, f=f: _fourier_divide(f, _right_side(op, z, y, g), g),
        )
    if (svd := find(op, SVD)) is not None:
        yield Route("SVD", "the SVD of A is known", lambda z, y, g, e=svd: _prox_svd(op, e, z, y, g))
    outer = gram(adjoint(op))
    if (do := find(outer, Diagonal)) is not None:
        yield Route(
            "Woodbury, division",
            "A A* is diagonal",
            lambda z, y, g, d=do: _woodbury(op, z, y, g, lambda v: _divide(d, v, g)),
        )
    if (fo := find(outer, FourierDiagonal)) is not None:
        yield Route(
            "Woodbury, Fourier division",
            "A A* is diagonal in Fourier space",
            lambda z, y, g, f=fo: _woodbury(op, z, y, g, lambda v: _fourier_divide(f, v, g)),
        )
    yield Route(
        "conjugate gradients",
        "no closed form is known; implicit differentiation gives the gradients",
        lambda z, y, g, tol, max_iter: _prox_cg(op, normal, z, y, g, tol, max_iter),
        iterative=True,
    )


def _pinv_routes(op: LinearOperator) -> Iterator[Route]:
    if find(op, Isometry) or find(op, Coisometry):
        yield Route("adjoint", "A*A = I or A A* = I, so A⁺ = A*", lambda y: op._adjoint(y))
    if (d := find(op, Diagonal)) is not None:
        yield Route("division", "A is diagonal", lambda y, d=d: _times(d, y))
    if (f := find(op, FourierDiagonal)) is not None:
        yield Route(
            "Fourier division",
            "A is diagonal in Fourier space",
            lambda y, f=f: apply_spectrum(_inverted(f), y),
        )
    if (svd := find(op, SVD)) is not None:
        yield Route("SVD", "the SVD of A is known", lambda y, e=svd: _pinv_svd(op, e, y))
    normal = gram(op)
    if (dn := find(normal, Diagonal)) is not None:
        yield Route(
            "normal equations, division",
            "A*A is diagonal",
            lambda y, d=dn: _times(d, op._adjoint(y)),
        )
    if (fn := find(normal, FourierDiagonal)) is not None:
        yield Route(
            "normal equations, Fourier division",
            "A*A is diagonal in Fourier space",
            lambda y, f=fn: apply_spectrum(_inverted(f), op._adjoint(y)),
        )
    outer = gram(adjoint(op))
    if (do := find(outer, Diagonal)) is not None:
        yield Route(
            "A*(A A*)⁺, division",
            "A A* is diagonal",
            lambda y, d=do: op._adjoint(_times(d, y)),
        )
    if (fo := find(outer, FourierDiagonal)) is not None:
        yield Route(
            "A*(A A*)⁺, Fourier division",
            "A A* is diagonal in Fourier space",
            lambda y, f=fo: op._adjoint(apply_spectrum(_inverted(f), y)),
        )
    yield Route(
        "LSMR",
        "no closed form is known; minimum norm from a zero start",
        lambda y, tol, max_iter: _pinv_lsmr(op, y, tol, max_iter),
        iterative=True,
    )


def _right_side(op: LinearOperator, z: Vector, y: Vector, gamma: Tensor | float) -> Vector:
    return add_scaled(z, gamma, op._adjoint(y))


def _spread(gamma: Tensor | float, like: Tensor) -> Any:
    return expand(gamma, like)


def _divide(e: Diagonal, w: Vector, gamma: Tensor | float) -> Vector:
    return map_vector(lambda t: t / (1 + _spread(gamma, t) * e.d), w)


def _prox_fourier(e: FourierDiagonal, z: Tensor, y: Tensor, gamma: Tensor | float) -> Tensor:
    inverse = 1 / (1 + _spread(gamma, z) * squared_modulus(e.spectrum))
    weight = _spread(gamma, z) * e.spectrum.conj() * inverse

    def solve(z: Tensor, y: Tensor, inverse: Tensor, weight: Tensor) -> Tensor:
        return inverse_fourier(fourier(z, e) * inverse + fourier(y, e) * weight, e, z)

    return filtered(solve, e, (z, y), (inverse, weight))


def _fourier_divide(e: FourierDiagonal, w: Vector, gamma: Tensor | float) -> Vector:
    def divide(t: Tensor) -> Tensor:
        return apply_spectrum(replace(e, spectrum=1 / (1 + _spread(gamma, t) * e.spectrum)), t)

    return map_vector(divide, w)


def _prox_svd(op: LinearOperator, svd: SVD, z: Vector, y: Vector, gamma: Tensor | float) -> Vector:
    # on span(V) divide by 1 + γs², elsewhere (I + γA*A)⁻¹ is the identity
    w = flatten(_right_side(op, z, y, gamma))
    g = _spread(gamma, w)
    change = (w @ svd.V.conj()) * (1 / (1 + g * svd.s.square()) - 1)
    return unflatten(w + change @ svd.V.mT, op.domain)


def _pinv_svd(op: LinearOperator, svd: SVD, y: Vector) -> Vector:
    inverse = reciprocal(svd.s, 1)
    return unflatten(((flatten(y) @ svd.U.conj()) * inverse) @ svd.V.mT, op.domain)


def _woodbury(
    op: LinearOperator, z: Vector, y: Vector, gamma: Tensor | float, solve: Callable[[Vector], Vector]
) -> Vector:
    """(I + γA*A)⁻¹ = I − γA*(I + γAA*)⁻¹A, applied as z + γA*(I + γAA*)⁻¹(y − Az)."""
    return add(z, scale(gamma, op._adjoint(solve(subtract(y, op._forward(z))))))


def _prox_cg(
    op: LinearOperator,
    normal: LinearOperator,
    z: Vector,
    y: Vector,
    gamma: Tensor | float,
    tol: float | None,
    max_iter: int,
) -> Vector:
    from wellposed.solvers import cg

    right = _right_side(op, z, y, gamma)
    shifted = lambda u: add_scaled(u, gamma, normal._forward(u))  # noqa: E731
    return cg(shifted, right, x0=z, tol=default_tol(right, tol), max_iter=max_iter).x


def _pinv_lsmr(op: LinearOperator, y: Vector, tol: float | None, max_iter: int) -> Vector:
    from wellposed.solvers import lsmr

    return lsmr(op, y, tol=default_tol(y, tol), max_iter=max_iter).x


def default_tol(x: Vector, tol: float | None) -> float:
    """Return ``tol``, or 1e-6 in single and 1e-12 in double precision."""
    if tol is not None:
        return tol
    return 1e-12 if torch.finfo(leaves(x)[0].dtype).bits == 64 else 1e-6


def reciprocal(values: Tensor, axes: int) -> Tensor:
    """Return 1/values, and 0 where |value| ≤ eps·n·max|value| over the ``axes`` of one of n values.

    The Moore–Penrose convention; a sample with parameters of its own is cut off by its own largest value.
    """
    modulus = values.detach().abs()
    own = list(range(-min(axes, values.ndim), 0))
    largest = modulus.amax(own, keepdim=True) if own else modulus
    n = math.prod(values.shape[d] for d in own)
    kept = modulus > torch.finfo(modulus.dtype).eps * n * largest
    safe = torch.where(kept, values, torch.ones_like(values))
    return torch.where(kept, 1 / safe, torch.zeros_like(values))


def _times(d: Diagonal, x: Tensor) -> Tensor:
    return reciprocal(d.d, x.ndim - 1) * x


def _inverted(e: FourierDiagonal) -> FourierDiagonal:
    """Invert per sample: a batch axis stands before the channel axis and the transformed ones."""
    return replace(e, spectrum=reciprocal(e.spectrum, len(e.dims) + 1))
