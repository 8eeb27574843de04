"""Joseph's projector in pure torch: for any device, and differentiable in the geometry.

The same formula as the compiled kernel, and gathers only, so that it is deterministic on every device. Angles
are worked on in groups whose temporaries stay small.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from wellposed_ct.projectors.crossings import Crossings, Grid

__all__ = ["back_project", "project"]

ENTRIES = 2**22
"""Largest temporary, in numbers."""


def project(x: Tensor, rays: Crossings, grid: Grid) -> Tensor:
    """Return line integrals ``(B, C, V, D)`` of images ``(B, C, H, W)``."""
    flat = x.reshape(-1, *x.shape[-2:])
    parts, places = [], []
    for upright in (True, False):
        chosen = (rays.upright == upright).nonzero().flatten()
        image = flat if upright else flat.mT
        for group in _groups(chosen, image.shape[0] * image.shape[-2] * grid.detectors):
            parts.append(_project(image, rays.pick(group), grid))
            places.append(group)
    order = torch.argsort(torch.cat(places))
    return torch.cat(parts, 1)[:, order].reshape(*x.shape[:-2], -1, grid.detectors)


def back_project(y: Tensor, rays: Crossings, grid: Grid, interpolate: bool = False) -> Tensor:
    """Return the exact adjoint of :func:`project`: images ``(B, C, H, W)`` of sinograms ``(B, C, V, D)``.

    With ``interpolate``, the sum over angles of the values between two bins where a pixel projects.
    """
    flat = y.reshape(-1, *y.shape[-2:])
    total = flat.new_zeros(flat.shape[0], grid.rows, grid.columns)
    for upright in (True, False):
        chosen = (rays.upright == upright).nonzero().flatten()
        rows, columns = (grid.rows, grid.columns) if upright else (grid.columns, grid.rows)
        for group in _groups(chosen, flat.shape[0] * rows * columns):
            image = _back_project(flat[:, group], rays.pick(group), rows, columns, interpolate)
            total = total + (image if upright else image.mT)
    return total.reshape(*y.shape[:-2], grid.rows, grid.columns)


def _groups(chosen: Tensor, each: int) -> Iterator[Tensor]:
    if len(chosen):
        yield from torch.split(chosen, max(1, ENTRIES // max(1, each)))


def _project(image: Tensor, rays: Crossings, grid: Grid) -> Tensor:
    """Return ``(N, n, D)`` of images ``(N, R, W)`` whose rows all n angles cross."""
    rows, width = image.shape[-2:]
    i, k = _counts(rows, image), _counts(grid.detectors, image)
    u = rays.A[:, None, None] + rays.C[:, None, None] * i[:, None] + rays.B[:, None, None] * k
    low = torch.floor(u.detach())
    w = (u - low).to(image.dtype)
    # two columns of zeros on both sides: what lies farther away is read from them
    padded = torch.nn.functional.pad(image, (2, 2)).flatten(1)
    place = low.clamp(-2, width).to(torch.int64) + 2 + (width + 4) * i.to(torch.int64)[:, None]
    left, right = padded[:, place], padded[:, place + 1]
    return (left + w * (right - left)).sum(2) * rays.L.to(image.dtype)[:, None]


def _back_project(y: Tensor, rays: Crossings, rows: int, width: int, interpolate: bool) -> Tensor:
    """Return ``(N, R, W)`` of views ``(N, n, D)`` that all cross the rows."""
    views, bins = y.shape[-2:]
    i, j = _counts(rows, y), _counts(width, y)
    step = 1 / rays.B[:, None, None]
    v = (j - rays.A[:, None, None] - rays.C[:, None, None] * i[:, None]) * step
    steepness = torch.ones_like(step) if interpolate else 1 / step.abs()
    reach = 1 / steepness.detach()
    first = torch.ceil(v.detach() - reach)
    scaled = y if interpolate else y * rays.L.to(y.dtype)[:, None]
    padded = torch.nn.functional.pad(scaled, (1, 1)).flatten(1)
    start = (bins + 2) * torch.arange(views, device=y.device)[:, None, None]
    total = y.new_zeros(y.shape[0], rows, width)
    for tap in range(math.floor(2 * float(reach.max())) + 1):
        k = first + tap
        weight = (1 - steepness * (k - v).abs()).clamp(min=0).to(y.dtype)
        place = k.clamp(-1, bins).to(torch.int64) + 1 + start
        total = total + (weight * padded[:, place]).sum(1)
    return total


def _counts(n: int, like: Tensor) -> Tensor:
    return torch.arange(n, device=like.device, dtype=torch.float64)
