"""Scans from and to the ASTRA Toolbox's dictionaries, without importing it.

ASTRA counts lengths in any unit; here it is millimetres. Its angles, axes and detector direction are ours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from wellposed.errors import ParameterError
from wellposed_ct.geometry.astra_space import SPACE, from_astra_space, to_astra_space
from wellposed_ct.geometry.fan import FanGeometry
from wellposed_ct.geometry.parallel import ParallelGeometry
from wellposed_ct.geometry.space import Scan
from wellposed_ct.geometry.vector import VectorGeometry

__all__ = ["from_astra", "to_astra"]


def from_astra(
    projections: Mapping[str, Any], volume: Mapping[str, Any] | None = None
) -> ParallelGeometry | FanGeometry | VectorGeometry:
    """Return the scan of ASTRA's projection and volume geometries.

    Parameters
    ----------
    projections
        What ``astra.create_proj_geom`` returns: ``parallel`` and ``fanflat`` in the plane; ``parallel3d``,
        ``cone`` and both with ``_vec`` in space, mirrored so that volumes are the same arrays.
    volume
        What ``astra.create_vol_geom`` returns; in the plane by default a square of as many unit pixels as
        detector bins.

    Raises
    ------
    ParameterError
        Another type of geometry, or pixels that are not square.
    """
    kind = projections.get("type")
    if kind in SPACE:
        return from_astra_space(projections, volume)
    if kind not in ("parallel", "fanflat"):
        raise ParameterError(
            f"ASTRA geometry of type {kind!r}: only 'parallel', 'fanflat', 'parallel3d', "
            "'cone' and their vectors in space are converted."
        )
    count, spacing = int(projections["DetectorCount"]), float(projections["DetectorWidth"])
    size, pixel, centre = _window(volume, count)
    angles = [float(a) for a in projections["ProjectionAngles"]]
    if kind == "parallel":
        return ParallelGeometry(angles, size, count, pixel, spacing, centre_mm=centre)
    source = float(projections["DistanceOriginSource"])
    distance = source + float(projections["DistanceOriginDetector"])
    return FanGeometry(angles, size, source, distance, count, spacing, pixel, centre_mm=centre)


def _window(
    volume: Mapping[str, Any] | None, count: int
) -> tuple[tuple[int, int], float, tuple[float, float]]:
    """Return size, pixel and centre of ASTRA's volume."""
    if volume is None:
        return (count, count), 1.0, (0.0, 0.0)
    rows, columns = int(volume["GridRowCount"]), int(volume["GridColCount"])
    option = volume.get("option", {})
    left, right = option.get("WindowMinX", -columns / 2), option.get("WindowMaxX", columns / 2)
    low, high = option.get("WindowMinY", -rows / 2), option.get("WindowMaxY", rows / 2)
    width, height = (right - left) / columns, (high - low) / rows
    if not math.isclose(width, height, rel_tol=1e-6):
        raise ParameterError(f"ASTRA volume has pixels of {width:g} × {height:g}; square pixels are needed.")
    return (rows, columns), float(width), ((left + right) / 2, (low + high) / 2)


def to_astra(geometry: ParallelGeometry | FanGeometry | Scan) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return ASTRA's projection and volume geometries.

    Raises :class:`~wellposed.errors.ParameterError` for an ``axis_mm``, for which ASTRA needs vectors,
    and for a curved detector.
    """
    import numpy as np

    if isinstance(geometry, Scan):
        return to_astra_space(geometry)
    if geometry.axis_mm:
        raise ParameterError(
            f"axis_mm = {geometry.axis_mm}: ASTRA's 'parallel' and 'fanflat' have no detector offset; "
            "replace it by 0 and shift the image: centre_mm."
        )
    rows, columns = geometry.size
    p, (cx, cy) = geometry.pixel_mm, geometry.centre_mm
    volume = {
        "GridRowCount": rows,
        "GridColCount": columns,
        "option": {
            "WindowMinX": cx - columns * p / 2,
            "WindowMaxX": cx + columns * p / 2,
            "WindowMinY": cy - rows * p / 2,
            "WindowMaxY": cy + rows * p / 2,
        },
    }
    projections: dict[str, Any] = {
        "type": "parallel",
        "DetectorWidth": geometry.detector_mm,
        "DetectorCount": geometry.detectors,
        "ProjectionAngles": np.array(geometry.angles),
    }
    if isinstance(geometry, FanGeometry):
        if geometry.detector == "curved":
            raise ParameterError("detector = 'curved': ASTRA has no curved detectors.")
        projections["type"] = "fanflat"
        projections["DistanceOriginSource"] = geometry.source_axis_mm
        projections["DistanceOriginDetector"] = geometry.source_detector_mm - geometry.source_axis_mm
    return projections, volume
