"""SIRT on volumes that do not fit memory: slabs on disk, projections a few views at a time.

The projection of a volume is the sum of those of its slabs, so an update needs one pass over the views:
project all slabs, compare, project the difference back onto each slab. Volumes and weights stay in files;
ranks of ``torch.distributed`` own slabs and add up their projections. Iterations go from one file of a volume
to another, so that a kill at any moment leaves the last one whole.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from wellposed.atomic import write_text
from wellposed.errors import ParameterError
from wellposed_ct.geometry.space import Scan
from wellposed_ct.large.arrays import Source, create, opened
from wellposed_ct.large.sharing import is_first, share, wait
from wellposed_ct.large.slabs import PADDING, check_projections, ranges
from wellposed_ct.methods.finite import require_convergence, require_finite
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
    folder: str | PathLike[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
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
    folder
        Where those files live, on the disk of ``out``. What a killed run left there is gone on with; it is
        empty in the end. By default a temporary folder.
    progress
        Called with the number of finished iterations and of all, on every rank.

    Raises
    ------
    ParameterError
        Projections are not those of the scan, not even one slice and one view fit the memory, or ``folder``
        holds a run of another scan or with other settings; or projections are not finite.
    ConvergenceError
        The iterates run away.
    """
    if iterations < 1 or not 0 < relaxation < 2:
        raise ParameterError(
            f"iterations = {iterations} must be ≥ 1 and relaxation = {relaxation} in (0, 2)."
        )
    check_projections(projections, scan)
    slabs, views = _parts(scan, memory_bytes)
    with _folder(out, folder) as own:
        state = _State(own, f"{fingerprint(scan)} relaxation {relaxation} non_negative {non_negative}")
        if is_first():
            state.begin(scan)
        wait()
        sweep = _Sweep(scan, share(slabs), views, state)
        done = state.done
        if done is None:
            sweep.weigh()
            done = state.finished(0)
        for number in range(done, iterations):
            if progress is not None:
                progress(number, iterations)
            sweep.update(opened(projections), relaxation, non_negative, number)
            state.finished(number + 1)
        if is_first():
            state.volume(iterations).replace(out)
            state.remove()
        wait()
        if progress is not None:
            progress(iterations, iterations)


@attrs.frozen
class _State:
    """The files of a run, and a note of how many iterations are in them.

    Volumes alternate: iteration k reads volume k mod 2 and writes the other.
    """

    folder: Path
    what: str

    @property
    def voxels(self) -> Path:
        """The file of 1/A*1."""
        return self.folder / "voxels.npy"

    @property
    def rays(self) -> Path:
        """The file of 1/A1."""
        return self.folder / "rays.npy"

    @property
    def note(self) -> Path:
        """The note."""
        return self.folder / "sirt.json"

    def volume(self, number: int) -> Path:
        """Return the file of the volume after ``number`` iterations."""
        return self.folder / f"volume{number % 2}.npy"

    @property
    def done(self) -> int | None:
        """How many iterations are finished; ``None`` where not even the weights are."""
        if not self.note.exists():
            return None
        told = json.loads(self.note.read_text("utf-8"))
        if told["what"] != self.what:
            raise ParameterError(
                f"{self.folder}: holds an unfinished run of {told['what']}, and this one is of {self.what}; "
                "remove the folder, or go on with the same settings."
            )
        return int(told["done"])

    def begin(self, scan: Scan) -> None:
        """Make the files, unless an earlier run left them."""
        if self.done is None:
            for path in (self.volume(0), self.volume(1), self.voxels):
                create(path, scan.size)
            create(self.rays, (scan.views, *scan.detector))

    def finished(self, number: int) -> int:
        """Note that ``number`` iterations are done on all ranks."""
        wait()
        if is_first():
            write_text(self.note, json.dumps({"what": self.what, "done": number}), overwrite=True)
        return number

    def remove(self) -> None:
        """Remove what this made."""
        for path in (self.note, self.volume(0), self.volume(1), self.voxels, self.rays):
            path.unlink(missing_ok=True)


@attrs.frozen
class _Sweep:
    """Passes over the views: slabs of this rank, ranges of views, and where everything is."""

    scan: Any
    slabs: list[tuple[int, int]]
    views: list[tuple[int, int]]
    state: _State

    def weigh(self) -> None:
        """Write 1/A1 and 1/A*1, and 0 where nothing is seen."""
        rays, voxels = opened(self.state.rays, "r+"), opened(self.state.voxels, "r+")
        for slab in self.slabs:
            voxels[slice(*slab)] = 0
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

    def update(self, y: Any, relaxation: float, non_negative: bool, number: int) -> None:
        """Make iteration ``number``, from one volume to the other."""
        x, update = opened(self.state.volume(number)), opened(self.state.volume(number + 1), "r+")
        rays, voxels = opened(self.state.rays), opened(self.state.voxels)
        for slab in self.slabs:
            update[slice(*slab)] = 0
        sizes = []
        for views in self.views:
            measured = torch.from_numpy(np.array(y[slice(*views)], np.float32))
            require_finite(measured, f"SIRT, views {views[0]} to {views[1] - 1}")
            misfit = measured - self._sum(views, lambda a, b: torch.from_numpy(np.array(x[a:b])))
            sizes.append((misfit.norm(), measured.norm()))
            seen = torch.from_numpy(np.array(rays[slice(*views)])) * misfit
            for slab in self.slabs:
                back = self._operator(slab, views).A_adjoint(seen[None, None])
                update[slice(*slab)] += back[0, 0].numpy()
        misfits, data = torch.tensor(sizes).T
        require_convergence([misfits[None]], [data[None]], "SIRT")
        for slab in self.slabs:
            chosen = slice(*slab)
            new = x[chosen] + relaxation * voxels[chosen] * update[chosen]
            update[chosen] = np.maximum(new, 0) if non_negative else new
        update.flush()  # type: ignore[attr-defined]
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


@contextmanager
def _folder(out: str | PathLike[str], folder: str | PathLike[str] | None) -> Iterator[Path]:
    """Yield the folder of all ranks: the one that is given, or a temporary one of the first rank."""
    if folder is not None:
        Path(folder).mkdir(exist_ok=True)
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory(dir=Path(out).parent) as own:
        names: list[Any] = [own]
        if dist.is_available() and dist.is_initialized():
            dist.broadcast_object_list(names)
        yield Path(names[0])


def fingerprint(scan: Scan) -> str:
    """Return a scan in a line, of which no two are the same."""
    words = (scan.vectors().tobytes(), scan.size, scan.detector, scan.voxel_mm, scan.centre_mm)
    return f"{scan!r} [{hashlib.sha256(repr(words).encode()).hexdigest()[:16]}]"
