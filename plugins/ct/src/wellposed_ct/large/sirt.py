"""SIRT on volumes that do not fit memory: slabs on disk, projections a few views at a time.

The projection of a volume is the sum of those of its slabs, so an update needs one pass over the views:
project all slabs, compare, project the difference back onto each slab. Volume, update and weights stay in
files; ranks of ``torch.distributed`` own slabs and add up their projections.
"""

from __future__ import annotations

import tempfile
from os import PathLike
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_ct.geometry.space import Scan
from wellposed_ct.large.arrays import Source, create, opened
from wellposed_ct.large.sharing import is_first, share, wait
from wellposed_ct.large.slabs import PADDING, check_projections, ranges
from wellposed_ct.methods.sirt import safe_inverse
from wellposed_ct.projectors.cone import ConeBeam, ParallelBeam3D

__all__ = ["sirt_slabs"]


def sirt_slabs(
    projections: Source,
    scan: Scan,
    out: str | PathLike[str],
    iterations: int = 20,
    relaxation: float = 1.0,
    non_negative: bool = True,
    memory_bytes: float = 2e9,
) -> None:
    """Reconstruct by ``ct.sirt`` slab by slab into a ``.npy`` file ``(D, H, W)``, float32.

    Takes any scan in space: helices, laminography, arbitrary vectors. The result is that of ``ct.sirt`` on
    the whole, to rounding. Where ``torch.distributed`` is initialised, its ranks share the slabs; they must
    see the same files.

    Parameters
    ----------
    projections
        ``(views, rows, columns)`` nepers: an array (also one mapped from disk), or the path of a ``.npy``
        file.
    scan
        A :class:`~wellposed_ct.geometry.ConeGeometry` or vectors.
    out
        The file, made anew; beside it, two more of the volume's size and one of the projections' size live
        while this runs.
    iterations, relaxation, non_negative
        As in :class:`~wellposed_ct.SIRT`.
    memory_bytes
        What a process may use, about, beyond what it holds already; mapped files do not count.

    Raises
    ------
    ParameterError
        Projections are not those of the scan, or not even one slice and one view fit the memory.
    """
    if iterations < 1 or not 0 < relaxation < 2:
        raise ParameterError(
            f"iterations = {iterations} must be ≥ 1 and relaxation = {relaxation} in (0, 2)."
        )
    check_projections(projections, scan)
    slabs, views = _parts(scan, memory_bytes)
    with tempfile.TemporaryDirectory(dir=Path(out).parent) as own:
        folder = Path(_everyones(own))
        files = {name: folder / f"{name}.npy" for name in ("update", "voxels", "rays")}
        if is_first():
            for path in (Path(out), files["update"], files["voxels"]):
                create(path, scan.size)
            create(files["rays"], (scan.views, *scan.detector))
        wait()
        sweep = _Sweep(scan, share(slabs), views, files, Path(out))
        sweep.weigh()
        for _ in range(iterations):
            sweep.update(opened(projections), relaxation, non_negative)
        wait()


@attrs.frozen
class _Sweep:
    """Passes over the views: slabs of this rank, ranges of views, and where everything is."""

    scan: Any
    slabs: list[tuple[int, int]]
    views: list[tuple[int, int]]
    files: dict[str, Path]
    out: Path

    def weigh(self) -> None:
        """Write 1/A1 and 1/A*1, and 0 where nothing is seen."""
        rays, voxels = opened(self.files["rays"], "r+"), opened(self.files["voxels"], "r+")
        for views in self.views:
            seen = self._sum(views, lambda a, b: torch.ones(b - a, *self.scan.size[1:]))
            if is_first():
                rays[slice(*views)] = safe_inverse(seen[None])[0].numpy()
            for slab in self.slabs:
                back = self._operator(slab, views).A_adjoint(torch.ones_like(seen)[None, None])
                voxels[slice(*slab)] += back[0, 0].numpy()
        for slab in self.slabs:
            sums = torch.from_numpy(np.array(voxels[slice(*slab)]))
            voxels[slice(*slab)] = safe_inverse(sums[None])[0].numpy()
        wait()

    def update(self, y: Any, relaxation: float, non_negative: bool) -> None:
        """Make one iteration."""
        x, update = opened(self.out, "r+"), opened(self.files["update"], "r+")
        rays, voxels = opened(self.files["rays"]), opened(self.files["voxels"])
        for slab in self.slabs:
            update[slice(*slab)] = 0
        for views in self.views:
            projected = self._sum(views, lambda a, b: torch.from_numpy(np.array(x[a:b])))
            seen = np.array(rays[slice(*views)]) * (
                np.asarray(y[slice(*views)], np.float32) - projected.numpy()
            )
            for slab in self.slabs:
                back = self._operator(slab, views).A_adjoint(torch.from_numpy(seen)[None, None])
                update[slice(*slab)] += back[0, 0].numpy()
        for slab in self.slabs:
            chosen = slice(*slab)
            new = x[chosen] + relaxation * voxels[chosen] * update[chosen]
            x[chosen] = np.maximum(new, 0) if non_negative else new
        wait()

    def _sum(self, views: tuple[int, int], volume: Any) -> Tensor:
        """Return the projections of all slabs of all ranks, ``(views, rows, columns)``."""
        total = torch.zeros(views[1] - views[0], *self.scan.detector)
        for slab in self.slabs:
            total += self._operator(slab, views).A(volume(*slab)[None, None])[0, 0]
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(total)
        return total

    def _operator(self, slab: tuple[int, int], views: tuple[int, int]) -> Any:
        chosen = self.scan.as_vectors().slab(*slab).subset(slice(*views))
        return (ParallelBeam3D if chosen.parallel else ConeBeam).from_geometry(chosen)


def _parts(scan: Scan, memory_bytes: float) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return slabs and ranges of views, half of the memory for each."""
    depth, height, width = scan.size
    rows, columns = scan.detector
    slice_bytes, view_bytes = 4.0 * 3 * height * width, 4.0 * columns * (4 * rows + PADDING)
    padding = 4.0 * PADDING * (height + 2) * (width + 2)
    slices = int((memory_bytes / 2 - padding) / slice_bytes)
    views = int(memory_bytes / 2 / view_bytes)
    if slices < 1 or views < 1:
        raise ParameterError(
            f"memory_bytes = {memory_bytes:.3g} is less than the "
            f"{2 * max(padding + slice_bytes, view_bytes):.3g} that a single slice and view need."
        )
    return ranges(depth, -(-depth // slices)), ranges(scan.views, -(-scan.views // views))


def _everyones(own: str) -> str:
    """Return the first rank's folder."""
    if not (dist.is_available() and dist.is_initialized()):
        return own
    names: list[Any] = [own]
    dist.broadcast_object_list(names)
    return str(names[0])
