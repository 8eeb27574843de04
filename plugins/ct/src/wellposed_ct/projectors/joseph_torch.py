"""Joseph's projector in pure torch: for any device, and differentiable in the geometry.

The same formula as the compiled kernel, and gathers only, so that it is deterministic on every device. No
step depends on what the angles are, so ``torch.func.vmap`` maps over whole scans: rays along the rows read
from the transposed image, which lies behind the image. Angles are worked on in groups whose temporaries stay
small.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from wellposed_ct.projectors.crossings import Crossings, Grid

__all__ = ["back_project", "project"]

ENTRIES = 2**21
"""Largest temporary, in numbers."""


def project(x: Tensor, rays: Crossings, grid: Grid) -> Tensor:
    """Return line integrals ``(B, C, V, D)`` of images ``(B, C, H, W)``."""
    side = max(grid.rows, grid.columns)
    # two pixels of zeros on all sides: what lies farther away is read from them
    margins = (2, side - grid.columns + 2, 2, side - grid.rows + 2)
    square = torch.nn.functional.pad(x.reshape(-1, grid.rows, grid.columns), margins)
    both = torch.stack([square, square.mT], 1).flatten(1)
    groups = _groups(len(rays.A), len(both) * side * grid.detectors)
    parts = [_project(both, side, rays.pick(group), grid.detectors) for group in groups]
    return torch.cat(parts, 1).reshape(*x.shape[:-2], -1, grid.detectors)


def back_project(y: Tensor, rays: Crossings, grid: Grid, interpolate: bool = False) -> Tensor:
    """Return the exact adjoint of :func:`project`: images ``(B, C, H, W)`` of sinograms ``(B, C, V, D)``.

    With ``interpolate``, the sum over angles of the values between two bins where a pixel projects.
    """
    flat = y.reshape(-1, *y.shape[-2:])
    total = flat.new_zeros(len(flat), grid.rows, grid.columns)
    for group in _groups(len(rays.A), len(flat) * grid.rows * grid.columns):
        total = total + _back_project(flat[:, group], rays.pick(group), grid, interpolate)
    return total.reshape(*y.shape[:-2], grid.rows, grid.columns)


def _groups(views: int, each: int) -> Iterator[slice]:
    size = max(1, ENTRIES // max(1, each))
    return (slice(start, start + size) for start in range(0, views, size))


def _project(both: Tensor, side: int, rays: Crossings, detectors: int) -> Tensor:
    """Return ``(N, n, D)`` of padded square images, each followed by its transpose, that n angles cross."""
    rays = _wide(rays)
    i, k = _counts(side, both)[:, None], _counts(detectors, both)
    u = rays.A + rays.C * i + rays.B * k
    low = torch.floor(u.detach())
    w = (u - low).to(both.dtype)
    stride = side + 4
    start = torch.where(rays.upright, 0, stride**2) + (i.to(torch.int64) + 2) * stride + 2
    place = low.clamp(-2, side).to(torch.int64) + start
    left, right = both[:, place], both[:, place + 1]
    return (left + w * (right - left)).sum(2) * rays.L[:, 0].to(both.dtype)


def _back_project(y: Tensor, rays: Crossings, grid: Grid, interpolate: bool) -> Tensor:
    """Return ``(N, H, W)`` of views ``(N, n, D)``."""
    views, bins = y.shape[-2:]
    rays = _wide(rays)
    row, column = _counts(grid.rows, y)[:, None], _counts(grid.columns, y)
    step = 1 / rays.B
    down, right = torch.where(rays.upright, -rays.C, 1.0), torch.where(rays.upright, 1.0, -rays.C)
    v = (right * step) * column + ((down * row - rays.A) * step)
    steepness = torch.ones_like(step) if interpolate else 1 / step.abs()
    # 1/|B| is at most a pixel over a bin, whatever the angle: so many bins see a pixel
    farthest = 1.0 if interpolate else grid.pixel_mm / grid.detector_mm
    first = torch.ceil(v.detach() - 1 / steepness.detach())
    scaled = y if interpolate else y * rays.L[:, 0].to(y.dtype)
    padded = torch.nn.functional.pad(scaled, (1, 1)).flatten(1)
    start = (bins + 2) * torch.arange(views, device=y.device)[:, None, None]
    total = y.new_zeros(len(y), grid.rows, grid.columns)
    for tap in range(math.floor(2 * farthest) + 1):
        k = first + tap
        weight = (1 - steepness * (k - v).abs()).clamp(min=0).to(y.dtype)
        place = k.clamp(-1, bins).to(torch.int64) + 1 + start
        total = total + (weight * padded[:, place]).sum(1)
    return total


def _wide(rays: Crossings) -> Crossings:
    return rays.pick((slice(None), None, None))


def _counts(n: int, like: Tensor) -> Tensor:
    return torch.arange(n, device=like.device, dtype=torch.float64)
