"""Scans from and to the ASTRA Toolbox's dictionaries, without importing it.

ASTRA counts lengths in any unit; here it is millimetres. Its angles, axes and detector direction are ours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from wellposed.errors import ParameterError
from wellposed_ct.geometry.astra_space import SPACE, from_astra_space, to_astra_space
from wellposed_ct.geometry.fan import FanGeometry
from wellposed_ct.geometry.fan_vectors import circle_of, fan_vectors
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
        What ``astra.create_proj_geom`` returns: ``parallel``, ``fanflat``, and ``fanflat_vec`` of a source
        and detector on a circle, in the plane; ``parallel3d``, ``cone`` and both with ``_vec`` in space,
        mirrored so that volumes are the same arrays.
    volume
        What ``astra.create_vol_geom`` returns; in the plane by default a square of as many unit pixels as
        detector bins.

    Raises
    ------
    ParameterError
        Another type of geometry, pixels that are not square, or vectors in the plane that no circle gives.
    """
    kind = projections.get("type")
    if kind in SPACE:
        return from_astra_space(projections, volume)
    if kind not in ("parallel", "fanflat", "fanflat_vec"):
        raise ParameterError(
            f"ASTRA geometry of type {kind!r}: only 'parallel', 'fanflat', 'fanflat_vec', 'parallel3d', "
            "'cone' and the latter two's vectors are converted."
        )
    count = int(projections["DetectorCount"])
    size, pixel, centre = _window(volume, count)
    if kind == "fanflat_vec":
        turn, source, distance, spacing, axis, tilt = circle_of(np.asarray(projections["Vectors"]))
        return FanGeometry(turn, size, source, distance, count, spacing, pixel, axis, centre, tilt=tilt)
    spacing = float(projections["DetectorWidth"])
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

    A fan on a detector that is tilted or off the axis becomes ``fanflat_vec``.

    Raises :class:`~wellposed.errors.ParameterError` for an ``axis_mm`` of parallel beams, for which ASTRA
    needs vectors, and for a curved detector.
    """
    if isinstance(geometry, Scan):
        return to_astra_space(geometry)
    if isinstance(geometry, FanGeometry):
        return _to_fan(geometry), _volume(geometry)
    if geometry.axis_mm:
        raise ParameterError(
            f"axis_mm = {geometry.axis_mm}: ASTRA's 'parallel' has no detector offset; "
            "replace it by 0 and shift the image: centre_mm."
        )
    projections = {
        "type": "parallel",
        "DetectorWidth": geometry.detector_mm,
        "DetectorCount": geometry.detectors,
        "ProjectionAngles": np.array(geometry.angles),
    }
    return projections, _volume(geometry)


def _to_fan(geometry: FanGeometry) -> dict[str, Any]:
    if geometry.detector == "curved":
        raise ParameterError("detector = 'curved': ASTRA has no curved detectors.")
    projections: dict[str, Any] = {"type": "fanflat", "DetectorCount": geometry.detectors}
    if geometry.axis_mm or geometry.tilt:
        return projections | {"type": "fanflat_vec", "Vectors": fan_vectors(geometry)}
    return projections | {
        "DetectorWidth": geometry.detector_mm,
        "ProjectionAngles": np.array(geometry.angles),
        "DistanceOriginSource": geometry.source_axis_mm,
        "DistanceOriginDetector": geometry.source_detector_mm - geometry.source_axis_mm,
    }


def _volume(geometry: ParallelGeometry | FanGeometry) -> dict[str, Any]:
    rows, columns = geometry.size
    p, (cx, cy) = geometry.pixel_mm, geometry.centre_mm
    return {
        "GridRowCount": rows,
        "GridColCount": columns,
        "option": {
            "WindowMinX": cx - columns * p / 2,
            "WindowMaxX": cx + columns * p / 2,
            "WindowMinY": cy - rows * p / 2,
            "WindowMaxY": cy + rows * p / 2,
        },
    }
