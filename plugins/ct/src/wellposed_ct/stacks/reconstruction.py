"""Slice by slice from a scan on disk to a volume on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import numpy as np
import torch
from numpy.typing import NDArray

from wellposed.errors import FileFormatError, ParameterError
from wellposed_ct.corrections import Chain, find_centre
from wellposed_ct.corrections.chain import Correction
from wellposed_ct.files.place import UPWARDS
from wellposed_ct.files.scan import RawScan, as_panel
from wellposed_ct.files.volumes import publish, require_place
from wellposed_ct.geometry import ConeGeometry
from wellposed_ct.large import slab_bytes, slab_ranges
from wellposed_ct.methods import FDK
from wellposed_ct.projectors import ConeBeam
from wellposed_ct.stacks.memory import rows_at_once
from wellposed_ct.stacks.volumes import corrected, reconstruct_volume, require_memory, widened
from wellposed_ct.stacks.work import Work, clean_refusal

__all__ = ["Plan", "moved", "place_of", "reconstruct_rows", "reconstruct_stack"]

CENTRE_ROWS = 5
"""How many rows the centre is found from; their median."""

AT_A_TIME = 8
"""Slices that are finished together, of those that are read at once: a kill loses no more."""


@attrs.frozen
class Plan:
    """What is done with every slice.

    Parameters
    ----------
    method
        A reconstructor, ``method(y, physics)``.
    corrections
        Applied to nepers in order; each slice by itself.
    centre
        How the centre of rotation is found, once for all slices, by
        :func:`~wellposed_ct.corrections.find_centre`; ``None`` keeps the geometry's.
    name
        What the plan is called in the note of an unfinished run: the same name must mean the same plan.
    """

    method: Any
    corrections: tuple[Correction, ...] = ()
    centre: str | None = None
    name: str = ""


Pieces: TypeAlias = Callable[[RawScan, Plan, int, int], Iterator[NDArray[np.float32]]]
"""Makes slices from the first to the last + 1, a few at a time."""


def reconstruct_rows(scan: RawScan, plan: Plan, start: int, stop: int) -> NDArray[np.float32]:
    """Return slices ``start`` to ``stop`` of a scan, ``(rows, H, W)``.

    Raises :class:`FileFormatError` where a slice comes out NaN or infinite.
    """
    return np.concatenate(list(by_rows(scan, plan, start, stop)))


def by_rows(scan: RawScan, plan: Plan, start: int, stop: int) -> Iterator[NDArray[np.float32]]:
    """Read rows at once, and yield a few slices of them at a time, each finished."""
    with torch.no_grad():
        y, physics = Chain(plan.corrections)(scan.nepers(start, stop), scan.physics())
    for first in range(0, len(y), AT_A_TIME):
        with torch.no_grad():
            images = plan.method(y[first : first + AT_A_TIME], physics)[:, 0]
        if not bool(torch.isfinite(images).all()):
            last = min(stop, start + first + AT_A_TIME) - 1
            raise FileFormatError(
                f"{scan.path}: slices {start + first} to {last} come out NaN or infinite; look at these "
                "rows, or choose another method."
            )
        yield images.to(torch.float32).cpu().numpy()


def by_slabs(scan: RawScan, plan: Plan, start: int, stop: int) -> Iterator[NDArray[np.float32]]:
    """Yield slices ``start`` to ``stop`` of a cone beam's volume, by FDK from the rows that see them."""
    assert scan.cone is not None
    slab = scan.cone.as_vectors().slab(start, stop)
    upright = not any(scan.cone.rotation)
    low, high = slab.rows_seen() if upright else (0, scan.rows)
    y = corrected(scan, plan, scan.rows - high, scan.rows - low)
    seen = widened(slab.crop_rows(low, high), y.shape[-1])
    with torch.no_grad():
        images = plan.method(as_panel(y), ConeBeam.from_geometry(seen))[0, 0]
    yield images.to(torch.float32).cpu().numpy()


def slices_at_once(cone: ConeGeometry, memory: int) -> int:
    """Return how many slices of a cone beam's volume fit into ``memory`` bytes at a time."""
    # the rows' raw counts and their corrections take as much again
    upright, middle = not any(cone.rotation), cone.size[0] // 2
    needed = 2 * max(slab_bytes(cone, k, k + 1, upright) for k in {0, middle, cone.size[0] - 1})
    if needed > memory:
        raise ParameterError(
            f"one slice of the cone beam takes {needed / 2**20:.3g} MiB, with the rows that see it, and the "
            f"budget is {memory / 2**20:.3g} MiB; give more by --memory, or make the "
            "volume smaller by --size."
        )
    return min(last - first for first, last in slab_ranges(cone, memory / 2, upright))


def centred(scan: RawScan, plan: Plan, start: int, stop: int, most: int) -> float:
    """Return ``axis_mm``, the median over at most ``most`` rows in the middle of those asked for."""
    if scan.cone is not None:  # only the middle row of a panel is a fan beam
        start, stop, most = scan.rows // 2, scan.rows // 2 + 1, 1
    count = min(CENTRE_ROWS, stop - start, most)
    first = start + (stop - start - count) // 2
    with torch.no_grad():
        # after the corrections: a bright stripe pulls the centre of mass to itself
        y, physics = Chain(plan.corrections)(scan.nepers(first, first + count), scan.physics())
        return float(find_centre(y, physics, plan.centre or "auto").median())


def reconstruct_stack(
    scan: RawScan,
    plan: Plan,
    output: Path,
    memory: int,
    *,
    rows: tuple[int, int] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    preview: Callable[[NDArray[np.float32]], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    meta: Mapping[str, Any] | None = None,
    finished: Callable[[RawScan, Any, int], None] | None = None,
) -> float:
    """Reconstruct every slice into ``output`` and return the ``axis_mm`` that was used.

    Parameters
    ----------
    scan, plan
        What, and how.
    output
        Where; see :func:`~wellposed_ct.stacks.publish` for the formats.
    memory
        Bytes that the slices under way may take.
    rows
        First and last + 1; by default all.
    resume
        Go on with what a killed run left beside ``output``, if there is anything.
    overwrite
        Replace ``output``, and what an unfinished run left.
    preview
        Called with the middle slice ``(H, W)`` before all others.
    progress
        Called with the number of finished slices and of all, a few at a time; iterations, where they are made
        on a whole volume.
    meta
        More for the written file, such as ``water``.
    finished
        Called in the end with the scan (its axis where it was found to be), all slices, which lie on the
        disk, and the number of the first.

    Raises
    ------
    ParameterError
        One slice does not fit into ``memory``, or a resumed run had other settings.
    FileFormatError
        The scan is damaged or has no counts to divide by.
    OutputExistsError
        ``output`` exists, or an unfinished run is in the way.
    """
    scan = scan.judged()
    start, stop = _range(scan, rows)
    require_place(output, stop - start, overwrite)
    make, each = _way(scan, plan, stop - start, memory)
    facts = _facts(scan, plan, start, stop)
    work = Work.resume(output, facts) if resume else None
    if work is None:
        work = Work.begin(output, (stop - start, *scan.geometry.size), facts, restart=overwrite)
    with clean_refusal(output):
        if plan.centre is not None and "axis_mm" not in work.note:
            work = work.noted(axis_mm=centred(scan, plan, start, stop, each))
        if "axis_mm" in work.note:
            scan = moved(scan, work.note["axis_mm"])
        work = _filled(scan, plan, work, (start, stop), make, each, memory, preview, progress)
        publish(output, work.slices, {**place_of(scan), **(meta or {})}, overwrite=overwrite)
    if finished is not None:
        finished(scan, work.slices, start)
    work.remove()
    return float(scan.geometry.axis_mm)


def _filled(
    scan: RawScan,
    plan: Plan,
    work: Work,
    rows: tuple[int, int],
    make: Pieces | None,
    each: int,
    memory: int,
    preview: Callable[[NDArray[np.float32]], None] | None,
    progress: Callable[[int, int], None] | None,
) -> Work:
    """Return the work with all slices, of which the middle one was shown first."""
    start, stop = rows
    middle = (start + stop) // 2
    early = not work.done and (scan.cone is None or not scan.cone.pitch_mm)  # FDK knows no helix
    if preview is not None and early:
        preview(_glance(scan, plan, middle))
    if make is None and work.done < stop - start:
        volume = reconstruct_volume(scan, plan, work.folder, memory, progress)
        make, progress = _slices_of(volume), None
        if preview is not None and not early and not work.done:
            preview(volume[middle])
    while make is not None and work.done < stop - start:
        first = start + work.done
        for piece in make(scan, plan, first, min(stop, first + each)):
            work = work.put(work.done, piece)
            if progress is not None:
                progress(work.done, stop - start)
    return work


def _way(scan: RawScan, plan: Plan, count: int, memory: int) -> tuple[Pieces | None, int]:
    """Return what makes slices, and how many at a time; ``None`` where all are made at once."""
    if scan.cone is None:
        return by_rows, rows_at_once(scan.geometry, count, memory)
    if isinstance(plan.method, FDK):
        return by_slabs, slices_at_once(scan.cone, memory)
    require_memory(scan.cone, plan.method, memory)
    return None, max(1, 2**24 // (scan.cone.size[1] * scan.cone.size[2]))


def _glance(scan: RawScan, plan: Plan, index: int) -> NDArray[np.float32]:
    """Return one slice, by FDK where the method itself would need all of them."""
    if scan.cone is None:
        slices = next(by_rows(scan, plan, index, index + 1))
        return np.asarray(slices[0])
    quick = plan if isinstance(plan.method, FDK) else attrs.evolve(plan, method=FDK())
    return np.asarray(next(by_slabs(scan, quick, index, index + 1))[0])


def _slices_of(volume: NDArray[np.float32]) -> Pieces:
    def some(scan: RawScan, plan: Plan, start: int, stop: int) -> Iterator[NDArray[np.float32]]:
        yield np.array(volume[start:stop])

    return some


def _range(scan: RawScan, rows: tuple[int, int] | None) -> tuple[int, int]:
    count = scan.rows if scan.cone is None else scan.cone.size[0]
    start, stop = (0, count) if rows is None else rows
    if not 0 <= start < stop <= count:
        raise ParameterError(f"rows {start}:{stop} are asked for, and the scan has 0:{count}.")
    return start, stop


def moved(scan: RawScan, axis_mm: float) -> RawScan:
    """Return the scan with its rotation axis elsewhere."""
    cone = None if scan.cone is None else scan.cone.replace(axis_mm=axis_mm)
    return attrs.evolve(scan, geometry=scan.geometry.replace(axis_mm=axis_mm), cone=cone)


def _facts(scan: RawScan, plan: Plan, start: int, stop: int) -> dict[str, Any]:
    """Return what must be the same for a run to be resumed."""
    geometries = [attrs.astuple(g) for g in (scan.geometry, scan.cone) if g is not None]
    return {
        "scan": str(scan.path.resolve()), "files": _files(scan),
        "geometry": f"{scan.cone or scan.geometry!r} [{_fingerprint(geometries)}]", "rows": [start, stop],
        "plan": plan.name or repr(plan), "centre": plan.centre, "values": scan.values, "blank": scan.blank,
    }  # fmt: skip


def _files(scan: RawScan) -> str:
    """Return how many files the scan is read from, their size, and a fingerprint of their states."""
    paths = [p for p in sorted({scan.path, *scan.files}) if p.is_file()]
    states = [(str(p.resolve()), s.st_size, s.st_mtime_ns) for p in paths for s in (p.stat(),)]
    return f"{len(states)} of {sum(size for _, size, _ in states)} bytes [{_fingerprint(states)}]"


def _fingerprint(what: Any) -> str:
    return hashlib.sha256(repr(what).encode()).hexdigest()[:16]


def place_of(scan: RawScan) -> dict[str, Any]:
    """Return spacing and direction of the slices, as writers take them."""
    if scan.cone is None:
        return {"pixel_mm": scan.geometry.pixel_mm, "slice_mm": scan.row_mm or scan.geometry.detector_mm}
    depth, *pixel = scan.cone.voxel_mm
    return {"pixel_mm": pixel, "slice_mm": depth, "slice_direction": list(UPWARDS)}
