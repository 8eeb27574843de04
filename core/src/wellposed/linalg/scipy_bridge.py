"""To and from ``scipy.sparse.linalg.LinearOperator``: SciPy's own solvers on our operators, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from wellposed.linalg.base import LinearOperator, as_space
from wellposed.linalg.functions import flatten, unflatten
from wellposed.spaces import AnySpace

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse.linalg import LinearOperator as ScipyLinearOperator


def to_scipy(op: LinearOperator) -> ScipyLinearOperator:
    """Return ``op`` on flattened single samples as a SciPy operator ``(range.size, domain.size)``."""
    from scipy.sparse.linalg import LinearOperator as ScipyLinearOperator

    dtype = op.range.dtype or op.domain.dtype or torch.get_default_dtype()
    return ScipyLinearOperator(
        (op.range.size, op.domain.size),
        matvec=lambda v: _call(op._forward, op.domain, v),
        rmatvec=lambda v: _call(op._adjoint, op.range, v),
        dtype=torch.empty(0, dtype=dtype).numpy().dtype,
    )


def _call(function: Any, space: AnySpace, v: NDArray[Any]) -> NDArray[Any]:
    dtype = space.dtype or torch.get_default_dtype()
    flat = torch.as_tensor(np.ascontiguousarray(v).reshape(1, -1)).to(dtype)
    with torch.no_grad():
        result: NDArray[Any] = flatten(function(unflatten(flat, space)))[0].numpy()
    return result


class FromScipy(LinearOperator):
    """A SciPy operator or sparse matrix acting on flattened samples, one after the other, on the CPU.

    Gradients flow with respect to ``x`` and ``y`` (the adjoint is SciPy's own ``rmatvec``).

    Parameters
    ----------
    operator
        Anything ``scipy.sparse.linalg.aslinearoperator`` accepts.
    domain, range
        Spaces or shapes with as many entries as the operator has columns and rows.
    """

    def __init__(
        self,
        operator: Any,
        domain: AnySpace | tuple[int, ...] | None = None,
        range: AnySpace | tuple[int, ...] | None = None,
    ) -> None:
        from scipy.sparse.linalg import aslinearoperator

        self_operator = aslinearoperator(operator)
        dtype = torch.as_tensor(np.empty(0, self_operator.dtype)).dtype
        m, n = self_operator.shape
        super().__init__(
            as_space((n,) if domain is None else domain, dtype),
            as_space((m,) if range is None else range, dtype),
        )
        self.operator = operator

    def _forward(self, x: Tensor) -> Tensor:
        result: Tensor = _Matvec.apply(x, self, False)  # type: ignore[no-untyped-call]
        return result

    def _adjoint(self, y: Tensor) -> Tensor:
        result: Tensor = _Matvec.apply(y, self, True)  # type: ignore[no-untyped-call]
        return result

    def _columns(self, x: Tensor, transposed: bool) -> Tensor:
        from scipy.sparse.linalg import aslinearoperator

        operator = aslinearoperator(self.operator)
        product = operator.rmatmat if transposed else operator.matmat
        out = torch.as_tensor(np.ascontiguousarray(product(flatten(x.detach()).numpy().T).T))
        space = self.domain if transposed else self.range
        result = unflatten(out.to(space.dtype), space)
        assert isinstance(result, Tensor)
        return result


class _Matvec(torch.autograd.Function):
    """SciPy's product with its adjoint as gradient, so it can sit inside a differentiable expression."""

    @staticmethod
    def forward(x: Tensor, op: FromScipy, transposed: bool) -> Tensor:
        return op._columns(x, transposed)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        _, ctx.op, ctx.transposed = inputs

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return _Matvec.apply(grad, ctx.op, not ctx.transposed), None, None  # type: ignore[no-untyped-call]


def from_scipy(
    operator: Any,
    domain: AnySpace | tuple[int, ...] | None = None,
    range: AnySpace | tuple[int, ...] | None = None,
) -> LinearOperator:
    """Return a SciPy linear operator, sparse matrix or array as an operator of the algebra."""
    return FromScipy(operator, domain, range)
