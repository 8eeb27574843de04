"""Vectors as rows of real numbers, scalars as float64 on the host.

Every method here needs only real scalars, even for complex vectors: with a self-adjoint operator, or in
Golub–Kahan bidiagonalisation, all coefficients are real. So a vector of any structure becomes a few real
matrices, one row per sample, and the per-sample scalar recurrences run in double precision in NumPy, where a
small operation costs a fifth of a torch one. A batch of one has flat rows and NumPy scalars: no broadcasting.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from wellposed.errors import DtypeError, ParameterError, SpaceError
from wellposed.spaces import Vector
from wellposed.vectors import leaves

Rows: TypeAlias = "list[Tensor]"
Scalars: TypeAlias = Any
"""Float64 (or bool) per sample: a NumPy array ``(B,)``, or a NumPy scalar for a batch of one."""

# A BLAS dot per row in one call, from NumPy 2 on: eight rows of 16384 take 11 µs, torch's reduction, which
# writes the products to memory first, 23 µs, and eight calls 17 µs.
_VECDOT: Any = getattr(np, "vecdot", None)
_NUMPY = {torch.float32: np.float32, torch.float64: np.float64}


class Layout:
    """How a vector is cut into rows, and put together again."""

    def __init__(self, like: Vector) -> None:
        parts = leaves(like)
        _refuse_transforms(parts)
        for t in parts:
            if t.dtype not in (torch.float32, torch.float64, torch.complex64, torch.complex128):
                raise DtypeError(
                    f"Solvers work in float32, float64, complex64 or complex128, not {t.dtype}; "
                    "convert b (and the operator) with .to(torch.float32)."
                )
        if any(t.ndim == 0 or t.shape[0] != parts[0].shape[0] for t in parts):
            raise SpaceError(
                f"b has shapes {[tuple(t.shape) for t in parts]}, but needs one common batch as first axis."
            )
        self.batch = parts[0].shape[0]
        self.shapes = [t.shape for t in parts]
        self.dtypes = [t.dtype for t in parts]
        self.device = parts[0].device
        self.size = sum(math.prod(t.shape[1:]) * (2 if t.is_complex() else 1) for t in parts)
        self._template = like if isinstance(like, tuple) else None
        self._rows = (-1,) if self.batch == 1 else (self.batch, -1)

    def pack(self, x: Vector) -> Rows:
        """Return the rows of ``x``: views where possible."""
        return [self._row(t) for t in (leaves(x) if self._template is not None else (x,))]

    def _row(self, t: Any) -> Tensor:
        t = t.detach()
        if t.is_complex():
            t = torch.view_as_real(t.resolve_conj())
        # -1 is ambiguous where a sample has no entries.
        if not t.numel():
            empty: Tensor = t.reshape((0,) if self.batch == 1 else (self.batch, 0))
            return empty
        rows: Tensor = t.reshape(self._rows)
        return rows

    def unpack(self, rows: Rows) -> Vector:
        """Return the vector whose rows these are: views."""
        parts = [self._leaf(r, i) for i, r in enumerate(rows)]
        return parts[0] if self._template is None else self._rebuild(self._template, iter(parts))

    def _leaf(self, row: Tensor, i: int) -> Tensor:
        shape = self.shapes[i]
        if self.dtypes[i].is_complex:
            return torch.view_as_complex(row.view(*shape, 2))
        return row.view(shape)

    def _rebuild(self, template: Vector, parts: Any) -> Vector:
        if isinstance(template, Tensor):
            part: Tensor = next(parts)
            return part
        return tuple(self._rebuild(t, parts) for t in template)

    def rebuild(self, parts: tuple[Tensor, ...]) -> Vector:
        """Return the vector with these leaves."""
        return parts[0] if self._template is None else self._rebuild(self._template, iter(parts))

    def check(self, x: Vector, what: str) -> None:
        """Raise unless ``x`` has this layout; called once per solve, on the operator's first result."""
        try:
            parts = leaves(x)
        except TypeError:
            raise SpaceError(f"{what} is a {type(x).__name__}, not a tensor or a tuple of tensors.") from None
        _refuse_transforms(parts)
        shapes = [t.shape for t in parts]
        if shapes != self.shapes:
            raise SpaceError(
                f"{what} has shapes {[tuple(s) for s in shapes]}, but {[tuple(s) for s in self.shapes]} "
                "is expected: the operator and the right-hand side do not fit."
            )
        dtypes = [t.dtype for t in parts]
        if dtypes != self.dtypes:
            raise DtypeError(
                f"{what} has dtypes {dtypes}, but {self.dtypes} is expected; "
                "convert the right-hand side or the operator with .to(dtype)."
            )

    def row_shapes(self) -> list[tuple[tuple[int, ...], torch.dtype]]:
        """Return shape and dtype of every row matrix."""
        found: list[tuple[tuple[int, ...], torch.dtype]] = []
        for shape, dtype in zip(self.shapes, self.dtypes, strict=True):
            n = math.prod(shape[1:]) * (2 if dtype.is_complex else 1)
            found.append(((n,) if self.batch == 1 else (self.batch, n), dtype.to_real()))
        return found

    def per_sample(self, a: Scalars, dtype: torch.dtype | None = None) -> Tensor:
        """Return scalars as a tensor ``(B,)`` on the device of the vectors."""
        t = torch.from_numpy(np.array(a).reshape(self.batch))
        return t.to(self.device, dtype or t.dtype)


def _refuse_transforms(parts: tuple[Tensor, ...]) -> None:
    if any(torch._C._functorch.is_functorch_wrapped_tensor(t) for t in parts):
        raise ParameterError(
            "a solver met a tensor inside torch.func.grad or jvp, but stopping needs its numbers; "
            "use .backward() or torch.autograd.grad."
        )


def where(mask: Scalars, a: Scalars, b: Scalars) -> Scalars:
    """Return ``a`` where ``mask`` holds, else ``b``; a NumPy scalar for a batch of one."""
    chosen: Scalars = np.where(mask, a, b)
    return chosen[()]


def zeros(x: Rows) -> Rows:
    """Return zero rows."""
    return [torch.zeros_like(t, memory_format=torch.contiguous_format) for t in x]


def copy(x: Rows) -> Rows:
    """Return rows with memory of their own."""
    return [t.clone(memory_format=torch.contiguous_format) for t in x]


def dot(x: Rows, y: Rows) -> Scalars:
    """Return ⟨x, y⟩ per sample."""
    total = _dot(x[0], y[0])
    for a, b in zip(x[1:], y[1:], strict=True):
        total = total + _dot(a, b)
    return total


def _dot(a: Tensor, b: Tensor) -> Scalars:
    if a.ndim == 1:
        return np.float64(torch.dot(a, b).item())
    if not a.is_cpu:
        return torch.linalg.vecdot(a, b).cpu().numpy().astype(np.float64)
    p, q = a.numpy(), b.numpy()
    if _VECDOT is not None:
        return _VECDOT(p, q).astype(np.float64)
    return np.array([np.dot(s, t) for s, t in zip(p, q, strict=True)], dtype=np.float64)


def norm(x: Rows) -> Scalars:
    """Return ‖x‖ per sample."""
    return np.sqrt(dot(x, x))


def magnitude(x: Rows) -> Scalars:
    """Return a power of two near the largest entry per sample: 1 for zero, nan where not finite.

    Dividing by it is exact, and keeps squared norms from over- and underflowing.
    """
    most = largest(x)
    exponent = np.frexp(np.where(np.isfinite(most), most, 1.0))[1]
    power = np.where(most > 0, np.ldexp(1.0, exponent), 1.0)
    return where(np.isfinite(most), power, np.nan)


def largest(x: Rows) -> Scalars:
    """Return the largest absolute entry per sample."""
    most: Scalars = np.max([_largest(t) for t in x], axis=0)
    return most


def _largest(t: Tensor) -> Scalars:
    if t.shape[-1] == 0:
        return np.zeros(t.shape[:-1])[()]
    return t.abs().amax(dim=-1).cpu().numpy().astype(np.float64)[()]


def _coefficient(a: Scalars, like: Tensor) -> Tensor:
    # Converted in NumPy: every torch call here would cost as much as the whole conversion.
    c = torch.from_numpy(a.astype(_NUMPY[like.dtype])[:, None])
    return c if like.is_cpu else c.to(like.device)


def add_(y: Rows, a: Scalars, x: Rows) -> None:
    """Y ← y + a·x."""
    for s, t in zip(y, x, strict=True):
        if s.ndim == 1:
            s.add_(t, alpha=float(a))
        else:
            s.addcmul_(_coefficient(a, s), t)


def scale_add_(y: Rows, a: Scalars, x: Rows) -> None:
    """Y ← a·y + x."""
    for s, t in zip(y, x, strict=True):
        if s.ndim == 1:
            torch.add(t, s, alpha=float(a), out=s)
        else:
            torch.addcmul(t, _coefficient(a, s), s, out=s)


def scale_(y: Rows, a: Scalars) -> None:
    """Y ← a·y."""
    for s in y:
        s.mul_(float(a) if s.ndim == 1 else _coefficient(a, s))


def erase_(y: Rows, gone: Scalars) -> None:
    """Set the rows of the samples marked in ``gone`` to zero, whatever they hold."""
    for s in y:
        if s.ndim == 1:
            if bool(gone):
                s.zero_()
        else:
            s.masked_fill_(torch.from_numpy(gone).to(s.device).unsqueeze(1), 0)
