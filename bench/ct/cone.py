"""The cone beam against our own projector in the plane, crossing for crossing, float32.

No package has a cone beam with an exact adjoint on CPU. So the other side is our parallel beam on 512 × 512
pixels and 360 views, run as often as it takes to cross as many pixels as the rays of the cone cross slices
within the volume: the ratio is the one of the costs per ray and voxel. The agreement is the adjoint's defect.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.case import Case, Sides
from bench.ct.parallel import SIZE, VIEWS, angles, images, operator

CUBE, TURN, PANEL = 256, 180, 384


def cases() -> list[Case]:
    """Return A, A* and FDK on one thread and two."""
    return [
        Case(
            f"ct cone: {CUBE}³, {task}, {threads} {'thread' if threads == 1 else 'threads'}, per ray-voxel",
            "FDK" if task == "FDK" else "ConeBeam", f"our ParallelBeam, {'A' if task == 'A' else 'A*'}",
            partial(_cone, task), 2.0 if threads == 2 else None, threads=threads,
            note="as many crossings on both sides; the agreement is the adjoint's defect",
        )
        for threads in (1, 2)
        for task in ("A", "A*", "FDK")
    ]  # fmt: skip


@cache
def _scan() -> Any:
    from wellposed_ct import ConeBeam, ConeGeometry

    turn = np.arange(TURN) * 2 * np.pi / TURN
    geometry = ConeGeometry(turn, (CUBE,) * 3, 600.0, 900.0, (PANEL, PANEL), 1.2, 1.0)
    return ConeBeam.from_geometry(geometry)


def _cone(task: str) -> Sides:
    from wellposed_ct import FDK

    op, flat = _scan(), operator()
    x = op.domain.randn(1, torch.Generator().manual_seed(0))
    y, pixels = op.A(x), images(1)
    sinogram = flat.A(pixels)
    fdk = FDK()
    ours = {"A": lambda: op.A(x), "A*": lambda: op.A_adjoint(y), "FDK": lambda: fdk(y, op)}[task]
    once = (lambda: flat.A(pixels)) if task == "A" else (lambda: flat.A_adjoint(sinogram))
    times = round(space_crossings(op.geometry) / plane_crossings())
    return Sides(ours, partial(_repeat, once, times), _defect(op, x, y))


def _repeat(work: Callable[[], Tensor], times: int) -> Tensor:
    for _ in range(times - 1):
        work()
    return work()


def _defect(op: Any, x: Tensor, y: Tensor) -> float:
    back = op.A_adjoint(y)
    gap = (y.double() * y.double()).sum() - (x.double() * back.double()).sum()
    return float(gap.abs() / (x.double().norm() * back.double().norm()))


@cache
def plane_crossings() -> int:
    """Return how often a ray of the parallel beam crosses a row (or column) of pixels within the image."""
    places = np.arange(SIZE) - (SIZE - 1) / 2
    most = np.maximum(np.abs(np.cos(angles())), np.abs(np.sin(angles())))
    tilt = np.sqrt(1 - most**2)
    at = (places[None, :, None] - tilt[:, None, None] * places) / most[:, None, None]
    assert len(at) == VIEWS
    return int((np.abs(at) < (SIZE + 1) / 2).sum())


def space_crossings(geometry: Any) -> int:
    """Return the same for slices of a volume of unit voxels about the origin; rows run along z."""
    total = 0
    rows = np.arange(PANEL) - (PANEL - 1) / 2
    slices, edge = np.arange(CUBE) - (CUBE - 1) / 2, (CUBE + 1) / 2
    for source, middle, u, v in geometry.vectors().reshape(-1, 4, 3):
        rays = middle - source + rows[:, None] * u
        main = np.argmax(np.abs(rays[:, :2]), 1)
        for axis in (0, 1):
            q = rays[main == axis]
            t = (slices - source[axis]) / q[:, axis, None]
            across = source[1 - axis] + t * q[:, 1 - axis, None]
            height, step = source[2] + t * q[:, 2, None], t * v[2]
            first, last = ((side * edge - height) / step + (PANEL - 1) / 2 for side in (-1, 1))
            hit = np.clip(np.ceil(last), 0, PANEL) - np.clip(np.floor(first) + 1, 0, PANEL)
            total += int((hit * (np.abs(across) < edge)).sum())
    return total
