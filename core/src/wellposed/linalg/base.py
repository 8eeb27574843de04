"""What an operator is: a deterministic map between two spaces, immutable, with parameters ξ.

A pack author subclasses :class:`LinearOperator`, states ``domain`` and ``range``, and writes ``_forward``
and, for speed, ``_adjoint``. The public methods around them check spaces, apply overrides of ξ and
dispatch to the open functions of this package, so a stranger's operator has every right of ours. They are
methods only for short: the functions know operators, and so are imported where they are called.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Number
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.immutable import Immutable, complex_aware
from wellposed.linalg.batches import refuse_batch
from wellposed.spaces import AnySpace, ProductSpace, Space, Vector
from wellposed.structure import Evidence

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator as ScipyLinearOperator


class Operator(Immutable):
    """A deterministic map ``A_ξ : domain → range``; subclasses write ``_forward``.

    Parameters
    ----------
    domain, range
        Spaces of one sample, without the batch axis.

    Notes
    -----
    ``op(x)`` and ``op.A(x)`` are the same; ``op(x, mask=m)`` evaluates with ξ overridden and changes
    nothing; ``op.replace(mask=m)`` returns a new operator.
    """

    def __init__(self, domain: AnySpace, range: AnySpace) -> None:
        super().__init__()
        self._domain = domain
        self._range = range

    @property
    def domain(self) -> AnySpace:
        """The space of ``x``."""
        return self._domain

    @property
    def range(self) -> AnySpace:
        """The space of ``y``."""
        return self._range

    def _forward(self, x: Any) -> Any:
        """Compute A(x) for a checked ``x``."""
        raise ParameterError(
            f"{type(self).__name__} does not define _forward(self, x); write it: it computes A(x)."
        )

    def forward(self, x: Any, generator: torch.Generator | None = None, **parameters: Any) -> Any:
        """Return A(x). An operator has no noise, so ``generator`` is accepted and unused."""
        return self.A(x, **parameters)

    def A(self, x: Any, **parameters: Any) -> Any:
        """Return A(x) for ``x`` of shape ``(B, *domain.shape)``, with ``parameters`` overriding ξ.

        Raises :class:`~wellposed.errors.SpaceError` or :class:`~wellposed.errors.DtypeError` for a
        misfit, and :class:`~wellposed.errors.UnknownParameterError` for an unknown override.
        """
        if parameters:
            return self.replace(**parameters).A(x)
        self._domain.check(x)
        try:
            return self._forward(x)
        except RuntimeError as error:
            refuse_batch(error, self.parameters_xi(), self._forward, x)
            raise

    def A_vjp(self, x: Any, v: Any, **parameters: Any) -> Any:
        """Return J(x)*v, the vector–Jacobian product of A at ``x``."""
        op = self.replace(**parameters) if parameters else self
        op._domain.check(x)
        op._range.check(v, "v")
        result: Any = torch.func.vjp(op._forward, x)[1](v)[0]
        return result

    def A_jvp(self, x: Any, u: Any, **parameters: Any) -> Any:
        """Return J(x)u, the Jacobian–vector product of A at ``x``."""
        op = self.replace(**parameters) if parameters else self
        op._domain.check(x)
        op._domain.check(u, "u")
        result: Any = torch.func.jvp(op._forward, (x,), (u,))[1]
        return result

    def parameters_xi(self) -> dict[str, Tensor]:
        """Return the tensors ξ that can be overridden by name in a call."""
        values = {name: getattr(self, name, None) for name in self.argument_names()}
        return {name: value for name, value in values.items() if isinstance(value, Tensor)}

    def extra_repr(self) -> str:
        """Return the arguments, tensors by their shapes."""
        return ", ".join(f"{name}={_brief(value)}" for name, value in self.arguments().items())

    def __repr__(self) -> str:
        """Return one line that reads like the constructor call."""
        return f"{type(self).__name__}({self.extra_repr()})"

    def _repr_html_(self) -> str | None:
        """Return the card that an installed pack draws of it in notebooks."""
        from wellposed.notebook import card

        return card(self)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)
        move = complex_aware(fn)
        self._domain = _moved(self._domain, move)
        self._range = _moved(self._range, move)
        return self


class LinearOperator(Operator):
    """A linear map; subclasses write ``_forward`` and, where autograd is too slow, ``_adjoint``.

    Attributes
    ----------
    H
        The adjoint as an operator.
    gram
        ``A*A`` as an operator, in its cheapest known form.
    """

    def _adjoint(self, y: Any) -> Any:
        """Compute A*y for a checked ``y``; by default the vector–Jacobian product of ``_forward``."""
        zero = self._domain.zeros(_batch(y), _device(y))
        result: Any = torch.func.vjp(self._forward, zero)[1](y)[0]
        return result

    def A_adjoint(self, y: Any, **parameters: Any) -> Any:
        """Return A*y for ``y`` of shape ``(B, *range.shape)``."""
        if parameters:
            result: Any = self.replace(**parameters).A_adjoint(y)
            return result
        self._range.check(y, "y")
        try:
            return self._adjoint(y)
        except RuntimeError as error:
            refuse_batch(error, self.parameters_xi(), self._adjoint, y)
            raise

    def A_dagger(self, y: Any, **parameters: Any) -> Any:
        """Return the minimum-norm least-squares solution A⁺y (see :func:`wellposed.pinv`)."""
        from wellposed.linalg.routes import pinv

        op = self.replace(**parameters) if parameters else self
        op._range.check(y, "y")
        try:
            return pinv(op, y)
        except RuntimeError as error:
            refuse_batch(error, op.parameters_xi(), op._adjoint, y)
            raise

    def prox_l2(self, z: Any, y: Any, gamma: Tensor | float, **parameters: Any) -> Any:
        """Return argmin_u γ/2·‖Au − y‖² + ½·‖u − z‖²; γ a number or per sample ``(B,)``."""
        from wellposed.linalg.routes import prox_l2

        op = self.replace(**parameters) if parameters else self
        op._domain.check(z, "z")
        op._range.check(y, "y")
        try:
            return prox_l2(op, z, y, gamma)
        except RuntimeError as error:
            refuse_batch(error, op.parameters_xi(), op._forward, z)
            raise

    def A_vjp(self, x: Any, v: Any, **parameters: Any) -> Any:
        """Return J(x)*v = A*v."""
        return self.A_adjoint(v, **parameters)

    def A_jvp(self, x: Any, u: Any, **parameters: Any) -> Any:
        """Return J(x)u = A u."""
        return self.A(u, **parameters)

    def _evidence(self) -> tuple[Evidence, ...]:
        """Return what this operator knows about itself; see :mod:`wellposed.structure`."""
        return ()

    def evidence(self) -> tuple[Evidence, ...]:
        """Return the declared structure of the operator."""
        return self._evidence()

    @property
    def H(self) -> LinearOperator:
        """The adjoint as an operator; ``A.H.H`` is ``A``."""
        from wellposed.linalg.functions import adjoint

        return adjoint(self)

    @property
    def gram(self) -> LinearOperator:
        """``A*A`` as an operator, simplified by what A knows about itself."""
        from wellposed.linalg.functions import gram

        return gram(self)

    __array_ufunc__ = None  # NumPy arrays leave ``array * operator`` to the operator, which refuses it

    def __matmul__(self, other: LinearOperator) -> LinearOperator:
        """Return the composition ``self ∘ other``."""
        from wellposed.linalg.rewriting import product

        return product(self, other) if isinstance(other, LinearOperator) else NotImplemented

    def __add__(self, other: LinearOperator) -> LinearOperator:
        """Return the sum."""
        from wellposed.linalg.rewriting import total

        return total(self, other) if isinstance(other, LinearOperator) else NotImplemented

    def __sub__(self, other: LinearOperator) -> LinearOperator:
        """Return the difference."""
        return self + (-1) * other if isinstance(other, LinearOperator) else NotImplemented

    def __rmul__(self, scalar: complex | Tensor) -> LinearOperator:
        """Return ``scalar · self``."""
        from wellposed.linalg.rewriting import scaled

        return scaled(scalar, self) if isinstance(scalar, Number | Tensor) else NotImplemented

    __mul__ = __rmul__

    def __truediv__(self, scalar: complex | Tensor) -> LinearOperator:
        """Return ``self / scalar``."""
        return (1 / scalar) * self

    def __neg__(self) -> LinearOperator:
        """Return ``−self``."""
        return (-1) * self

    def to_matrix(self) -> Tensor:
        """Return the dense matrix ``(range.size, domain.size)`` of the flattened operator."""
        from wellposed.linalg.functions import materialise

        return materialise(self)

    def to_scipy(self) -> ScipyLinearOperator:
        """Return a ``scipy.sparse.linalg.LinearOperator`` on flattened single samples."""
        from wellposed.linalg.scipy_bridge import to_scipy

        return to_scipy(self)


def as_space(
    space: AnySpace | tuple[int | None, ...] | list[int | None], dtype: torch.dtype | None
) -> AnySpace:
    """Return a space, giving ``dtype`` to a bare shape or to a space that leaves it free."""
    if isinstance(space, ProductSpace):
        return space
    if isinstance(space, Space):
        return space if space.dtype is not None else space.to(dtype)
    return Space(tuple(space), dtype)


def _moved(space: AnySpace, move: Callable[[Tensor], Tensor]) -> AnySpace:
    if isinstance(space, ProductSpace):
        return ProductSpace(tuple(_moved(s, move) for s in space.spaces))
    return space if space.dtype is None else space.to(move(torch.empty(0, dtype=space.dtype)).dtype)


def _brief(value: object) -> str:
    if isinstance(value, Tensor):
        return (
            f"{value.item():.4g}"
            if value.numel() == 1 and not value.is_complex()
            else str(tuple(value.shape))
        )
    if isinstance(value, Space):
        return str(value)
    return getattr(value, "__name__", repr(value))


def _batch(y: Vector) -> int:
    return y.shape[0] if isinstance(y, Tensor) else _batch(y[0])


def _device(y: Vector) -> torch.device:
    return y.device if isinstance(y, Tensor) else _device(y[0])
