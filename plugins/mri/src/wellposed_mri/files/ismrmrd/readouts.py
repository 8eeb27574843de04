"""Readouts one by one, read in blocks: their numbers, checked against their heads."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike, fspath
from typing import Any

import numpy as np

from wellposed.errors import FileFormatError
from wellposed_mri.files.ismrmrd.selection import REVERSE

SPAN = 1024
"""Rows of the table that are read at once."""


def readouts(path: str | PathLike[str], table: Any, rows: np.ndarray) -> Iterator[tuple[Any, np.ndarray]]:
    """Yield (row of the table, samples ``(coils, n)`` complex64) of the ``rows``, which are sorted.

    Samples marked to be discarded are left out, and reversed readouts turned round.
    """
    start = 0
    while start < len(rows):
        first = int(rows[start])
        stop = int(np.searchsorted(rows, first + SPAN))
        read = table[first : int(rows[stop - 1]) + 1]
        for row in rows[start:stop]:
            found = read[int(row) - first]
            yield found, _checked(path, found)
        start = stop


def _checked(path: str | PathLike[str], row: Any) -> np.ndarray:
    head = row["head"]
    samples, coils = int(head["number_of_samples"]), int(head["active_channels"])
    data = np.asarray(row["data"], dtype=np.float32)
    if data.size != 2 * samples * coils or data.size == 0:
        raise FileFormatError(
            f"{fspath(path)}: readout {int(head['scan_counter'])} announces {samples} samples of {coils} "
            f"coils and holds {data.size // 2} numbers; the file is damaged."
        )
    line = data.view(np.complex64).reshape(coils, samples)
    line = line[:, int(head["discard_pre"]) : samples - int(head["discard_post"])]
    return line[:, ::-1] if int(head["flags"]) & REVERSE else line


def centre_of(head: Any, width: int) -> int:
    """Return the sample, of those that are kept, at the centre of k-space."""
    samples, centre = int(head["number_of_samples"]), int(head["center_sample"])
    if centre == 0 and samples == width:
        centre = width // 2  # some converters leave it out
    if int(head["flags"]) & REVERSE:
        return samples - 1 - centre - int(head["discard_post"])
    return centre - int(head["discard_pre"])
