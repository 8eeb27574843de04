"""Non-uniform Fourier transforms that autograd understands, to any order, in data and in points.

Each transform's derivatives are transforms again: by the data the adjoint, by the points the transform of
the image times its coordinates. Written in terms of themselves they need no formulas of second order.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wellposed_mri.nufft.plans import Plans


def to_points(x: Tensor, points: Tensor, plans: Plans) -> Tensor:
    """Return Σ_j x[j]·exp(−i θ_m·(j − n//2)) for images ``(T, *n)`` and points ``(M, d)`` in radians."""
    result: Tensor = _ToPoints.apply(x, points, plans)  # type: ignore[no-untyped-call]
    return result


def to_image(y: Tensor, points: Tensor, plans: Plans) -> Tensor:
    """Return Σ_m y[m]·exp(+i θ_m·(j − n//2)), ``(T, *n)``, for data ``(T, M)``: the adjoint."""
    result: Tensor = _ToImage.apply(y, points, plans)  # type: ignore[no-untyped-call]
    return result


def coordinates(shape: tuple[int, ...], like: Tensor) -> list[Tensor]:
    """Return j − n//2 along each axis, broadcastable over the image."""
    real = like.real.dtype if like.is_complex() else like.dtype
    return [
        (torch.arange(n, dtype=real) - n // 2).reshape((n,) + (1,) * (len(shape) - d - 1))
        for d, n in enumerate(shape)
    ]


class _ToPoints(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, points: Tensor, plans: Plans) -> Tensor:
        return plans.to_points(x, points)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, points, ctx.plans = inputs
        ctx.save_for_backward(x, points)
        ctx.save_for_forward(x, points)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, points = ctx.saved_tensors
        by_data = to_image(grad, points, ctx.plans) if ctx.needs_input_grad[0] else None
        by_points = _slope(x, points, ctx.plans, grad) if ctx.needs_input_grad[1] else None
        return by_data, by_points, None

    @staticmethod
    def jvp(ctx: Any, dx: Tensor | None, dpoints: Tensor | None, _: None) -> Tensor:
        x, points = ctx.saved_tensors
        total = torch.zeros(x.shape[0], points.shape[0], dtype=x.dtype)
        if dx is not None:
            total = total + to_points(dx, points, ctx.plans)
        if dpoints is not None:
            for d, j in enumerate(coordinates(ctx.plans.shape, x)):
                total = total + dpoints[:, d] * to_points(-1j * j * x, points, ctx.plans)
        return total

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[Any, ...], x: Tensor, points: Tensor, plans: Plans
    ) -> tuple[Tensor, int]:
        return _mapped(to_points, info.batch_size, in_dims, x, points, plans)


class _ToImage(torch.autograd.Function):
    @staticmethod
    def forward(y: Tensor, points: Tensor, plans: Plans) -> Tensor:
        return plans.to_image(y, points)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        y, points, ctx.plans = inputs
        ctx.save_for_backward(y, points)
        ctx.save_for_forward(y, points)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        y, points = ctx.saved_tensors
        by_data = to_points(grad, points, ctx.plans) if ctx.needs_input_grad[0] else None
        # ⟨F*y, g⟩ and ⟨y, F g⟩ are one number, so the slope by the points is that of F at g.
        by_points = _slope(grad, points, ctx.plans, y) if ctx.needs_input_grad[1] else None
        return by_data, by_points, None

    @staticmethod
    def jvp(ctx: Any, dy: Tensor | None, dpoints: Tensor | None, _: None) -> Tensor:
        y, points = ctx.saved_tensors
        total = torch.zeros(y.shape[0], *ctx.plans.shape, dtype=y.dtype)
        if dy is not None:
            total = total + to_image(dy, points, ctx.plans)
        if dpoints is not None:
            for d, j in enumerate(coordinates(ctx.plans.shape, y)):
                total = total + 1j * j * to_image(dpoints[:, d] * y, points, ctx.plans)
        return total

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[Any, ...], y: Tensor, points: Tensor, plans: Plans
    ) -> tuple[Tensor, int]:
        return _mapped(to_image, info.batch_size, in_dims, y, points, plans)


def _slope(x: Tensor, points: Tensor, plans: Plans, weights: Tensor) -> Tensor:
    """Return the derivative of Re⟨weights, F_θ x⟩ by θ, ``(M, d)``."""
    columns = [
        (weights.conj() * to_points(-1j * j * x, points, plans)).real.sum(0)
        for j in coordinates(plans.shape, x)
    ]
    return torch.stack(columns, -1).to(points.dtype)


def _mapped(
    transform: Any, size: int, in_dims: tuple[Any, ...], data: Tensor, points: Tensor, plans: Plans
) -> tuple[Tensor, int]:
    """Fold the mapped axis into the transforms, or map over points one by one."""
    if in_dims[1] is None:
        data = data.movedim(in_dims[0], 0)
        result = transform(data.flatten(0, 1), points, plans)
        return result.reshape(size, -1, *result.shape[1:]), 0
    results = [
        transform(
            data if in_dims[0] is None else data.select(in_dims[0], i), points.select(in_dims[1], i), plans
        )
        for i in range(size)
    ]
    return torch.stack(results), 0
