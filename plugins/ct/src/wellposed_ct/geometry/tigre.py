"""Scans from TIGRE's geometries, without importing it, so that arrays are the same in both.

TIGRE's rows run along +y; scans are mirrored in y, which changes no line integral, so volumes ``(z, y, x)``
and projections ``(views, rows, columns)`` are taken as they are. The conventions are those of its projection
code (``computeDeltas_Siddon``): at angle 0 the source stands on +x, the panel's columns run along +y and its
rows along +z.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wellposed.errors import ParameterError
from wellposed_ct.geometry.astra_space import mirrored
from wellposed_ct.geometry.vector import VectorGeometry

__all__ = ["from_tigre"]


def from_tigre(geo: Any, angles: ArrayLike) -> VectorGeometry:
    """Return the scan of a TIGRE geometry.

    Parameters
    ----------
    geo
        ``tigre.geometry``, or anything with its attributes, in mm: ``DSD, DSO, nVoxel, dVoxel, nDetector,
        dDetector``, and optionally ``offOrigin, offDetector, rotDetector, COR`` (one value, or one per view)
        and ``mode``.
    angles
        Radians: ``(views,)``, or ``(views, 3)`` Euler angles (z, y, z).

    Raises
    ------
    ParameterError
        A mode other than ``cone`` and ``parallel``, or a volume's offset or axis that changes from view to
        view (TIGRE moves the volume; here it stands still).
    """
    mode = getattr(geo, "mode", None) or "cone"
    if mode not in ("cone", "parallel"):
        raise ParameterError(f"TIGRE geometry of mode {mode!r}: only 'cone' and 'parallel' are converted.")
    turns = np.asarray(angles, np.float64)
    turns = np.pad(turns[:, None], ((0, 0), (0, 2))) if turns.ndim == 1 else turns
    if turns.ndim != 2 or turns.shape[1] != 3:
        raise ParameterError(f"TIGRE angles have shape {turns.shape}, but must be (views,) or (views, 3).")
    views = len(turns)
    axis = _per_view(geo, "COR", views, 1)[:, 0]
    source, distance = (_per_view(geo, name, views, 1)[:, 0] for name in ("DSO", "DSD"))
    shift, rotation = _per_view(geo, "offDetector", views, 2), _per_view(geo, "rotDetector", views, 3)
    offset = _per_view(geo, "offOrigin", views, 3)
    if np.ptp(offset, axis=0).any():
        raise ParameterError("TIGRE geometry: offOrigin changes from view to view; give one offset.")
    (height, width), (dv, du) = geo.nDetector, geo.dDetector
    table = []
    for i in range(views):
        own = _roll_pitch_yaw(*rotation[i, ::-1])
        # parallel rays only turn about z
        turn = _euler(*turns[i]) if mode == "cone" else _about(2, turns[i, 0])
        # the axis of rotation is moved along the columns of the unrotated panel
        beside = axis[i] * np.array([-np.sin(turns[i, 0]), np.cos(turns[i, 0]), 0.0])
        middle = np.array([source[i] - distance[i], shift[i, 1], shift[i, 0]])
        start = np.array([source[i], 0.0, 0.0])
        first = turn @ start + beside if mode == "cone" else turn @ np.array([-1.0, 0.0, 0.0])
        u, v = own @ np.array([0, du, 0]), own @ np.array([0, 0, dv])
        table.append(np.concatenate([first, turn @ middle + beside, turn @ u, turn @ v]))
    z, y, x = offset[0]
    size: Sequence[int] = [int(n) for n in geo.nVoxel]
    voxel = [float(d) for d in geo.dVoxel]
    panel = (int(height), int(width))
    return VectorGeometry(mirrored(np.array(table)), size, panel, voxel, (x, -y, z), mode == "parallel")


def _per_view(geo: Any, name: str, views: int, width: int) -> NDArray[np.float64]:
    """Return an attribute as ``(views, width)``; zeros where it is missing."""
    value = getattr(geo, name, None)
    given = np.zeros(width) if value is None else np.asarray(value, np.float64)
    if given.size in (1, width):
        return np.broadcast_to(given.reshape(1, -1), (views, width)).astype(np.float64)
    if given.size == views * width:
        return given.reshape(views, width)
    raise ParameterError(
        f"TIGRE geometry: {name} has shape {given.shape}; give {width} numbers, or {width} per view."
    )


def _about(axis: int, angle: float) -> NDArray[np.float64]:
    """Return a right-handed rotation about x, y or z."""
    c, s = np.cos(angle), np.sin(angle)
    a, b = (axis + 1) % 3, (axis + 2) % 3
    turn = np.eye(3)
    turn[a, a], turn[a, b], turn[b, a], turn[b, b] = c, -s, s, c
    return turn


def _roll_pitch_yaw(roll: float, pitch: float, yaw: float) -> NDArray[np.float64]:
    return np.asarray(_about(2, roll) @ _about(1, pitch) @ _about(0, yaw), np.float64)


def _euler(alpha: float, theta: float, psi: float) -> NDArray[np.float64]:
    return np.asarray(_about(2, alpha) @ _about(1, theta) @ _about(2, psi), np.float64)
