"""``ct.fan``: line integrals from a point source to a flat detector, exactly adjoint."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import ClassVar

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.operators import LinearOperator
from wellposed.spaces import AnySpace, Space
from wellposed_ct.geometry.fan import FanGeometry
from wellposed_ct.projectors.joseph import BACKENDS, Backend, Shape, apply, compiled
from wellposed_ct.projectors.parallel import image_space, real_vector

__all__ = ["FanBeam", "Fans"]

ENTRIES = 2**22
"""Largest temporary of the torch path, in numbers."""


@attrs.frozen(eq=False)
class Fans:
    """Sources and detectors in pixels, columns to the right and rows downwards: ``views`` ``(V, 6)`` float64.

    A row holds source, bin 0, and the step from bin to bin, each as (column, row). With ``interpolate``,
    going back takes the value between two bins where a pixel projects, over its squared depth relative to
    that of the rotation ``axis``, as filtered back-projection wants it, and not the exact adjoint.
    """

    views: Tensor
    size: tuple[int, int]
    detectors: int
    pixel_mm: float
    backend: str = "auto"
    interpolate: bool = False
    axis: tuple[float, float] = (0.0, 0.0)

    def run(self, data: Tensor, back: bool) -> Tensor:
        """Return the projection of images ``(…, H, W)``, or the back-projection of ``(…, V, D)``."""
        if self.interpolate:
            return self._smeared(data)
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

    def _table(self) -> NDArray[np.float64]:
        return np.ascontiguousarray(self.views.detach().cpu().numpy())

    def _shape(self, data: Tensor) -> Shape:
        sizes = (data.shape[:-2].numel(), *self.size, len(self.views), self.detectors)
        return Shape(*sizes, 0, torch.get_num_threads())

    def _smeared(self, data: Tensor) -> Tensor:
        table, axis = self._table(), (ctypes.c_double(c) for c in self.axis)
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
        """Return the sum over views of values read between bins, over U²."""
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
        """Return which bin the ray through a pixel meets, and the pixel's depth, that of the axis being 1."""
        source, first, step = (views[:, i : i + 2, None, None] for i in (0, 2, 4))

        def cross(a: tuple[Tensor, Tensor], b: Tensor) -> Tensor:
            return a[0] * b[:, 1] - a[1] * b[:, 0]

        toward = column - source[:, 0], row - source[:, 1]
        depth = cross(toward, step)
        axis = (self.axis[0] - source[:, 0], self.axis[1] - source[:, 1])
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
        toward = first + k[:, None] * step - source
        column, row = toward[..., 0], toward[..., 1]
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


class FanBeam(LinearOperator):
    """Line integrals of images along a fan of rays per view, by Joseph's method; flat detector.

    Images ``(B, C, H, W)`` in 1/mm give sinograms ``(B, C, views, detectors)`` in nepers; conventions are
    those of :class:`~wellposed_ct.geometry.FanGeometry`. The adjoint is exact.

    Parameters
    ----------
    angles
        θ, radians, ``(views,)``. Differentiable, as are ``axis_mm`` and ``centre_mm`` (in pure torch).
    domain
        Space or shape ``(C, H, W)`` of the images; float32 unless the space says otherwise.
    source_axis_mm, source_detector_mm
        Distances from the source to the rotation axis and to the detector.
    detectors, detector_mm
        Number of bins, and their distance on the detector.
    pixel_mm
        Side of a pixel; by default that of a bin, seen from the source, at the rotation axis.
    axis_mm
        Where on the detector the rotation axis projects, from the detector's middle; a number, or one per
        view.
    centre_mm
        (x, y) of the image's middle, seen from the rotation axis.
    backend
        As in :class:`~wellposed_ct.projectors.parallel.ParallelBeam`.

    Raises
    ------
    ParameterError, SpaceError, DtypeError
        Impossible lengths or sizes, non-finite angles, or a domain that is not one of real images.
    """

    data_are_pictures: ClassVar[bool] = False
    angles: Tensor
    axis_mm: Tensor
    centre_mm: Tensor

    def __init__(
        self,
        angles: Tensor | Sequence[float],
        domain: AnySpace | tuple[int, ...],
        source_axis_mm: float,
        source_detector_mm: float,
        detectors: int,
        detector_mm: float,
        pixel_mm: float | None = None,
        axis_mm: float | Tensor = 0.0,
        centre_mm: Tensor | Sequence[float] = (0.0, 0.0),
        backend: Backend = "auto",
    ) -> None:
        space = image_space(domain, type(self).__name__)
        channels, *size = space.concrete_shape
        angles = real_vector("angles", angles)
        axis_mm = torch.as_tensor(axis_mm, dtype=None if isinstance(axis_mm, Tensor) else torch.float64)
        centre_mm = real_vector("centre_mm", centre_mm)
        if backend not in BACKENDS:
            raise ParameterError(f"backend = {backend!r} must be one of {', '.join(BACKENDS)}.")
        if axis_mm.ndim and axis_mm.shape != angles.shape:
            raise ParameterError(
                f"axis_mm has shape {tuple(axis_mm.shape)}, but must be a number or one per view, "
                f"{tuple(angles.shape)}."
            )
        lengths = (source_axis_mm, source_detector_mm, detectors, detector_mm, pixel_mm)
        geometry = FanGeometry(angles.tolist(), size, *lengths, 0.0, centre_mm.tolist())
        super().__init__(space, Space((channels, geometry.views, geometry.detectors), space.dtype))
        self.register_value("angles", angles)
        self.register_value("axis_mm", axis_mm)
        self.register_value("centre_mm", centre_mm)
        self.source_axis_mm, self.source_detector_mm = geometry.source_axis_mm, geometry.source_detector_mm
        self.detectors, self.detector_mm = geometry.detectors, geometry.detector_mm
        self.pixel_mm = geometry.pixel_mm
        self.backend: Backend = backend

    @classmethod
    def from_geometry(
        cls, geometry: FanGeometry, channels: int = 1, dtype: torch.dtype = torch.float32
    ) -> FanBeam:
        """Return the projector of a scan."""
        return cls(
            torch.tensor(geometry.angles, dtype=torch.float64),
            Space((channels, *geometry.size), dtype),
            geometry.source_axis_mm,
            geometry.source_detector_mm,
            geometry.detectors,
            geometry.detector_mm,
            geometry.pixel_mm,
            geometry.axis_mm,
            geometry.centre_mm,
        )

    @property
    def geometry(self) -> FanGeometry:
        """The scan as data; with one axis per view, their mean."""
        return FanGeometry(
            self.angles.tolist(),
            self._size,
            self.source_axis_mm,
            self.source_detector_mm,
            self.detectors,
            self.detector_mm,
            self.pixel_mm,
            float(self.axis_mm.detach().mean()),
            self.centre_mm.tolist(),
        )

    @property
    def _size(self) -> tuple[int, int]:
        assert isinstance(self.domain, Space)
        _, rows, columns = self.domain.concrete_shape
        return rows, columns

    def fans(self, interpolate: bool = False) -> Fans:
        """Return sources and detectors in pixels, differentiable in the geometry."""
        angles, axis, centre = (t.to(torch.float64) for t in (self.angles, self.axis_mm, self.centre_mm))
        cos, sin = torch.cos(angles), torch.sin(angles)
        across, ahead = torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)
        start = (-(self.detectors - 1) / 2 * self.detector_mm - axis).expand_as(angles)
        source = -self.source_axis_mm * ahead
        first = (self.source_detector_mm - self.source_axis_mm) * ahead + start[:, None] * across
        flip = torch.tensor([1.0, -1.0], dtype=torch.float64, device=angles.device) / self.pixel_mm
        middle = torch.tensor(
            [(n - 1) / 2 for n in self._size[::-1]], dtype=torch.float64, device=angles.device
        )
        points = [(p - centre) * flip + middle for p in (source, first)]
        views = torch.cat([*points, self.detector_mm * across * flip], 1)
        column, row = ((-centre.detach()) * flip + middle).tolist()
        sizes = (self._size, self.detectors, self.pixel_mm)
        return Fans(views, *sizes, self.backend, interpolate, (column, row))

    @property
    def _calibrates(self) -> bool:
        moving = self.angles.requires_grad or self.axis_mm.requires_grad or self.centre_mm.requires_grad
        return moving and torch.is_grad_enabled()

    def _forward(self, x: Tensor) -> Tensor:
        fans = self.fans()
        return fans.project(x) if self._calibrates else apply(x, fans, back=False)

    def _adjoint(self, y: Tensor) -> Tensor:
        fans = self.fans()
        return fans.back_project(y) if self._calibrates else apply(y, fans, back=True)
