"""Fast gradient projection on the dual of total variation, compiled: one sweep over memory per iteration.

Eager torch passes over memory some thirteen times per iteration, and the loop is bound by memory.
"""

from __future__ import annotations

import ctypes
import math
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wellposed.native import NativeCode

__all__ = ["CODE", "CompiledDual", "applies"]

CODE = NativeCode(
    "optim",
    [Path(__file__).with_name("tv_dual.cpp")],
    version="wellposed_optim_tv_interface",
    interface=1,
    slowdown="some ten times slower",
)
_NAMES = {torch.float32: "f32", torch.float64: "f64"}


class _Shape(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_int64)
        for name in ("groups", "channels", "slices", "rows", "columns", "axes", "isotropic", "threads")
    )


def applies(z: Tensor, dims: int) -> bool:
    """Return whether the compiled loop takes ``z``: real images or volumes on the CPU, and a library."""
    known = z.device.type == "cpu" and z.dtype in _NAMES and dims in (2, 3) and z.ndim >= dims + 2
    return known and z.numel() > 0 and CODE.load().library is not None


class CompiledDual:
    """In-place fast gradient projection for one batch; ``p``, ``(dims, *z.shape)``, is what it finds."""

    def __init__(self, z: Tensor, radius: Tensor, start: Tensor, *, isotropic: bool, vectorial: bool) -> None:
        self.z, self.radius = z.contiguous(), radius
        self.p, self.q, self.t = start.contiguous(), start.clone(), 1.0
        self.isotropic, self.vectorial = isotropic, vectorial
        dims = len(start)
        slices, *inner = z.shape[-dims:]
        rows, columns = (1, *inner) if dims == 2 else inner
        coupled = math.prod(z.shape[1:-dims]) if vectorial else 1
        groups = math.prod(z.shape[:-dims]) // coupled
        self._radii = radius.reshape(-1).to(z.dtype).repeat_interleave(groups // len(z)).contiguous()
        sizes = (groups, coupled, slices, rows, columns, dims, int(isotropic), torch.get_num_threads())
        self._shape = _Shape(*sizes)
        self._call = partial(_call, _NAMES[z.dtype])

    def advance(self, iterations: int) -> None:
        """Run ``iterations`` steps."""
        momenta = []
        for _ in range(iterations):
            t = (1 + math.sqrt(1 + 4 * self.t * self.t)) / 2
            momenta.append(1 + (self.t - 1) / t)
            self.t = t
        factors = (ctypes.c_double * iterations)(*momenta)
        tiny = ctypes.c_double(torch.finfo(self.z.dtype).tiny)
        self._call("", *self._arrays(), factors, ctypes.c_int64(iterations), tiny)

    def gap(self) -> Tensor:
        """Return the duality gap relative to the primal objective, per sample ``(B,)``."""
        sums = torch.zeros(self._shape.groups, 3, dtype=torch.float64)
        self._call("gap_", *self._arrays(), ctypes.c_void_p(sums.data_ptr()))
        tv, correlation, distance = sums.reshape(len(self.z), -1, 3).sum(1).unbind(1)
        penalty = self.radius.reshape(-1) * tv
        return (penalty - correlation) / (penalty + distance).clamp(min=torch.finfo(tv.dtype).tiny)

    def select(self, rows: Tensor) -> CompiledDual:
        """Return the same for some of the samples, where they stand."""
        options = {"isotropic": self.isotropic, "vectorial": self.vectorial}
        part = CompiledDual(self.z[rows], self.radius[rows], self.p[:, rows], **options)
        part.q, part.t = self.q[:, rows].contiguous(), self.t
        return part

    def _arrays(self) -> tuple[Any, ...]:
        pointers = (ctypes.c_void_p(t.data_ptr()) for t in (self.z, self._radii, self.p, self.q))
        return (*pointers, ctypes.byref(self._shape))


def _call(suffix: str, which: str, *arguments: Any) -> None:
    library = CODE.load().library
    assert library is not None, "applies() says so first"
    if getattr(library, f"wellposed_optim_tv_{which}{suffix}")(*arguments):
        raise MemoryError("no memory for two slices of the total variation's image.")
