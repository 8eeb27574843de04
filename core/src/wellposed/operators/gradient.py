"""Finite differences: the discrete gradient whose adjoint is the negative divergence."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.linalg.base import LinearOperator
from wellposed.operators.padding import _image
from wellposed.spaces import AnySpace, Space
from wellposed.structure import Evidence, NormBound


class Gradient(LinearOperator):
    """Forward differences along the last ``ndim`` axes: ``(B, *S) → (B, ndim, *S)``.

    Parameters
    ----------
    domain
        Space or shape of ``x``, e.g. ``(C, H, W)``.
    ndim
        Number of trailing axes to differentiate, in order.
    boundary
        ``neumann``: the difference past the last pixel is 0 (Chambolle 2004); ``circular``: it wraps.

    Notes
    -----
    ‖∇‖² = Σ over axes of 4 sin²(π(n−1)/2n) for ``neumann`` (the largest eigenvalue of the path graph) and
    4 sin²(π⌊n/2⌋/n) for ``circular``, so the norm never needs an iteration.
    """

    def __init__(
        self,
        domain: AnySpace | tuple[int, ...],
        ndim: int = 2,
        boundary: Literal["neumann", "circular"] = "neumann",
    ) -> None:
        space = _image(domain)
        if not 1 <= ndim <= len(space.shape):
            raise ParameterError(f"ndim={ndim} must be between 1 and the {len(space.shape)} axes of {space}.")
        if boundary not in ("neumann", "circular"):
            raise ParameterError(f"boundary={boundary!r} is unknown; choose neumann or circular.")
        super().__init__(space, Space((ndim, *space.shape), space.dtype))
        self.ndim = ndim
        self.boundary = boundary

    def _forward(self, x: Tensor) -> Tensor:
        return torch.stack([self._difference(x, axis) for axis in range(-self.ndim, 0)], dim=1)

    def _adjoint(self, y: Tensor) -> Tensor:
        parts = y.unbind(1)
        x = self._difference_adjoint(parts[0], -self.ndim)
        for axis, part in enumerate(parts[1:], start=1 - self.ndim):
            x = x + self._difference_adjoint(part, axis)
        return x

    def _difference(self, x: Tensor, axis: int) -> Tensor:
        if self.boundary == "circular":
            return x.roll(-1, axis) - x
        last = torch.zeros_like(x.narrow(axis, 0, 1))
        return torch.cat([x.diff(dim=axis), last], dim=axis)

    def _difference_adjoint(self, y: Tensor, axis: int) -> Tensor:
        if self.boundary == "circular":
            return y.roll(1, axis) - y
        inside = y.narrow(axis, 0, y.shape[axis] - 1)
        zero = torch.zeros_like(y.narrow(axis, 0, 1))
        return torch.cat([zero, inside], dim=axis) - torch.cat([inside, zero], dim=axis)

    def _evidence(self) -> tuple[Evidence, ...]:
        space = self.domain
        if not isinstance(space, Space) or not space.is_concrete:
            return (NormBound(2 * math.sqrt(self.ndim)),)
        sizes = space.concrete_shape[-self.ndim :]
        return (NormBound(math.sqrt(sum(map(self._largest, sizes))), tight=True),)

    def _largest(self, n: int) -> float:
        angle = math.pi * (n - 1) / (2 * n) if self.boundary == "neumann" else math.pi * (n // 2) / n
        return 4 * math.sin(angle) ** 2
