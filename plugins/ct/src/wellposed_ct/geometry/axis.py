"""A source and a panel that stand still while the object turns about an axis that leans or is displaced.

Seen from the axis it is a circular scan with a rotated panel; the rest is arithmetic of frames.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wellposed_ct.geometry.cone import ConeGeometry

__all__ = ["about_axis"]

Vector = NDArray[np.float64]


def about_axis(
    angles: Iterable[float],
    size: Sequence[int],
    vectors: ArrayLike,
    point: Sequence[float],
    direction: Sequence[float],
    detector: Sequence[int],
    voxel_mm: float | Sequence[float] | None = None,
) -> ConeGeometry:
    """Return the circular scan of an object that turns about any axis.

    Parameters
    ----------
    angles
        θ of every view, radians: source and panel turn by θ about ``direction``, seen from the object.
    size
        Slices, rows and columns of the volume, which is centred at ``point``.
    vectors
        Source, panel's middle, u and v, ``(4, 3)``, mm, where they stand; u and v are perpendicular.
    point, direction
        A point on the axis, mm, and where it leads to.
    detector
        Rows and columns of the panel.
    voxel_mm
        As in :class:`~wellposed_ct.ConeGeometry`.
    """
    source, middle, u, v = np.asarray(vectors, np.float64).reshape(4, 3)
    z = _unit(np.asarray(direction, np.float64))
    height = float((source - point) @ z)
    origin = np.asarray(point, np.float64) + height * z
    y = _unit(origin - source)
    frame = np.stack([np.cross(y, z), y, z])
    near = float(np.linalg.norm(origin - source))
    across, up = _unit(frame @ u), _unit(frame @ v)
    normal = np.cross(up, across)
    toward = frame @ (middle - source)
    far = float(toward @ normal / normal[1])
    # the panel's middle, seen from where the ray through the axis meets it
    off = toward - np.array([0.0, far, 0.0])
    more: dict[str, Any] = {} if voxel_mm is None else {"voxel_mm": voxel_mm}
    return ConeGeometry(
        angles, size, near, far, detector, (float(np.linalg.norm(v)), float(np.linalg.norm(u))),
        axis_mm=-float(off @ across), plane_mm=-float(off @ up),
        rotation=_turns(across, normal, up), centre_mm=(0.0, 0.0, -height), **more,
    )  # fmt: skip


def _turns(across: Vector, normal: Vector, up: Vector) -> tuple[float, float, float]:
    """Return roll, tilt and slant of a panel; an upright one has the axes as its directions."""
    roll = math.atan2(-across[2], up[2])
    tilt = math.asin(max(-1.0, min(1.0, float(normal[2]))))
    slant = math.atan2(-normal[0], normal[1])
    return roll, tilt, slant


def _unit(vector: Vector) -> Vector:
    return np.asarray(vector / np.linalg.norm(vector), np.float64)
