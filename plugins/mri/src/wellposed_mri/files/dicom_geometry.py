"""Where each slice lies, in DICOM's axes: millimetres to the patient's left, posterior and superior."""

from __future__ import annotations

import attrs
import numpy as np

from wellposed_mri.files.orientation import LPS_TO_RAS
from wellposed_mri.files.volume import Volumes


@attrs.frozen
class Plane:
    """The first pixel's centre, and the directions of increasing column and row (DICOM C.7.6.2.1.1)."""

    position: list[str]
    directions: list[str]
    stack: int
    volume: int


def planes_of(volumes: Volumes) -> list[Plane]:
    """Return a plane per frame, volume by volume; nothing where the orientation is not known.

    DICOM's slices have perpendicular rows and columns; an affine with shear has no place in it.
    """
    if volumes.affine is None:
        return []
    columns = LPS_TO_RAS[:, None] * volumes.affine[:3]
    along_row, along_column = (columns[:, i] / np.linalg.norm(columns[:, i]) for i in (0, 1))
    if abs(float(along_row @ along_column)) > 1e-3:
        return []
    directions = [_text(v) for v in (*along_row, *along_column)]
    count, slices = volumes.values.shape[:2]
    return [
        Plane([_text(v) for v in columns[:, 3] + k * columns[:, 2]], directions, k, volume)
        for volume in range(count)
        for k in range(slices)
    ]


def _text(value: float) -> str:
    """Return a decimal string of at most 16 characters."""
    return f"{0.0 if abs(value) < 1e-9 else value:.8g}"
