"""Cone-beam volumes that do not fit memory: FDK slab by slab, from the panel rows that see each slab."""

from __future__ import annotations

import math
from itertools import pairwise
from os import PathLike
from typing import Any

import attrs
import numpy as np
import torch

from wellposed.errors import ParameterError
from wellposed_ct.geometry.space import Scan
from wellposed_ct.large.arrays import Source, create, opened
from wellposed_ct.large.sharing import is_first, spread, wait
from wellposed_ct.methods.fdk import ENTRIES, FDK
from wellposed_ct.methods.panels import Circle
from wellposed_ct.projectors.cone import ConeBeam

__all__ = ["fdk_slabs", "ranges", "slab_ranges"]

PADDING = 80
"""Zeros that the compiled code adds to a column of voxels or pixels."""


def slab_ranges(scan: Scan, memory_bytes: float, margin_rows: bool = True) -> list[tuple[int, int]]:
    """Return ranges of slices, as few as possible, such that FDK on each keeps within the memory.

    Raises :class:`~wellposed.errors.ParameterError` where a single slice does not.
    """
    depth = scan.size[0]
    parts = 1
    while True:
        found = ranges(depth, parts)
        needed = max(
            slab_bytes(scan, *chosen, margin_rows) for chosen in {found[0], found[len(found) // 2], found[-1]}
        )
        if needed <= memory_bytes:
            return found
        if parts == depth:
            raise ParameterError(
                f"memory_bytes = {memory_bytes:.3g} is less than the {needed:.3g} that a single slice of "
                f"{scan.views} views of {scan.detector[1]} columns needs."
            )
        parts = min(depth, math.ceil(parts * 1.25))


def ranges(count: int, parts: int) -> list[tuple[int, int]]:
    """Return ``parts`` ranges of about the same length that make up ``count``."""
    edges = [count * i // parts for i in range(parts + 1)]
    return [(a, b) for a, b in pairwise(edges) if b > a]


def slab_bytes(scan: Scan, first: int, last: int, margin_rows: bool = True) -> float:
    """Return bytes: rows three times, once padded; the slab twice; and the filter's buffers."""
    low, high = scan.slab(first, last).rows_seen() if margin_rows else (0, scan.detector[0])
    line = scan.views * scan.detector[1]
    pixels = line * (3 * (high - low) + PADDING) + min(ENTRIES, 8 * line * (high - low))
    return 4.0 * (pixels + 2 * (last - first) * scan.size[1] * scan.size[2])


@attrs.frozen
class _Slab:
    """Reconstructs slices [first, last) into a file."""

    projections: Source
    scan: Any
    method: FDK
    out: str
    all_rows: bool

    def __call__(self, chosen: tuple[int, int]) -> None:
        slab = self.scan.as_vectors().slab(*chosen)
        first, last = (0, slab.detector[0]) if self.all_rows else slab.rows_seen()
        operator = ConeBeam.from_geometry(slab.crop_rows(first, last))
        rows = np.ascontiguousarray(opened(self.projections)[:, first:last], np.float32)
        x = self.method(torch.from_numpy(rows)[None, None], operator)
        target = opened(self.out, "r+")
        target[slice(*chosen)] = x[0, 0].numpy()
        target.flush()  # type: ignore[attr-defined]


def fdk_slabs(
    projections: Source,
    scan: Scan,
    out: str | PathLike[str],
    memory_bytes: float = 2e9,
    method: FDK | None = None,
    client: Any = None,
) -> None:
    """Reconstruct a circular cone-beam scan slab by slab into a ``.npy`` file ``(D, H, W)``, float32.

    The result is that of ``ct.fdk`` on the whole, to rounding, for any slabs and any number of processes.

    Parameters
    ----------
    projections
        ``(views, rows, columns)`` nepers: an array (also one mapped from disk), or the path of a ``.npy``
        file.
    scan
        A :class:`~wellposed_ct.geometry.ConeGeometry` or vectors.
    out
        The file, made anew.
    memory_bytes
        What a process may use, about, beyond what it holds already; mapped files do not count.
    method
        By default ``FDK()``.
    client
        A Dask client, or ``processes``; ``projections`` and ``out`` must be paths that its workers see.
        Without one, the ranks of ``torch.distributed`` share the slabs where it is initialised.

    Raises
    ------
    ParameterError
        Projections are not those of the scan, or not even one slice fits the memory.
    """
    check_projections(projections, scan)
    circle = Circle.of(torch.from_numpy(scan.vectors()), scan.detector)
    slabs = slab_ranges(scan, memory_bytes, circle.is_upright)
    if is_first():
        create(out, scan.size)
    wait()
    spread(_Slab(projections, scan, method or FDK(), str(out), not circle.is_upright), slabs, client)


def check_projections(projections: Source, scan: Scan) -> None:
    """Raise unless projections are ``(views, rows, columns)`` of the scan."""
    shape, wanted = opened(projections).shape, (scan.views, *scan.detector)
    if shape != wanted:
        raise ParameterError(
            f"projections have shape {shape}, but the scan has (views, rows, columns) = {wanted}."
        )
