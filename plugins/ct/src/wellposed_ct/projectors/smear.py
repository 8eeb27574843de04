"""Weighted back-projection of an upright cone beam: for every voxel and view the value where it projects.

No adjoint of the projector: values are read between four pixels, and divided by the square of the voxel's
distance from the source (Feldkamp, Davis & Kress 1984, doi:10.1364/JOSAA.1.000612).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wellposed_ct.projectors.beams import Beams
from wellposed_ct.projectors.precision import in_doubles

__all__ = ["smear"]


class _Smear(torch.autograd.Function):
    @staticmethod
    def forward(data: Tensor, beams: Beams) -> Tensor:
        return beams.compiled(data, 2) if beams.is_compiled(data) else _smear(data, beams)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        data, ctx.beams = inputs
        ctx.shape = data.shape

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        zero = gradients[0].new_zeros(ctx.shape)
        pull = torch.func.vjp(lambda y: _smear(y, ctx.beams), zero)[1]
        return pull(gradients[0])[0], None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        return smear(tangents[0], ctx.beams)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], data: Tensor, beams: Beams) -> tuple[Tensor, int]:
        return smear(data.movedim(in_dims[0], 0), beams), 0


def smear(data: Tensor, beams: Beams) -> Tensor:
    """Return volumes ``(…, D, H, W)`` of filtered projections ``(…, V, R, C)``; panels run along z."""
    return in_doubles(lambda data: _Smear.apply(data, beams), data)  # type: ignore[no-untyped-call]


def _smear(data: Tensor, beams: Beams) -> Tensor:
    flat = data.reshape(-1, *data.shape[-3:])
    rows, columns = beams.detector
    padded = torch.nn.functional.pad(flat, (2, 2, 2, 2)).flatten(2)
    z, y, x = (torch.arange(n, dtype=torch.float64, device=data.device) for n in beams.size)
    grid = torch.stack(torch.meshgrid(x, y, z, indexing="ij"), -1)
    total = flat.new_zeros(len(flat), x.numel() * y.numel() * z.numel())
    for number, (start, toward) in enumerate(beams.views.detach().to(data.device)):
        frame = torch.linalg.inv(torch.stack([toward[1], toward[2], toward[0]], 1))
        column, row, depth = ((grid - start[0]) @ frame.T).flatten(0, 2).unbind(1)
        scale = torch.where(depth > 0, 1 / depth**2, 0)
        safe = torch.where(depth > 0, depth, 1)
        c, r = column / safe, row / safe
        left, low = torch.floor(c), torch.floor(r)
        place = (
            (low.clamp(-2, rows).to(torch.int64) + 2) * (columns + 4)
            + left.clamp(-2, columns).to(torch.int64)
            + 2
        )
        u, w = (c - left).to(data.dtype), (r - low).to(data.dtype)
        view = padded[:, number]
        near = view[:, place] + u * (view[:, place + 1] - view[:, place])
        far_place = place + columns + 4
        far = view[:, far_place] + u * (view[:, far_place + 1] - view[:, far_place])
        total = total + scale.to(data.dtype) * (near + w * (far - near))
    volume = total.reshape(-1, x.numel(), y.numel(), z.numel()).permute(0, 3, 2, 1)
    return volume.reshape(*data.shape[:-3], *beams.size)
