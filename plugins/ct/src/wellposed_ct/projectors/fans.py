"""Fans of rays as one linear map with Joseph's weights: compiled where possible, else in pure torch."""

from __future__ import annotations

import ctypes

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wellposed_ct.projectors import gpu
from wellposed_ct.projectors.calibration import everything
from wellposed_ct.projectors.joseph import Shape, compiled

__all__ = ["Fans"]

ENTRIES = 2**22
"""Largest temporary of the torch path, in numbers."""


@attrs.frozen(eq=False)
class Fans:
    """Sources and detectors in pixels, columns to the right and rows downwards: ``views`` ``(V, 6)`` float64.

    A row holds source, bin 0, and the step from bin to bin, each as (column, row); or bins do not step but
    turn about the source, by ``arc`` radians from one to the next. With ``interpolate``,
    going back takes the value between two bins where a pixel projects, over its squared depth relative to
    that of the rotation ``axis``, as filtered back-projection wants it, and not the exact adjoint.
    """

    views: Tensor
    size: tuple[int, int]
    detectors: int
    pixel_mm: float
    backend: str = "auto"
    interpolate: bool = False
    axis: Tensor = attrs.field(factory=lambda: torch.zeros(2, dtype=torch.float64))
    arc: float = 0.0

    def run(self, data: Tensor, back: bool) -> Tensor:
        """Return the projection of images ``(…, H, W)``, or the back-projection of ``(…, V, D)``."""
        if self.interpolate:
            return self._smeared(data)
        if not self.arc and gpu.takes(data, self.backend):
            return self._on_gpu(data, back)
        size = self.size if back else (len(self.views), self.detectors)
        table, pixel = self._table(), ctypes.c_double(self.pixel_mm)
        out = compiled("fan", self.backend, data, size, self._shape(data), int(back), _address(table), pixel)
        if out is not None:
            return out
        return self.back_project(data) if back else self.project(data)

    def spread(self, image: Tensor) -> Tensor:
        """Return the transpose of back-projection by interpolation, which is no projection, in pure torch."""
        zero = image.new_zeros(*image.shape[:-2], len(self.views), self.detectors)
        result: Tensor = torch.func.vjp(self.smear, zero)[1](image)[0]
        return result

    def _on_gpu(self, data: Tensor, back: bool) -> Tensor:
        from wellposed_ct.projectors import triton_fan as kernels

        views = everything(self.views.to(data.device))
        (at, slope, over), (left_at, left_slope, along) = (self._rays(views, turn) for turn in (False, True))
        upright = over > 0
        rays = torch.where(upright, at, left_at), torch.where(upright, slope, left_slope), over + along
        if back:
            return kernels.back_project(data, views, (*rays, upright.to(torch.int8)), self.size)
        return kernels.project(data, (*rays, upright.to(torch.int8)), self.size)

    def _table(self) -> NDArray[np.float64]:
        views = everything(self.views.cpu()).numpy()
        return np.column_stack([views, np.full(len(views), self.arc)])

    def _shape(self, data: Tensor) -> Shape:
        sizes = (data.shape[:-2].numel(), *self.size, len(self.views), self.detectors)
        return Shape(*sizes, 0, torch.get_num_threads())

    def _smeared(self, data: Tensor) -> Tensor:
        table, axis = self._table(), (ctypes.c_double(c) for c in everything(self.axis).tolist())
        out = compiled("fan_smear", self.backend, data, self.size, self._shape(data), _address(table), *axis)
        return self.smear(data) if out is None else out

    def project(self, x: Tensor) -> Tensor:
        """Project in pure torch, differentiable in ``x`` and in ``views``."""
        flat = x.reshape(-1, *x.shape[-2:])
        each = max(1, ENTRIES // max(1, len(flat) * max(self.size) * self.detectors))
        parts = [self._project(flat, v) for v in torch.split(self.views.to(x.device), each)]
        return torch.cat(parts, 1).reshape(*x.shape[:-2], -1, self.detectors)

    def back_project(self, y: Tensor) -> Tensor:
        """Return the adjoint of :meth:`project` in pure torch, differentiable alike."""
        flat = y.reshape(-1, *y.shape[-2:])
        each = max(1, ENTRIES // max(1, len(flat) * max(self.size) * self.detectors))
        total = flat.new_zeros(len(flat), *self.size)
        for some, views in zip(
            torch.split(flat, each, 1), torch.split(self.views.to(y.device), each), strict=True
        ):
            for turn in (False, True):
                at, slope, length = self._rays(views, turn)
                image = _spread_along(
                    some * length.to(y.dtype), at, slope, self.size[::-1] if turn else self.size
                )
                total = total + (image.mT if turn else image)
        return total.reshape(*y.shape[:-2], *self.size)

    def smear(self, y: Tensor) -> Tensor:
        """Return the sum over views of values read between bins, over U²; differentiable in ``views``."""
        rows, columns = self.size
        i, j = (torch.arange(n, dtype=torch.float64, device=y.device) for n in self.size)
        flat = torch.nn.functional.pad(y.reshape(-1, *y.shape[-2:]), (1, 1))
        total = flat.new_zeros(len(flat), rows, columns)
        each = max(1, ENTRIES // max(1, len(flat) * rows * columns))
        for some, views in zip(
            torch.split(flat, each, 1), torch.split(self.views.to(y.device), each), strict=True
        ):
            v, u = self._shadow(views, i[:, None], j)
            low = torch.floor(v)
            w = (v - low).to(y.dtype)
            inside = ((low >= -1) & (low < self.detectors)).to(y.dtype)
            place = low.clamp(-1, self.detectors - 1).to(torch.int64) + 1
            place = place + some.shape[-1] * torch.arange(len(views), device=y.device)[:, None, None]
            left, right = some.flatten(1)[:, place], some.flatten(1)[:, place + 1]
            total = total + ((left + w * (right - left)) * (inside / u.to(y.dtype) ** 2)).sum(1)
        return total.reshape(*y.shape[:-2], rows, columns)

    def _shadow(self, views: Tensor, row: Tensor, column: Tensor) -> tuple[Tensor, Tensor]:
        """Return which bin the ray through a pixel meets, and the pixel's depth, that of the axis being 1.

        Depths are along the central ray where the detector is flat, and along the pixel's own where it is
        curved.
        """
        source, first, step = (views[:, i : i + 2, None, None] for i in (0, 2, 4))

        def cross(a: tuple[Tensor, Tensor], b: Tensor) -> Tensor:
            return a[0] * b[:, 1] - a[1] * b[:, 0]

        toward = column - source[:, 0], row - source[:, 1]
        axis = (self.axis[0] - source[:, 0], self.axis[1] - source[:, 1])
        if self.arc:
            start = first - source
            ahead = toward[0] * start[:, 0] + toward[1] * start[:, 1]
            turned = torch.atan2(-cross(toward, start), ahead)
            return turned / self.arc, torch.hypot(*toward) / torch.hypot(*axis)
        depth = cross(toward, step)
        return -cross(toward, first - source) / depth, depth / cross(axis, step)

    def _project(self, flat: Tensor, views: Tensor) -> Tensor:
        total = flat.new_zeros(flat.shape[0], len(views), self.detectors)
        for turn in (False, True):
            at, slope, length = self._rays(views, turn)
            total = total + _sum_along(flat.mT if turn else flat, at, slope) * length.to(flat.dtype)
        return total

    def _rays(self, views: Tensor, turn: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Return where rays are in row (or column) 0, how they go on, and mm per row, ``(n, D)``; else 0."""
        k = torch.arange(self.detectors, dtype=torch.float64, device=views.device)
        source, first, step = (views[:, None, i : i + 2] for i in (0, 2, 4))
        straight = first + k[:, None] * step - source
        x, y = straight[..., 0], straight[..., 1]
        cos, sin = torch.cos(k * self.arc), torch.sin(k * self.arc)
        column, row = cos * x - sin * y, sin * x + cos * y
        upright = (row.abs() >= column.abs()).detach()
        chosen = ~upright if turn else upright
        over, under = (row, column) if turn else (column, row)
        slope = torch.where(chosen, over, 0 * over) / torch.where(chosen, under, torch.ones_like(row))
        start, origin = (source[..., 1], source[..., 0]) if turn else (source[..., 0], source[..., 1])
        return start - origin * slope, slope, self.pixel_mm * torch.sqrt(1 + slope**2) * chosen


def _address(table: NDArray[np.float64]) -> ctypes.c_void_p:
    return ctypes.c_void_p(table.ctypes.data)


def _sum_along(image: Tensor, at: Tensor, slope: Tensor) -> Tensor:
    """Return ``(N, n, D)``: images ``(N, R, W)`` summed along columns ``at + i·slope`` of rows i."""
    place, w = _read(at, slope, *image.shape[-2:])
    padded = torch.nn.functional.pad(image, (2, 2)).flatten(1)
    left, right = padded[:, place], padded[:, place + 1]
    return (left + w.to(image.dtype) * (right - left)).sum(2)


def _spread_along(values: Tensor, at: Tensor, slope: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the adjoint of :func:`_sum_along`: images ``(N, R, W)`` of ``(N, n, D)``."""
    rows, width = size
    place, w = _read(at, slope, rows, width)
    parts = values[:, :, None] * w.to(values.dtype)
    total = values.new_zeros(len(values), rows * (width + 4))
    # sample by sample and in order: the same sum for any number of threads
    for index, part in ((place, values[:, :, None] - parts), (place + 1, parts)):
        total = total.scatter_add(1, index.flatten().expand(len(values), -1), part.flatten(1))
    return total.reshape(-1, rows, width + 4)[..., 2:-2]


def _read(at: Tensor, slope: Tensor, rows: int, width: int) -> tuple[Tensor, Tensor]:
    """Return which entry of flattened rows, padded by two zeros, lies left of each crossing, and how far."""
    i = torch.arange(rows, dtype=torch.float64, device=at.device)[:, None]
    u = at[:, None] + slope[:, None] * i
    low = torch.floor(u.detach())
    return low.clamp(-2, width).to(torch.int64) + 2 + (width + 4) * i.to(torch.int64), u - low
