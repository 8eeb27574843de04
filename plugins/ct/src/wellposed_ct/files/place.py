"""Where the voxels of a volume lie, in the patient's axes of DICOM: left, posterior, superior.

A picture's columns run to the left and its rows to the back unless told otherwise, as radiologists look at
it. Then up, along the rotation axis, is inferior: slices from the panel's top rows downwards follow the
normal (columns × rows), those of a cone beam, which run upwards, go against it. Else they would be mirrored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from wellposed.errors import ParameterError

__all__ = ["UPWARDS", "Place"]

UPWARDS = (0.0, 0.0, -1.0)
"""``meta["slice_direction"]`` of volumes whose slices run along +z of the scan."""

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


@attrs.frozen
class Place:
    """Spacing (rows, columns, slices), cosines, direction of slices, and first position, millimetres."""

    spacing: tuple[float, float, float]
    orientation: tuple[float, ...]
    direction: tuple[float, ...]
    first: tuple[float, ...]

    @classmethod
    def of(cls, meta: Mapping[str, Any], shape: tuple[int, ...]) -> Place:
        """Read ``pixel_mm``, ``slice_mm``, ``orientation``, ``slice_direction``, ``position_mm`` of a volume.

        By default 1 mm, axial, along the normal, centred.
        """
        pixel = np.broadcast_to(np.asarray(meta.get("pixel_mm", 1.0), float), 2)
        step = float(meta.get("slice_mm", pixel[0]))
        cosines = np.asarray(meta.get("orientation", (1, 0, 0, 0, 1, 0)), float)
        spacing = (float(pixel[0]), float(pixel[1]), step)
        if not (np.isfinite(spacing).all() and min(spacing) > 0 and cosines.shape == (6,)):
            raise ParameterError(
                f"spacing {spacing} mm must be > 0, and orientation {cosines.tolist()} six cosines."
            )
        normal = np.asarray(meta.get("slice_direction", np.cross(cosines[:3], cosines[3:])), float)
        middle = (np.array(shape) - 1) / 2
        start = -(
            cosines[:3] * middle[2] * spacing[1]
            + cosines[3:] * middle[1] * spacing[0]
            + normal * middle[0] * step
        )
        first = np.asarray(meta.get("position_mm", start), float)
        return cls(spacing, *(tuple(v.tolist()) for v in (cosines, normal, first)))

    def position(self, index: int) -> list[float]:
        """Return where slice ``index`` begins."""
        found: list[float] = (
            np.array(self.first) + index * self.spacing[2] * np.array(self.direction)
        ).tolist()
        return found

    def affine(self) -> NDArray[np.float64]:
        """Return NIfTI's 3 × 4 matrix from voxel (column, row, slice) to right, anterior, superior."""
        rows, columns, slices = self.spacing
        steps = [
            np.array(self.orientation[:3]) * columns,
            np.array(self.orientation[3:]) * rows,
            np.array(self.direction) * slices,
        ]
        return np.asarray(LPS_TO_RAS @ np.stack([*steps, np.array(self.first)], 1), np.float64)
