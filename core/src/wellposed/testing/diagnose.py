"""Say what is wrong, not only that something is: two vectors that should agree, and the usual suspects.

The suspects, in the order in which they are questioned: another shape (axes swapped?), another dtype,
non-finite entries, a constant factor, a conjugate, a transposition, a flip, one wrong border. If none
confesses, the worst entry is named with both values.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from wellposed.spaces import Vector
from wellposed.vectors import leaves

RESEMBLES = 1e-6
"""Relative distance below which a suspect explains the difference."""


def double(t: Tensor) -> Tensor:
    """Return ``t`` in double precision on the CPU, real or complex as it is."""
    return t.detach().to("cpu", torch.complex128 if t.is_complex() else torch.float64)


def distance(got: Tensor, want: Tensor) -> float:
    """Return ‖got − want‖ / max(‖got‖, ‖want‖) in double precision, the largest norm of a batch counting."""
    a, b = double(got), double(want)
    scale = max(_norm(a), _norm(b))
    worst = _norm(a - b)
    return worst / scale if scale > 0 else worst


def size(x: Vector) -> Tensor:
    """Return ‖x‖₂ per sample in double precision; squares of tiny or huge entries do no harm."""
    flat = torch.cat([double(t).flatten(1) for t in leaves(x)], 1).abs()
    if flat.shape[1] == 0:
        return flat.new_zeros(len(flat))
    largest = flat.amax(1)
    usual = (largest > 0) & largest.isfinite()
    unit = torch.where(usual, largest, 1)
    norm: Tensor = unit * torch.linalg.vector_norm(flat / unit[:, None], dim=1)
    return norm


def mismatch(got: Vector, want: Vector, tolerance: float, *, dtype: bool = True) -> str | None:
    """Return a sentence on how ``got`` differs from ``want``; ``None`` when it does not."""
    parts, wanted = leaves(got), leaves(want)
    if len(parts) != len(wanted):
        return f"there are {len(parts)} tensors instead of {len(wanted)}"
    for i, (a, b) in enumerate(zip(parts, wanted, strict=True)):
        if (text := _mismatch(a, b, tolerance, dtype)) is not None:
            return text if len(parts) == 1 else f"in part {i}, {text}"
    return None


def _mismatch(got: Tensor, want: Tensor, tolerance: float, dtype: bool) -> str | None:
    if got.shape != want.shape:
        return f"the shape is {tuple(got.shape)} instead of {tuple(want.shape)}{_shape_suspect(got, want)}"
    if dtype and got.dtype != want.dtype:
        return f"the dtype is {got.dtype} instead of {want.dtype}"
    if not torch.equal(torch.isfinite(got), torch.isfinite(want)):
        return "some entries are not finite"
    finite = torch.isfinite(want)
    got, want = torch.where(finite, got, 0), torch.where(finite, want, 0)
    if (error := distance(got, want)) <= tolerance:
        return None
    return f"{suspect(got, want)} (relative difference {error:.1e}, allowed {tolerance:.1e})"


def suspect(got: Tensor, want: Tensor) -> str:
    """Return the best explanation of the difference of two tensors of one shape."""
    a, b = double(got), double(want)
    if alike(a, b):
        return (
            f"it agrees roughly, not to rounding: an approximation, or lower precision; {worst_entry(a, b)}"
        )
    explanations = (_scaled, _conjugated, _transposed, _flipped, _shifted, _bordered)
    for explain in explanations:
        if (text := explain(a, b)) is not None:
            return text
    return worst_entry(a, b)


def worst_entry(got: Tensor, want: Tensor) -> str:
    """Name the entry with the largest error, and both values."""
    flat = int((got - want).abs().argmax())
    index = tuple(int(i) for i in torch.unravel_index(torch.tensor(flat), got.shape))
    return f"worst entry {list(index)}: {_number(got[index])} instead of {_number(want[index])}"


def ratio(got: Tensor, want: Tensor) -> complex | None:
    """Return c when ``got = c·want`` with c ≠ 1, else ``None``."""
    a, b = double(got).flatten(), double(want).flatten()
    largest = float(b.abs().max()) if b.numel() else 0.0
    if not 0 < largest < float("inf"):
        return None
    a, b = a / largest, b / largest
    energy = float(torch.linalg.vecdot(b, b).real)
    if not bool(a.any()):
        return None
    c = complex(torch.linalg.vecdot(b, a)) / energy
    return (
        c
        if abs(c - 1) > RESEMBLES and float((a - c * b).norm()) <= RESEMBLES * abs(c) * energy**0.5
        else None
    )


def alike(got: Tensor, want: Tensor) -> bool:
    """Whether two tensors agree so well that one is an explanation of the other."""
    return got.shape == want.shape and distance(got, want) <= RESEMBLES


def number(c: complex) -> str:
    """Write a number briefly, without an imaginary part of rounding size."""
    return f"{c.real:.6g}" if abs(c.imag) <= RESEMBLES * abs(c) else f"{c:.6g}"


def _norm(t: Tensor) -> float:
    """Return the largest norm of a sample."""
    return float(size(t if t.ndim > 1 else t.reshape(-1, 1)).max()) if t.numel() else 0.0


def _number(t: Tensor) -> str:
    return number(complex(t))


def _shape_suspect(got: Tensor, want: Tensor) -> str:
    if got.ndim == want.ndim and sorted(got.shape) == sorted(want.shape):
        return ": axes are transposed"
    if got.ndim == want.ndim - 1 and got.shape == want.shape[1:]:
        return ": the batch axis was dropped"
    return ""


def _scaled(got: Tensor, want: Tensor) -> str | None:
    if _norm(got) == 0:
        return "it is all zero"
    c = ratio(got, want)
    return None if c is None else f"scaled by {number(c)}"


def _conjugated(got: Tensor, want: Tensor) -> str | None:
    return "it is the complex conjugate: a conj() is missing or too many" if alike(got, want.conj()) else None


def _transposed(got: Tensor, want: Tensor) -> str | None:
    for i, j in itertools.combinations(range(1, want.ndim), 2):
        if alike(got, want.transpose(i, j)):
            return f"axes {i} and {j} are transposed"
    return None


def _flipped(got: Tensor, want: Tensor) -> str | None:
    axes = range(1, want.ndim)
    for k in range(1, want.ndim):
        for dims in itertools.combinations(axes, k):
            if alike(got, want.flip(dims)):
                return f"it is flipped along axes {list(dims)}"
    return None


def _shifted(got: Tensor, want: Tensor) -> str | None:
    for axis in range(1, want.ndim):
        for step in (-1, 1):
            if alike(got, want.roll(step, axis)):
                return f"it is shifted by {step} along axis {axis}"
    return None


def _bordered(got: Tensor, want: Tensor) -> str | None:
    """Wrong on the border only: padding is the suspect (needs an interior that could be wrong as well)."""
    if want.ndim < 3 or min(want.shape[-2:]) < 3:
        return None
    error = (got - want).abs()
    wrong = (error > RESEMBLES * max(float(want.abs().max()), float(got.abs().max()))).flatten(0, -3).any(0)
    inner = wrong[1:-1, 1:-1]
    if not wrong.any() or inner.any():
        return None
    return f"only the border is wrong: look at the padding or boundary; {worst_entry(got, want)}"
