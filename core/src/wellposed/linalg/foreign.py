"""Any callable as an operator: linear with its adjoint derived by autograd, or nonlinear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from wellposed.errors import ParameterError
from wellposed.linalg.base import LinearOperator, Operator, as_space
from wellposed.spaces import AnySpace, ProductSpace, Space, Vector


class LinearFunction(LinearOperator):
    """A linear callable; its adjoint is given, or derived by autograd.

    Parameters
    ----------
    function
        ``f(x)`` on batches ``(B, *domain)``, linear.
    domain
        Space or shape of ``x``.
    adjoint
        ``f*(y)``; by default the vector–Jacobian product of ``function``.
    range
        Space of the result; by default found by one call on zeros.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        domain: AnySpace | tuple[int, ...],
        adjoint: Callable[[Any], Any] | None = None,
        range: AnySpace | tuple[int, ...] | None = None,
    ) -> None:
        space = as_space(domain, torch.get_default_dtype())
        super().__init__(space, _range(function, space, range))
        self.function = function
        self.adjoint = adjoint

    def _forward(self, x: Any) -> Any:
        return self.function(x)

    def _adjoint(self, y: Any) -> Any:
        return super()._adjoint(y) if self.adjoint is None else self.adjoint(y)


class NonlinearFunction(Operator):
    """Any differentiable callable as a nonlinear operator; vjp and jvp come from autograd.

    Parameters
    ----------
    function
        ``f(x)`` on batches ``(B, *domain)``.
    domain, range
        Spaces or shapes; the range is found by one call on zeros when not given.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        domain: AnySpace | tuple[int, ...],
        range: AnySpace | tuple[int, ...] | None = None,
    ) -> None:
        space = as_space(domain, torch.get_default_dtype())
        super().__init__(space, _range(function, space, range))
        self.function = function

    def _forward(self, x: Any) -> Any:
        return self.function(x)


class Foreign(LinearOperator):
    """An object with ``A`` and ``A_adjoint`` (deepinv's physics, say) as an operator of the algebra."""

    def __init__(self, physics: Any, domain: AnySpace | tuple[int, ...]) -> None:
        space = as_space(domain, torch.get_default_dtype())
        super().__init__(space, _range(physics.A, space, None))
        self.physics = physics

    def _forward(self, x: Any) -> Any:
        return self.physics.A(x)

    def _adjoint(self, y: Any) -> Any:
        return self.physics.A_adjoint(y)


def as_operator(physics: Any, domain: AnySpace | tuple[int, ...] | None = None) -> LinearOperator:
    """Return any linear physics as an operator of the algebra; ours come back unchanged.

    Parameters
    ----------
    physics
        An object with ``A`` and ``A_adjoint``, or a plain linear callable.
    domain
        Space or shape of ``x``; needed where the object does not know its own.
    """
    if isinstance(physics, LinearOperator):
        return physics
    inside = getattr(physics, "operator", None)
    if isinstance(inside, LinearOperator):
        return inside
    space = domain if domain is not None else getattr(physics, "domain", None)
    if space is None:
        raise ParameterError(
            f"{type(physics).__name__} does not know its domain; say it: as_operator(obj, Space((C, H, W)))."
        )
    if hasattr(physics, "A") and hasattr(physics, "A_adjoint"):
        return Foreign(physics, space)
    if callable(physics):
        return LinearFunction(physics, space)
    raise ParameterError(
        f"{type(physics).__name__} is not an operator: it has no A and A_adjoint, and is not callable."
    )


def _range(
    function: Callable[[Any], Any], domain: AnySpace, range: AnySpace | tuple[int, ...] | None
) -> AnySpace:
    if range is not None:
        return as_space(range, domain.dtype)
    with torch.no_grad():
        return space_of(function(domain.zeros(1)))


def space_of(x: Vector) -> AnySpace:
    """Return the space that a batch of vectors lives in."""
    if isinstance(x, (tuple, list)):
        return ProductSpace(tuple(space_of(part) for part in x))
    return Space(x.shape[1:], x.dtype)
