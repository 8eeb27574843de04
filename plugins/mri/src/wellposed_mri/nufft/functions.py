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
    result: Tensor = _Transform.apply(x, points, plans, True)  # type: ignore[no-untyped-call]
    return result


def to_image(y: Tensor, points: Tensor, plans: Plans) -> Tensor:
    """Return Σ_m y[m]·exp(+i θ_m·(j − n//2)), ``(T, *n)``, for data ``(T, M)``: the adjoint."""
    result: Tensor = _Transform.apply(y, points, plans, False)  # type: ignore[no-untyped-call]
    return result


def coordinates(shape: tuple[int, ...], like: Tensor) -> list[Tensor]:
    """Return j − n//2 along each axis, broadcastable over the image."""
    real = like.real.dtype if like.is_complex() else like.dtype
    return [
        (torch.arange(n, dtype=real, device=like.device) - n // 2).reshape((n,) + (1,) * (len(shape) - d - 1))
        for d, n in enumerate(shape)
    ]


class _Transform(torch.autograd.Function):
    """Both directions: each one's derivative by the data is the other."""

    @staticmethod
    def forward(data: Tensor, points: Tensor, plans: Plans, outward: bool) -> Tensor:
        return plans.to_points(data, points) if outward else plans.to_image(data, points)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        data, points, ctx.plans, ctx.outward = inputs
        ctx.save_for_backward(data, points)
        ctx.save_for_forward(data, points)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        data, points = ctx.saved_tensors
        back = to_image if ctx.outward else to_points
        by_data = back(grad, points, ctx.plans) if ctx.needs_input_grad[0] else None
        # ⟨F*y, g⟩ and ⟨y, F g⟩ are one number, so the slope by the points is that of F at the image.
        image, samples = (data, grad) if ctx.outward else (grad, data)
        by_points = _slope(image, points, ctx.plans, samples) if ctx.needs_input_grad[1] else None
        return by_data, by_points, None, None

    @staticmethod
    def jvp(ctx: Any, moved: Tensor | None, dpoints: Tensor | None, *_: None) -> Tensor:
        data, points = ctx.saved_tensors
        parts = []
        if moved is not None:
            parts.append((to_points if ctx.outward else to_image)(moved, points, ctx.plans))
        for d, j in enumerate(coordinates(ctx.plans.shape, data) if dpoints is not None else ()):
            assert dpoints is not None
            if ctx.outward:
                parts.append(dpoints[:, d] * to_points(-1j * j * data, points, ctx.plans))
            else:
                parts.append(1j * j * to_image(dpoints[:, d] * data, points, ctx.plans))
        return torch.stack(parts).sum(0)

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[Any, ...], data: Tensor, points: Tensor, plans: Plans, outward: bool
    ) -> tuple[Tensor, int]:
        return _mapped(to_points if outward else to_image, info.batch_size, in_dims, data, points, plans)


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
