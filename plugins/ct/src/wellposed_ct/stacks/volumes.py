"""Cone beams by methods that need the whole volume at once: in memory, or out of core where it does not fit.

Each slice of a cone beam's volume is seen along with others, so that only FDK goes slice by slice. SIRT keeps
its volume on disk, goes on after a kill, and gives the same within any memory; every other method is given
the whole scan, if that fits into the budget.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_ct.corrections import Centre, Chain
from wellposed_ct.files.scan import RawScan, as_panel
from wellposed_ct.geometry import ConeGeometry
from wellposed_ct.large import create, sirt_slabs
from wellposed_ct.methods import SIRT
from wellposed_ct.projectors import ConeBeam
from wellposed_ct.stacks.memory import rows_at_once

__all__ = ["bytes_whole", "corrected", "reconstruct_volume", "require_memory", "widened"]

COPIES_OF_DATA, COPIES_OF_VOLUME = 8, 14
"""Float32 copies of projections and volume that the hungriest method, total variation, keeps."""

Progress = Callable[[int, int], None]


def bytes_whole(cone: ConeGeometry) -> int:
    """Return what a method takes that is given the whole scan, bytes."""
    pixels = cone.views * cone.detector[0] * cone.detector[1]
    voxels = cone.size[0] * cone.size[1] * cone.size[2]
    return 4 * (COPIES_OF_DATA * pixels + COPIES_OF_VOLUME * voxels)


def require_memory(cone: ConeGeometry, method: Any, memory: int) -> None:
    """Raise :class:`ParameterError` where a method can neither go out of core nor fit into ``memory``."""
    needed = bytes_whole(cone)
    if not isinstance(method, SIRT) and needed > memory:
        raise ParameterError(
            f"{type(method).__name__} needs the whole cone beam in memory, about {needed / 2**30:.3g} GiB, "
            f"and the budget is {memory / 2**30:.3g} GiB; give more by --memory, make the volume smaller by "
            "--size and --pixel-mm, or use ct.fdk or ct.sirt, which go slab by slab."
        )


def reconstruct_volume(
    scan: RawScan, plan: Any, folder: Path, memory: int, progress: Progress | None = None
) -> NDArray[np.float32]:
    """Return the volume ``(D, H, W)`` of a cone beam; out of core it is mapped from ``folder``.

    ``folder`` holds what a killed run left, and what is needed until the output is written.
    """
    if not isinstance(plan.method, SIRT):
        return _in_memory(scan, plan)
    folder.mkdir(exist_ok=True)
    out = folder / "volume.npy"
    if not out.exists():
        projections = _staged(scan, plan, folder / "projections.npy", memory)
        columns = int(np.load(projections, mmap_mode="r").shape[-1])
        method = plan.method
        sirt_slabs(
            projections, widened(scan.cone, columns), out, method.iterations, method.relaxation,
            method.non_negative, memory, folder, progress,
        )  # fmt: skip
    found: NDArray[np.float32] = np.load(out, mmap_mode="r")
    return found


def corrected(scan: RawScan, plan: Any, start: int, stop: int) -> Tensor:
    """Return rows of a cone beam's panel, corrected, each as if it were a fan: ``(rows, 1, views, bins)``.

    Raises :class:`ParameterError` for a correction that moves the axis.
    """
    if any(isinstance(step, Centre) for step in plan.corrections):
        raise ParameterError(
            "ct.centre finds another axis for every few rows, and that of a cone beam is one for all; find "
            "it by --centre (centre=… of the plan)."
        )
    with torch.no_grad():
        y, _ = Chain(plan.corrections)(scan.nepers(start, stop), scan.physics())
    return y


def widened(scan: Any, columns: int) -> Any:
    """Return a scan in space whose panel has more columns, as many on either side."""
    return scan.replace(detector=(scan.detector[0], columns))


def _in_memory(scan: RawScan, plan: Any) -> NDArray[np.float32]:
    y = corrected(scan, plan, 0, scan.rows)
    with torch.no_grad():
        x = plan.method(as_panel(y), ConeBeam.from_geometry(widened(scan.cone, y.shape[-1])))
    found: NDArray[np.float32] = x[0, 0].to(torch.float32).cpu().numpy()
    return found


def _staged(scan: RawScan, plan: Any, path: Path, memory: int) -> Path:
    """Write the corrected projections ``(views, rows, columns)`` to ``path``, a few rows at a time."""
    if path.exists():
        return path
    rows, each = scan.rows, rows_at_once(scan.geometry, scan.rows, memory)
    partial, target = path.with_suffix(".partial"), None
    for first in range(0, rows, each):
        last = min(rows, first + each)
        panel = as_panel(corrected(scan, plan, first, last))[0, 0].numpy()
        if target is None:
            create(partial, (len(panel), rows, panel.shape[-1]))
            target = np.lib.format.open_memmap(partial, "r+")
        target[:, rows - last : rows - first] = panel
    assert target is not None
    target.flush()
    del target
    return partial.rename(path)
