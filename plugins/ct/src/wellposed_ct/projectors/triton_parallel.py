"""Joseph's projector for parallel rays as Triton kernels: what ``backend="auto"`` runs on CUDA and ROCm.

One program computes a run of bins of one view, or a run of pixels of one row: every number written is summed
by one thread, in a fixed order. The adjoint thus *gathers*, as the projection does: a pixel asks which bins
read it. There are no atomic additions, and results are the same to the last bit on every run.

Both directions get a weight from the same expression, :func:`share`, in double precision and without fused
multiply-adds (see ``LAUNCH``), so that they agree to the last bit: at a column near 1000, single precision
would leave four digits of a weight. Images are read in place: for rays along the rows, strides are swapped.
"""

# what kernels take and return are Triton's own values, which have no static types
# ruff: noqa: ANN001, ANN201, ANN202
# mypy: disable-error-code="no-untyped-def,no-untyped-call,untyped-decorator"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from wellposed_ct.projectors.crossings import Crossings, Grid

__all__ = ["LAUNCH", "back_project", "project", "share"]

BLOCK = 128
"""Bins, or pixels, of one program."""

LAUNCH = {"num_warps": 4, "enable_fp_fusion": False}
SLACK = tl.constexpr(1e-9)
"""Bins around a pixel are looked for this much farther than they can be: rounding must not lose one."""


def project(x: Tensor, rays: Crossings, grid: Grid) -> Tensor:
    """Return line integrals ``(…, V, D)`` of images ``(…, H, W)``."""
    x, lead, views = x.contiguous(), x.shape[:-2], len(rays.A)
    y = x.new_empty(*lead, views, grid.detectors)
    chunks = triton.cdiv(grid.detectors, BLOCK)
    if y.numel():
        with torch.cuda.device_of(x):
            _project[(lead.numel() * views * chunks,)](
                x, y, _table(rays, x), grid.rows, grid.columns, views, grid.detectors, BLOCK=BLOCK, **LAUNCH
            )
    return y


def back_project(
    y: Tensor, rays: Crossings, grid: Grid, steepest: float, interpolate: bool = False
) -> Tensor:
    """Return images ``(…, H, W)`` of sinograms ``(…, V, D)``: the adjoint of :func:`project`.

    ``steepest`` is the least step of crossings from bin to bin, min |B|: no pixel sees more than
    ⌊2/min |B|⌋ + 1 bins. With ``interpolate``, the sum over views of the values between two bins where a
    pixel projects.
    """
    y, lead = y.contiguous(), y.shape[:-2]
    x = y.new_empty(*lead, grid.rows, grid.columns)
    taps = 2 if interpolate else int(2 / steepest + 1e-6) + 1
    chunks = triton.cdiv(grid.columns, BLOCK)
    if x.numel():
        with torch.cuda.device_of(y):
            _back_project[(lead.numel() * grid.rows * chunks,)](
                y,
                x,
                _table(rays, y),
                grid.rows,
                grid.columns,
                len(rays.A),
                grid.detectors,
                taps,
                INTERPOLATE=interpolate,
                BLOCK=BLOCK,
                **LAUNCH,
            )
    return x


def _table(rays: Crossings, like: Tensor) -> Tensor:
    """Return what the kernels read, ``(V, 5)`` float64."""
    columns = (rays.A, rays.B, rays.C, rays.L, rays.upright.to(torch.float64))
    return torch.stack(columns, 1).to(like.device)


@triton.jit
def share(u, j):
    """Return how much of pixel j a crossing at column u takes."""
    return tl.maximum(1 - tl.abs(u - j), 0.0)


@triton.jit
def _project(x, y, table, rows, columns, views, bins, BLOCK: tl.constexpr):
    chunks = tl.cdiv(bins, BLOCK)
    view = tl.program_id(0) // chunks % views
    plane = (tl.program_id(0) // chunks // views).to(tl.int64)
    a, b = tl.load(table + 5 * view), tl.load(table + 5 * view + 1)
    c, length = tl.load(table + 5 * view + 2), tl.load(table + 5 * view + 3)
    upright = tl.load(table + 5 * view + 4) != 0
    count, width = tl.where(upright, rows, columns), tl.where(upright, columns, rows)
    down, along = tl.where(upright, columns, 1), tl.where(upright, 1, columns)

    k = tl.program_id(0) % chunks * BLOCK + tl.arange(0, BLOCK)
    image = x + plane * rows * columns
    total = tl.zeros([BLOCK], x.dtype.element_ty)
    for i in range(count):
        u = (a + c * i) + b * k
        low = tl.floor(u)
        column = tl.minimum(tl.maximum(low, -2.0), width + 0.0).to(tl.int32)
        place = image + i * down + column * along
        left = tl.load(place, mask=(column >= 0) & (column < width), other=0.0)
        right = tl.load(place + along, mask=(column >= -1) & (column < width - 1), other=0.0)
        total += share(u, low).to(total.dtype) * left + share(u, low + 1).to(total.dtype) * right
    tl.store(y + (plane * views + view) * bins + k, length.to(total.dtype) * total, mask=k < bins)


@triton.jit
def _back_project(
    y, x, table, rows, columns, views, bins, taps, INTERPOLATE: tl.constexpr, BLOCK: tl.constexpr
):
    chunks = tl.cdiv(columns, BLOCK)
    row = tl.program_id(0) // chunks % rows
    plane = (tl.program_id(0) // chunks // rows).to(tl.int64)
    column = tl.program_id(0) % chunks * BLOCK + tl.arange(0, BLOCK)

    sinogram = y + plane * views * bins
    total = tl.zeros([BLOCK], y.dtype.element_ty)
    for view in range(views):
        a, b = tl.load(table + 5 * view), tl.load(table + 5 * view + 1)
        c, length = tl.load(table + 5 * view + 2), tl.load(table + 5 * view + 3)
        upright = tl.load(table + 5 * view + 4) != 0
        i, j = tl.where(upright, row, column), tl.where(upright, column, row)
        start = a + c * i
        v = (j - start) / b
        first = tl.floor(v) if INTERPOLATE else tl.ceil(v - tl.abs(1 / b) - SLACK)
        seen = tl.zeros([BLOCK], y.dtype.element_ty)
        for tap in range(taps):
            k = first + tap
            weight = share(v, k) if INTERPOLATE else share(start + b * k, j)
            at = tl.minimum(tl.maximum(k, -1.0), bins + 0.0).to(tl.int32)
            value = tl.load(sinogram + view * bins + at, mask=(at >= 0) & (at < bins), other=0.0)
            seen += weight.to(seen.dtype) * value
        total += seen if INTERPOLATE else length.to(seen.dtype) * seen
    tl.store(x + (plane * rows + row) * columns + column, total, mask=column < columns)
