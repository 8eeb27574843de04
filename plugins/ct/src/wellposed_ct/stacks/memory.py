"""How many slices fit into a memory budget."""

from __future__ import annotations

import re

from wellposed.errors import ParameterError
from wellposed_ct.geometry import FanGeometry, ParallelGeometry

__all__ = ["bytes_per_row", "parse_bytes", "rows_at_once"]

COPIES_OF_DATA = 14
"""Raw counts, their float copies, and the padded spectra of the filter, in float32 sinograms."""

COPIES_OF_IMAGE = 14
"""What total variation keeps, the hungriest of the methods: image, two fields and their differences."""

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40, "k": 2**10, "m": 2**20, "g": 2**30}


def parse_bytes(text: str) -> int:
    """Return the bytes of ``2GiB``, ``500 MB``, ``1.5g``; :class:`ParameterError` for anything else."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([a-z]*)\s*", text.lower())
    if found is None or found[2] not in _UNITS or float(found[1]) == 0:
        raise ParameterError(f"{text!r} is no amount of memory; write it as 2GiB or 500MB.")
    return int(float(found[1]) * _UNITS[found[2]])


def bytes_per_row(scan: ParallelGeometry | FanGeometry) -> int:
    """Return what one slice takes while it is reconstructed, bytes."""
    height, width = scan.size
    return 4 * (COPIES_OF_DATA * scan.views * scan.detectors + COPIES_OF_IMAGE * height * width)


def rows_at_once(scan: ParallelGeometry | FanGeometry, rows: int, memory: int) -> int:
    """Return how many of ``rows`` slices fit into ``memory`` bytes at a time.

    Raises :class:`ParameterError` where not even one does.
    """
    each = bytes_per_row(scan)
    if each > memory:
        raise ParameterError(
            f"one slice takes {each / 2**20:.3g} MiB and the budget is {memory / 2**20:.3g} MiB; give more "
            "memory, or make the slice smaller."
        )
    return min(rows, memory // each)
