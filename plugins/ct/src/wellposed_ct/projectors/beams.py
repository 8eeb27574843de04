"""Rays in space as plain numbers: the compiled projector's table, and the same projector in pure torch.

A ray of column c and row r runs through P₀ + c·P₁ + r·P₂ along Q₀ + c·Q₁ + r·Q₂, in voxels: a source is a
constant P, parallel rays a constant Q. It is sampled where it crosses the slices of its main axis, each
sample being interpolated between four voxels (Joseph 1982, doi:10.1109/TMI.1982.4307572).
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import attrs
import numpy as np
import torch
from torch import Tensor

from wellposed_ct.projectors.calibration import everything
from wellposed_ct.projectors.native import LEVELS, native
from wellposed_ct.projectors.precision import doubles

__all__ = ["Beams", "Shape3", "view_table"]

ENTRIES = 2**22
"""Largest temporary of the torch path, in numbers."""

OTHERS = ((1, 0, 0), (2, 2, 1))
"""The two axes beside the main axis x, y or z."""

KERNELS = {torch.float32: "wellposed_ct_cone_f32", torch.float64: "wellposed_ct_cone_f64"}
VIEW = np.dtype([("rays", np.float64, 18), ("starts", np.int64)])


class Shape3(ctypes.Structure):
    """Sizes, as the kernels take them."""

    _fields_ = (
        *((n, ctypes.c_int64) for n in ("planes", "depth", "height", "width", "views", "rows", "columns")),
        ("voxel", ctypes.c_double * 3),
        ("threads", ctypes.c_int),
    )


def view_table(
    vectors: Tensor,
    size: tuple[int, int, int],
    detector: tuple[int, int],
    voxel_mm: tuple[float, float, float],
    centre_mm: Tensor,
    parallel: bool,
) -> Tensor:
    """Return P and Q of every view in voxels, ``(V, 2, 3, 3)``: (P or Q, constant / column / row, x y z)."""
    vectors = doubles(vectors)
    flip = vectors.new_tensor([1.0, -1.0, 1.0]) / vectors.new_tensor(voxel_mm[::-1])
    middle = vectors.new_tensor([(n - 1) / 2 for n in size[::-1]])
    first, panel, u, v = vectors.reshape(-1, 4, 3).unbind(1)
    rows, columns = detector
    corner = panel - (columns - 1) / 2 * u - (rows - 1) / 2 * v
    start = ((corner if parallel else first) - centre_mm.to(vectors)) * flip + middle
    still, moving = (torch.zeros_like(u), torch.zeros_like(u)), (u * flip, v * flip)
    if parallel:
        rays = (start, *moving, first * flip, *still)
    else:
        rays = (start, *still, (corner - first) * flip, *moving)
    return torch.stack(rays, 1).reshape(-1, 2, 3, 3)


@attrs.frozen(eq=False)
class Beams:
    """All rays of a scan: ``views`` ``(V, 2, 3, 3)`` float64, see the module."""

    views: Tensor
    size: tuple[int, int, int]
    detector: tuple[int, int]
    voxel_mm: tuple[float, float, float]
    parallel: bool
    backend: str = "auto"
    interpolate: bool = False

    def run(self, data: Tensor, back: bool) -> Tensor:
        """Return the projection of volumes ``(…, D, H, W)``, or the back-projection of ``(…, V, R, C)``."""
        if self.is_compiled(data):
            return self.compiled(data, int(back))
        return self.back_project(data) if back else self.project(data)

    def is_compiled(self, data: Tensor) -> bool:
        """Whether the compiled code takes such data."""
        here = self.backend in LEVELS and data.device.type == "cpu" and data.dtype in KERNELS
        return here and native().library is not None

    def compiled(self, data: Tensor, task: int) -> Tensor:
        """Return what the compiled code makes: task 0 projects, 1 back-projects, 2 smears (FDK)."""
        lead, data = data.shape[:-3], data.contiguous()
        table = np.zeros(len(self.views), VIEW)
        table["rays"] = everything(self.views.flatten(1).cpu()).numpy()
        table["starts"] = not self.parallel
        out = data.new_empty(*lead, *(self.size if task else (len(table), *self.detector)))
        voxel = (ctypes.c_double * 3)(*self.voxel_mm[::-1])
        sizes = (lead.numel(), *self.size, len(table), *self.detector)
        shape = Shape3(*sizes, voxel, torch.get_num_threads())
        failed = getattr(native().library, KERNELS[data.dtype])(
            task,
            ctypes.c_void_p(data.data_ptr()),
            ctypes.c_void_p(out.data_ptr()),
            ctypes.byref(shape),
            ctypes.c_void_p(table.ctypes.data),
            LEVELS[self.backend],
        )
        if failed:
            raise MemoryError(f"no memory for the padded copies of {tuple(data.shape)} {data.dtype}.")
        return out

    def project(self, x: Tensor) -> Tensor:
        """Project in pure torch, differentiable in ``x`` and in ``views``."""
        flat = x.reshape(-1, *self.size)
        padded = torch.nn.functional.pad(flat, (2,) * 6).flatten(1)
        values = []
        for rays, _ in self._rays(len(flat), x.device):
            total = flat.new_zeros(len(flat), len(rays.length))
            for place, weight in rays.corners(self.size):
                total = total + (padded[:, place] * weight.to(x.dtype)).sum(-1)
            values.append(total * rays.length.to(x.dtype))
        return torch.cat(values, 1).reshape(*x.shape[:-3], -1, *self.detector)

    def back_project(self, y: Tensor) -> Tensor:
        """Return the adjoint of :meth:`project` in pure torch, differentiable alike."""
        flat = y.reshape(-1, len(self.views) * self.detector[0] * self.detector[1])
        depth, height, width = self.size
        total = flat.new_zeros(len(flat), (depth + 4) * (height + 4) * (width + 4))
        for rays, where in self._rays(len(flat), y.device):
            values = (flat[:, where] * rays.length.to(y.dtype))[..., None]
            # sample by sample and in order: the same sum for any number of threads
            for place, weight in rays.corners(self.size):
                index = place.flatten().expand(len(flat), -1)
                total = total.scatter_add(1, index, (values * weight.to(y.dtype)).flatten(1))
        volume = total.reshape(-1, depth + 4, height + 4, width + 4)[:, 2:-2, 2:-2, 2:-2]
        return volume.reshape(*y.shape[:-3], *self.size)

    def _rays(self, batch: int, device: torch.device) -> Iterator[tuple[_Rays, slice]]:
        """Yield rays few enough for the temporaries to stay small, and which of all rays they are."""
        rows, columns = self.detector
        c = torch.arange(columns, dtype=torch.float64, device=device).repeat(rows)[:, None]
        r = torch.arange(rows, dtype=torch.float64, device=device).repeat_interleave(columns)[:, None]
        each = max(1, ENTRIES // (batch * max(self.size)))
        for number, view in enumerate(self.views.to(device).unbind()):
            p, q = (m[0] + c * m[1] + r * m[2] for m in view)
            for begin in range(0, len(p), each):
                some = slice(begin, min(begin + each, len(p)))
                where = slice(number * len(p) + some.start, number * len(p) + some.stop)
                yield _trace(p[some], q[some], self.voxel_mm, self.parallel), where


@attrs.frozen(eq=False)
class _Rays:
    """Rays: ``start, slope`` ``(K, 3)``; ``main`` axis, mm per slice ``length`` and all else ``(K,)``."""

    main: Tensor
    start: Tensor
    slope: Tensor
    length: Tensor
    after: Tensor
    before: Tensor

    def corners(self, size: tuple[int, int, int]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the four voxels around every crossing, in a volume padded by two, and their weights."""
        device = self.start.device
        extent = torch.tensor(size[::-1], device=device)
        strides = torch.tensor([1, size[2] + 4, (size[2] + 4) * (size[1] + 4)], device=device)
        count = extent[self.main]
        i = torch.arange(int(everything(count).amax()), device=device)
        inside = (i > self.after[:, None]) & (i < self.before[:, None]) & (i < count[:, None])
        place = (i.minimum(count[:, None]) + 2) * strides[self.main, None]
        pairs = []
        for other in OTHERS:
            a = torch.tensor(other, device=device)[self.main, None]
            at = self.start.gather(1, a) + self.slope.gather(1, a) * i
            low = torch.floor(at.detach())
            part = at - low
            left = (low.clamp(min=-2).minimum(extent[a]).to(torch.int64) + 2) * strides[a]
            pairs.append(((left, 1 - part), (left + strides[a], part)))
        for one, u in pairs[0]:
            for other_place, v in pairs[1]:
                yield place + one + other_place, u * v * inside


def _trace(p: Tensor, q: Tensor, voxel_mm: tuple[float, float, float], parallel: bool) -> _Rays:
    x, y, z = q.detach().abs().unbind(1)
    main = torch.where((y >= x) & (y >= z), 1, torch.where(x >= z, 0, 2))
    slope = q / q.gather(1, main[:, None])
    source = p.gather(1, main[:, None])
    voxel = torch.tensor(voxel_mm[::-1], dtype=torch.float64, device=p.device)
    length = torch.linalg.vector_norm(slope * voxel, dim=1)
    far = torch.full_like(length, float("inf"))
    forward, first = q.detach().gather(1, main[:, None])[:, 0] > 0, source.detach()[:, 0]
    after = far.neg() if parallel else torch.where(forward, first, -far)
    before = far if parallel else torch.where(forward, far, first)
    return _Rays(main, p - source * slope, slope, length, after, before)
