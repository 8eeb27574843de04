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

from wellposed_ct.projectors.native import native
from wellposed_ct.projectors.precision import doubles

__all__ = ["Beams", "Shape3", "view_table"]

ENTRIES = 2**22
"""Largest temporary of the torch path, in numbers."""

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
        here = self.backend != "torch" and data.device.type == "cpu" and data.dtype in KERNELS
        return here and native().library is not None

    def compiled(self, data: Tensor, task: int) -> Tensor:
        """Return what the compiled code makes: task 0 projects, 1 back-projects, 2 smears (FDK)."""
        lead, data = data.shape[:-3], data.contiguous()
        table = np.zeros(len(self.views), VIEW)
        table["rays"] = self.views.detach().cpu().flatten(1).numpy()
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
            int(self.backend == "auto"),
        )
        if failed:
            raise MemoryError(f"no memory for the padded copies of {tuple(data.shape)} {data.dtype}.")
        return out

    def project(self, x: Tensor) -> Tensor:
        """Project in pure torch, differentiable in ``x`` and in ``views``."""
        flat = x.reshape(-1, *self.size)
        padded = torch.nn.functional.pad(flat, (2,) * 6).flatten(1)
        values, places = [], []
        for rays in self._rays(len(flat), x.device):
            total = flat.new_zeros(len(flat), len(rays.where))
            for place, weight in rays.corners(self.size):
                total = total + (padded[:, place] * weight.to(x.dtype)).sum(-1)
            values.append(total * rays.length.to(x.dtype))
            places.append(rays.where)
        order = torch.argsort(torch.cat(places))
        return torch.cat(values, 1)[:, order].reshape(*x.shape[:-3], -1, *self.detector)

    def back_project(self, y: Tensor) -> Tensor:
        """Return the adjoint of :meth:`project` in pure torch, differentiable alike."""
        flat = y.reshape(-1, len(self.views) * self.detector[0] * self.detector[1])
        depth, height, width = self.size
        total = flat.new_zeros(len(flat), (depth + 4) * (height + 4) * (width + 4))
        for rays in self._rays(len(flat), y.device):
            values = (flat[:, rays.where] * rays.length.to(y.dtype))[..., None]
            # sample by sample and in order: the same sum for any number of threads
            for place, weight in rays.corners(self.size):
                index = place.flatten().expand(len(flat), -1)
                total = total.scatter_add(1, index, (values * weight.to(y.dtype)).flatten(1))
        volume = total.reshape(-1, depth + 4, height + 4, width + 4)[:, 2:-2, 2:-2, 2:-2]
        return volume.reshape(*y.shape[:-3], *self.size)

    def _rays(self, batch: int, device: torch.device) -> Iterator[_Rays]:
        """Yield rays of one main axis at a time, few enough for the temporaries to stay small."""
        rows, columns = self.detector
        pixels = rows * columns
        views = self.views.to(device)
        for number in range(len(views)):
            c = torch.arange(columns, dtype=torch.float64, device=device).repeat(rows)[:, None]
            r = torch.arange(rows, dtype=torch.float64, device=device).repeat_interleave(columns)[:, None]
            p, q = (m[0] + c * m[1] + r * m[2] for m in views[number])
            x, y, z = q.detach().abs().unbind(1)
            main = torch.where((y >= x) & (y >= z), 1, torch.where(x >= z, 0, 2))
            for axis in (1, 0, 2):
                chosen = (main == axis).nonzero().flatten()
                for some in torch.split(chosen, max(1, ENTRIES // (batch * max(self.size)))):
                    if len(some):
                        yield _trace(
                            p[some], q[some], axis, self.voxel_mm, some + number * pixels, self.parallel
                        )


@attrs.frozen(eq=False)
class _Rays:
    """Rays that share a main axis: ``start, slope`` ``(K, 3)``, mm per slice ``length`` ``(K,)``."""

    axis: int
    start: Tensor
    slope: Tensor
    length: Tensor
    where: Tensor
    after: Tensor
    before: Tensor

    def corners(self, size: tuple[int, int, int]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the four voxels around every crossing, in a volume padded by two, and their weights."""
        extent = size[::-1]
        strides = (1, extent[0] + 4, (extent[0] + 4) * (extent[1] + 4))
        i = torch.arange(extent[self.axis], dtype=torch.float64, device=self.start.device)
        inside = (i > self.after[:, None]) & (i < self.before[:, None])
        place = ((i + 2) * strides[self.axis]).to(torch.int64)
        pairs = []
        for a in (n for n in range(3) if n != self.axis):
            at = self.start[:, a, None] + self.slope[:, a, None] * i
            low = torch.floor(at.detach())
            part = at - low
            left = (low.clamp(-2, extent[a]).to(torch.int64) + 2) * strides[a]
            pairs.append(((left, 1 - part), (left + strides[a], part)))
        for one, u in pairs[0]:
            for other, v in pairs[1]:
                yield place + one + other, u * v * inside


def _trace(
    p: Tensor, q: Tensor, axis: int, voxel_mm: tuple[float, float, float], where: Tensor, parallel: bool
) -> _Rays:
    ahead = q[:, axis, None]
    slope = q / ahead
    start = p - p[:, axis, None] * slope
    voxel = torch.tensor(voxel_mm[::-1], dtype=torch.float64, device=p.device)
    length = torch.linalg.vector_norm(slope * voxel, dim=1)
    far = torch.full_like(length, float("inf"))
    source, forward = p[:, axis].detach(), q[:, axis] > 0
    after = far.neg() if parallel else torch.where(forward, source, -far)
    before = far if parallel else torch.where(forward, far, source)
    return _Rays(axis, start, slope, length, where, after, before)
