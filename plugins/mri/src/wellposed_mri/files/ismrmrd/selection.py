"""Which readouts make the image, which the calibration and the noise, and what image each belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any

import attrs
import numpy as np

from wellposed.errors import FileFormatError

NOISE, CALIBRATION, BOTH, REVERSE = 1 << 18, 1 << 19, 1 << 20, 1 << 21
NAVIGATOR = 1 << 23
OTHER = 1 << 22 | 1 << 23 | 1 << 25 | 1 << 26 | 1 << 27
"""Navigator, phase-correction, feedback and dummy readouts."""

AXES = ("set", "repetition", "phase", "contrast", "slice")
"""The counters that tell images apart, slowest first; averages and segments belong to one image."""


@attrs.frozen(eq=False)
class Selection:
    """Readouts of several images.

    Parameters
    ----------
    rows
        Places in the file's table.
    image
        The number of the image that each belongs to.
    counts
        Images along each of :data:`AXES`.
    """

    rows: np.ndarray
    image: np.ndarray
    counts: Mapping[str, int]

    @property
    def images(self) -> int:
        """How many images there are."""
        total = 1
        for n in self.counts.values():
            total *= n
        return total


def of_image(
    path: str | PathLike[str], heads: Any, chosen: Mapping[str, int | None], embedded: bool
) -> Selection:
    """Return the imaging readouts of the ``chosen`` counters; ``None`` takes all values of one.

    Calibration lines count as imaging where they are ``embedded`` in the scan.
    """
    skipped = NOISE | OTHER | (0 if embedded else CALIBRATION)
    return _selection(path, heads, chosen, (heads["flags"] & np.uint64(skipped)) == 0, "imaging")


def of_calibration(
    path: str | PathLike[str], heads: Any, chosen: Mapping[str, int | None], like: Selection
) -> Selection | None:
    """Return the calibration readouts of the images of ``like``, or ``None`` where there are none."""
    wanted = (heads["flags"] & np.uint64(CALIBRATION | BOTH)) != 0
    wanted &= (heads["flags"] & np.uint64(NOISE | OTHER)) == 0
    if not ((heads["flags"][wanted] & np.uint64(CALIBRATION)) != 0).any():
        return None
    # one calibration serves all contrasts and repetitions, so only slices are told apart
    index = heads["idx"]["slice"][wanted].astype(np.int64)
    if like.counts["slice"] == 1 and chosen["slice"] is not None:
        keep = index == chosen["slice"]
        return Selection(np.flatnonzero(wanted)[keep], index[keep] * 0, {"slice": 1})
    if index.max() >= like.counts["slice"]:
        raise FileFormatError(
            f"{fspath(path)}: calibration lines of slice {index.max()}, but the image has "
            f"{like.counts['slice']} slices."
        )
    return Selection(np.flatnonzero(wanted), index, {"slice": like.counts["slice"]})


def _selection(
    path: str | PathLike[str], heads: Any, chosen: Mapping[str, int | None], wanted: np.ndarray, what: str
) -> Selection:
    index = heads["idx"]
    wanted = wanted & (heads["encoding_space_ref"] == 0)
    for axis in AXES:
        if chosen[axis] is not None:
            wanted = wanted & (index[axis] == chosen[axis])
    if not wanted.any():
        absent = [a for a in AXES if chosen[a] is not None and not (index[a] == chosen[a]).any()]
        asked = ", ".join(f"{axis} {chosen[axis]}" for axis in absent) or "the image that was asked for"
        raise FileFormatError(
            f"{fspath(path)}: no {what} readouts of {asked} among {len(heads)}; `wellposed mri info` shows "
            "what the file holds."
        )
    image = np.zeros(int(wanted.sum()), dtype=np.int64)
    counts: dict[str, int] = {}
    for axis in AXES:
        values = index[axis][wanted].astype(np.int64) * (chosen[axis] is None)
        counts[axis] = int(values.max()) + 1
        image = image * counts[axis] + values
    return Selection(np.flatnonzero(wanted), image, counts)
