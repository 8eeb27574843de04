"""One linear map with two implementations: compiled where possible, pure torch everywhere else.

Autograd sees a single node, whose derivative is its adjoint and whose adjoint's derivative is the map again,
so first and second derivatives, forward mode and ``vmap`` all run the fast code.
"""

from __future__ import annotations

import ctypes
from typing import Any, Literal, Protocol, get_args

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wellposed_ct.projectors import gpu
from wellposed_ct.projectors.calibration import everything
from wellposed_ct.projectors.crossings import Crossings, Grid
from wellposed_ct.projectors.joseph_torch import back_project, project
from wellposed_ct.projectors.native import LEVELS, native
from wellposed_ct.projectors.precision import in_doubles

__all__ = ["BACKENDS", "Backend", "Map", "Plan", "Shape", "TorchMap", "apply", "compiled"]

Backend = Literal["auto", "avx2", "portable", "torch"]
BACKENDS: tuple[Backend, ...] = get_args(Backend)

_TYPES = {torch.float32: "f32", torch.float64: "f64"}

_ANGLE = np.dtype(
    [(name, np.float64) for name in ("A", "B", "C", "L", "W")]
    + [(name, np.int64) for name in ("flip", "index")]
)


class Shape(ctypes.Structure):
    """Sizes, as the kernels take them."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("planes", "height", "width", "views", "bins", "upright")),
        ("threads", ctypes.c_int),
    )


def compiled(
    kernel: str, backend: str, data: Tensor, size: tuple[int, ...], shape: Shape, *arguments: Any
) -> Tensor | None:
    """Run ``wellposed_ct_<kernel>`` on ``data``; ``None`` where only torch can.

    Parameters
    ----------
    kernel
        Name without precision. The kernel takes data, result, ``shape``, ``arguments``, and the best
        instruction set to use.
    size
        The result's last axes.
    """
    if backend not in LEVELS or data.device.type != "cpu" or data.dtype not in _TYPES:
        return None
    library = native().library
    if library is None:
        return None
    data = data.contiguous()
    out = data.new_empty(*data.shape[:-2], *size)
    run = getattr(library, f"wellposed_ct_{kernel}_{_TYPES[data.dtype]}")
    pointers = ctypes.c_void_p(data.data_ptr()), ctypes.c_void_p(out.data_ptr())
    if run(*pointers, ctypes.byref(shape), *arguments, LEVELS[backend]):
        raise MemoryError(f"no memory for the padded copies of {tuple(data.shape)} {data.dtype}.")
    return out


class Map(Protocol):
    """A linear map and its adjoint, outside autograd."""

    @property
    def interpolate(self) -> bool:
        """Whether going back is no adjoint."""
        ...

    def run(self, data: Tensor, back: bool) -> Tensor:
        """Return the projection of images, or the back-projection of sinograms."""
        ...


class TorchMap(Map, Protocol):
    """A map with a torch path that is differentiable in the geometry."""

    def project(self, x: Tensor) -> Tensor:
        """Return the projection of images."""
        ...

    def back_project(self, y: Tensor) -> Tensor:
        """Return the back-projection of sinograms."""
        ...


class Smear(Map, Protocol):
    """A map that goes back by interpolation."""

    def spread(self, image: Tensor) -> Tensor:
        """Return the transpose of going back, which is not the projection."""
        ...


@attrs.frozen(eq=False)
class Plan:
    """What both implementations need: crossings ``rays``, and the same as the kernel's ``table``.

    With ``interpolate``, going back takes the value between two bins where a pixel projects, as filtered
    back-projection wants it, and not the exact adjoint.
    """

    rays: Crossings
    grid: Grid
    table: NDArray[Any]
    upright: int
    backend: str = "auto"
    interpolate: bool = False

    @classmethod
    def of(cls, rays: Crossings, grid: Grid, backend: str = "auto", interpolate: bool = False) -> Plan:
        """Sort angles by orientation, and flip detectors so that bins run along the columns."""
        rays = Crossings(*(everything(t) for t in (rays.A, rays.B, rays.C, rays.L, rays.upright)))
        # lists: within ``torch.func``, no tensor shows NumPy its memory
        a, b, c, length, upright = (
            np.array(t.tolist()) for t in (rays.A, rays.B, rays.C, rays.L, rays.upright)
        )
        order = np.argsort(~upright, kind="stable")
        flip = b < 0
        table = np.zeros(len(a), _ANGLE)
        table["A"] = np.where(flip, a + (grid.detectors - 1) * b, a)[order]
        table["B"], table["C"], table["L"] = np.abs(b)[order], c[order], length[order]
        table["W"] = table["B"]
        if interpolate:
            table["W"] = table["L"] = 1
        table["flip"], table["index"] = flip[order], order
        return cls(rays, grid, table, int(upright.sum()), backend, interpolate)

    def run(self, data: Tensor, back: bool) -> Tensor:
        """Return the projection of images, or the back-projection of sinograms, outside autograd."""
        if gpu.takes(data, self.backend):
            return self._on_gpu(data, back)
        grid, views = self.grid, len(self.table)
        size = (grid.rows, grid.columns) if back else (views, grid.detectors)
        sizes = (data.shape[:-2].numel(), grid.rows, grid.columns, views, grid.detectors)
        shape = Shape(*sizes, self.upright, torch.get_num_threads())
        table = ctypes.c_void_p(self.table.ctypes.data)
        out = compiled("joseph", self.backend, data, size, shape, int(back), table)
        if out is not None:
            return out
        rays = self._rays_on(data.device)
        if back:
            return back_project(data, rays, self.grid, self.interpolate)
        return project(data, rays, self.grid)

    def spread(self, image: Tensor) -> Tensor:
        """Return the transpose of back-projection by interpolation, which is no projection, in pure torch."""
        rays, grid = self._rays_on(image.device), self.grid
        zero = image.new_zeros(*image.shape[:-2], len(self.table), grid.detectors)
        pull = torch.func.vjp(lambda y: back_project(y, rays, grid, interpolate=True), zero)[1]
        result: Tensor = pull(image)[0]
        return result

    def _on_gpu(self, data: Tensor, back: bool) -> Tensor:
        from wellposed_ct.projectors import triton_parallel as kernels

        if back:
            steepest = float(self.table["B"].min())
            return kernels.back_project(data, self.rays, self.grid, steepest, self.interpolate)
        return kernels.project(data, self.rays, self.grid)

    def _rays_on(self, device: torch.device) -> Crossings:
        rays = self.rays
        return Crossings(*(t.to(device) for t in (rays.A, rays.B, rays.C, rays.L, rays.upright)))


class _Joseph(torch.autograd.Function):
    @staticmethod
    def forward(data: Tensor, plan: Map, back: bool) -> Tensor:
        return plan.run(data, back)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        _, ctx.plan, ctx.back = inputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        plan: Map = ctx.plan
        if plan.interpolate and ctx.back:
            smear: Smear = ctx.plan
            return smear.spread(gradients[0]), None, None
        return apply(gradients[0], plan, not ctx.back), None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        return apply(tangents[0], ctx.plan, ctx.back)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], data: Tensor, plan: Map, back: bool) -> tuple[Tensor, int]:
        return apply(data.movedim(in_dims[0], 0), plan, back), 0


def apply(data: Tensor, plan: Map, back: bool) -> Tensor:
    """Project images ``(…, H, W)``, or with ``back`` back-project sinograms ``(…, V, D)``."""
    return in_doubles(lambda data: _Joseph.apply(data, plan, back), data)  # type: ignore[no-untyped-call]
