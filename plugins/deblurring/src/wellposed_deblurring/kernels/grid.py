"""Pixel grids of kernels: centred, odd-sized, and sampled finely enough to integrate over pixels."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.random import streams


def odd_size(radius: float, size: int | None) -> int:
    """Return ``size``, or the odd size that covers ``±radius`` pixels; refuse an even one."""
    if size is None:
        return 2 * math.ceil(radius) + 1
    if size < 1 or size % 2 == 0:
        raise ParameterError(f"size={size} must be odd and positive, so that the kernel has a centre pixel.")
    return size


def coordinates(size: int, oversampling: int = 1) -> tuple[Tensor, Tensor]:
    """Return (row, column) offsets from the centre in pixels, ``oversampling`` points per pixel and axis."""
    n = size * oversampling
    axis = (torch.arange(n, dtype=torch.float64) - (n - 1) / 2) / oversampling
    rows, columns = torch.meshgrid(axis, axis, indexing="ij")
    return rows, columns


def integrate(fine: Tensor, oversampling: int) -> Tensor:
    """Return the kernel whose pixels average ``fine``, normalised to sum one, in float32."""
    pixels = torch.nn.functional.avg_pool2d(fine[None, None], oversampling)[0, 0]
    return (pixels / pixels.sum()).to(torch.float32)


def draw(
    make: Callable[[torch.Generator], Tensor], batch_size: int, generator: torch.Generator | None
) -> Mapping[str, Tensor]:
    """Return ``{"kernel": (B, 1, k, k)}``, one stream per sample."""
    return {"kernel": torch.stack([make(g)[None] for g in streams(generator, batch_size, "cpu")])}


def uniform(low: float, high: float, generator: torch.Generator) -> float:
    """Return one number uniform on [low, high)."""
    return low + (high - low) * float(torch.rand((), generator=generator, dtype=torch.float64))


def require_range(name: str, values: tuple[float, float], least: float) -> None:
    """Raise :class:`ParameterError` unless ``least ≤ low ≤ high``."""
    low, high = values
    if not least <= low <= high < math.inf:
        raise ParameterError(f"{name}={values} must be (low, high) with {least:g} ≤ low ≤ high.")
