"""Joseph's projector for fan beams as Triton kernels, built as those of parallel rays are.

Torch traces all rays first: ``at`` and ``slope``, where a ray crosses row (or column) i, ``at + i·slope``.
Both directions read them, so that they get equal weights. Projecting, one program sums along a run of rays.
Back-projecting, it has a run of pixels: a pixel projects to bin v of a view, and only rays of bins near v can
pass within one pixel of it (:func:`bins_near`). Nothing is added to memory by two programs.
"""

# what kernels take and return are Triton's own values, which have no static types
# ruff: noqa: ANN001, ANN202
# mypy: disable-error-code="no-untyped-def,no-untyped-call,untyped-decorator"

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from wellposed_ct.projectors.triton_parallel import BLOCK, LAUNCH, SLACK, share

__all__ = ["back_project", "project"]


def project(x: Tensor, rays: tuple[Tensor, ...], size: tuple[int, int]) -> Tensor:
    """Return line integrals ``(…, V, D)`` of images ``(…, H, W)``; ``rays`` as for :func:`back_project`."""
    x, lead = x.contiguous(), x.shape[:-2]
    y = x.new_empty(*lead, *rays[0].shape)
    count = rays[0].numel()
    if y.numel():
        with torch.cuda.device_of(x):
            _project[(lead.numel() * triton.cdiv(count, BLOCK),)](
                x, y, *rays, *size, max(size), count, BLOCK=BLOCK, **LAUNCH
            )
    return y


def back_project(y: Tensor, views: Tensor, rays: tuple[Tensor, ...], size: tuple[int, int]) -> Tensor:
    """Return images ``(…, H, W)`` of sinograms ``(…, V, D)``: the adjoint of :func:`project`.

    Parameters
    ----------
    y
        Sinograms on the device.
    views
        Source, bin 0 and step from bin to bin of every view, in pixels, ``(V, 6)`` float64.
    rays
        ``at``, ``slope``, ``length``, all ``(V, D)`` float64, and whether a ray crosses the rows, int8.
    size
        Rows and columns of the images.
    """
    y, lead = y.contiguous(), y.shape[:-2]
    x = y.new_empty(*lead, *size)
    rows, columns = size
    if x.numel():
        with torch.cuda.device_of(y):
            _back_project[(lead.numel() * rows * triton.cdiv(columns, BLOCK),)](
                y, x, views, *rays, rows, columns, *rays[0].shape, BLOCK=BLOCK, **LAUNCH
            )
    return x


@triton.jit
def _project(x, y, at, slope, length, upright, rows, columns, longest, rays, BLOCK: tl.constexpr):
    chunks = tl.cdiv(rays, BLOCK)
    plane = (tl.program_id(0) // chunks).to(tl.int64)
    ray = tl.program_id(0) % chunks * BLOCK + tl.arange(0, BLOCK)
    mine = ray < rays
    a, c = tl.load(at + ray, mask=mine, other=0.0), tl.load(slope + ray, mask=mine, other=0.0)
    stands = tl.load(upright + ray, mask=mine, other=0) != 0
    count, width = tl.where(stands, rows, columns), tl.where(stands, columns, rows)
    down, along = tl.where(stands, columns, 1), tl.where(stands, 1, columns)

    image = x + plane * rows * columns
    total = tl.zeros([BLOCK], x.dtype.element_ty)
    for i in range(longest):
        u = a + c * i
        low = tl.floor(u)
        column = tl.minimum(tl.maximum(low, -2.0), width + 0.0).to(tl.int32)
        place = image + i * down + column * along
        inside = mine & (i < count)
        left = tl.load(place, mask=inside & (column >= 0) & (column < width), other=0.0)
        right = tl.load(place + along, mask=inside & (column >= -1) & (column < width - 1), other=0.0)
        total += share(u, low).to(total.dtype) * left + share(u, low + 1).to(total.dtype) * right
    scale = tl.load(length + ray, mask=mine, other=0.0).to(total.dtype)
    tl.store(y + plane * rays + ray, scale * total, mask=mine)


@triton.jit
def _back_project(y, x, table, at, slope, length, upright, rows, columns, views, bins, BLOCK: tl.constexpr):
    chunks = tl.cdiv(columns, BLOCK)
    row = tl.program_id(0) // chunks % rows
    plane = (tl.program_id(0) // chunks // rows).to(tl.int64)
    column = tl.program_id(0) % chunks * BLOCK + tl.arange(0, BLOCK)
    pixel = tl.minimum(column, columns - 1)

    sinogram = y + plane * views * bins
    total = tl.zeros([BLOCK], y.dtype.element_ty)
    for view in range(views):
        first, last = bins_near(table + 6 * view, pixel, row, bins)
        for tap in range((tl.max(last - first, 0) + 1).to(tl.int32)):
            mine = first + tap <= last
            ray = view * bins + (first + tap).to(tl.int32)
            a, c = tl.load(at + ray, mask=mine, other=0.0), tl.load(slope + ray, mask=mine, other=0.0)
            stands = tl.load(upright + ray, mask=mine, other=0) != 0
            i, j = tl.where(stands, row, pixel), tl.where(stands, pixel, row)
            scale = tl.load(length + ray, mask=mine, other=0.0).to(total.dtype)
            value = scale * tl.load(sinogram + ray, mask=mine, other=0.0)
            total += share(a + c * i, j).to(total.dtype) * value
    tl.store(x + (plane * rows + row) * columns + column, total, mask=column < columns)


@triton.jit
def bins_near(view, column, row, bins):
    """Return the first and last bin whose ray may pass within one pixel of a pixel, along its row or column.

    With d = pixel − source, f = bin 0 − source, p the step from bin to bin, and × the cross product, the ray
    through the pixel meets the detector in bin v = (f × d)/(d × p). A step e to a neighbour moves v by
    (f × p)(e × d)/((d × p)((d + e) × p)); ``reach`` is no less for any of the four. Where the source's own
    line parallel to the detector may pass between pixel and neighbour, all bins are near.
    """
    source_column, source_row = tl.load(view), tl.load(view + 1)
    f_column, f_row = tl.load(view + 2) - source_column, tl.load(view + 3) - source_row
    p_column, p_row = tl.load(view + 4), tl.load(view + 5)
    d_column, d_row = column - source_column, row - source_row
    depth = d_column * p_row - d_row * p_column
    least = tl.abs(depth) - tl.maximum(tl.abs(p_column), tl.abs(p_row))
    near = least > 0
    v = (f_column * d_row - f_row * d_column) / tl.where(near, depth, 1.0)
    fan = tl.abs(f_column * p_row - f_row * p_column)
    across = tl.maximum(tl.abs(d_column), tl.abs(d_row))
    reach = fan * across / tl.where(near, tl.abs(depth) * least, 1.0) + SLACK
    first = tl.where(near, tl.maximum(tl.ceil(v - reach), 0.0), 0.0)
    last = tl.where(near, tl.minimum(tl.floor(v + reach), bins - 1.0), bins - 1.0)
    return first, last
