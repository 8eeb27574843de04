"""A dense matrix as an operator: the reference that every other operator is tested against."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wellposed.errors import SpaceError
from wellposed.linalg.base import LinearOperator, as_space
from wellposed.linalg.functions import flatten, unflatten
from wellposed.linalg.routes import pinv, prox_l2
from wellposed.spaces import AnySpace, Vector
from wellposed.vectors import expand


class Matrix(LinearOperator):
    """``x ↦ M x`` on flattened samples.

    Parameters
    ----------
    matrix
        ``(m, n)``, or ``(B, m, n)`` for one matrix per sample; real or complex.
    domain, range
        Spaces or shapes with n and m entries; ``(n,)`` and ``(m,)`` by default.
    """

    matrix: Tensor

    def __init__(
        self,
        matrix: Tensor,
        domain: AnySpace | tuple[int, ...] | None = None,
        range: AnySpace | tuple[int, ...] | None = None,
    ) -> None:
        if matrix.ndim not in (2, 3):
            raise SpaceError(
                f"matrix has shape {tuple(matrix.shape)}; expected (m, n), or (B, m, n) per sample."
            )
        m, n = matrix.shape[-2:]
        source = as_space((n,) if domain is None else domain, matrix.dtype)
        target = as_space((m,) if range is None else range, matrix.dtype)
        if (target.size, source.size) != (m, n):
            raise SpaceError(
                f"a matrix of shape {tuple(matrix.shape)} cannot map {source} ({source.size} entries) to "
                f"{target} ({target.size} entries); the sizes must be {n} and {m}."
            )
        super().__init__(source, target)
        self.register_value("matrix", matrix)

    def _forward(self, x: Vector) -> Vector:
        return unflatten(_apply(self.matrix, flatten(x)), self.range)

    def _adjoint(self, y: Vector) -> Vector:
        return unflatten(_apply(self.matrix.mH, flatten(y)), self.domain)


def _apply(matrix: Tensor, flat: Tensor) -> Tensor:
    return (matrix @ flat.unsqueeze(-1)).squeeze(-1)


@prox_l2.register
def _(op: Matrix, z: Vector, y: Vector, gamma: Tensor | float, **options: Any) -> Vector:
    """Solve (I + γM*M) u = z + γM*y by a Cholesky-like direct solve."""
    right = flatten(z) + expand(gamma, flatten(z)) * _apply(op.matrix.mH, flatten(y))
    g = gamma.reshape(-1, 1, 1) if isinstance(gamma, Tensor) and gamma.ndim else gamma
    normal = torch.eye(op.domain.size, dtype=right.dtype, device=right.device) + g * (
        op.matrix.mH @ op.matrix
    )
    return unflatten(torch.linalg.solve(normal, right.unsqueeze(-1)).squeeze(-1), op.domain)


@pinv.register
def _(op: Matrix, y: Vector, **options: Any) -> Vector:
    """Apply the dense pseudo-inverse."""
    return unflatten(_apply(torch.linalg.pinv(op.matrix), flatten(y)), op.domain)
