"""Readouts one by one, read in blocks: their numbers, checked against their heads."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike, fspath
from typing import Any

import numpy as np

from wellposed.errors import FileFormatError
from wellposed_mri.files.ismrmrd.selection import REVERSE

BLOCK = 256
"""Readouts that are read at once."""


def readouts(path: str | PathLike[str], table: Any, rows: np.ndarray) -> Iterator[tuple[Any, np.ndarray]]:
    """Yield (head, samples ``(coils, n)`` complex64) of the ``rows`` of the table, in their order.

    Samples marked to be discarded are left out, and reversed readouts turned round.
    """
    for block in np.array_split(rows, max(1, -(-len(rows) // BLOCK))):
        first = int(block[0])
        read = table[first : int(block[-1]) + 1]
        for row in block:
            yield _checked(path, read[int(row) - first])


def _checked(path: str | PathLike[str], row: Any) -> tuple[Any, np.ndarray]:
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
    return head, line[:, ::-1] if int(head["flags"]) & REVERSE else line


def centre_of(head: Any, width: int) -> int:
    """Return the sample, of those that are kept, at the centre of k-space."""
    samples, centre = int(head["number_of_samples"]), int(head["center_sample"])
    if centre == 0 and samples == width:
        centre = width // 2  # some converters leave it out
    if int(head["flags"]) & REVERSE:
        return samples - 1 - centre - int(head["discard_post"])
    return centre - int(head["discard_pre"])
