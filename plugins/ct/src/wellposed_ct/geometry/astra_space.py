"""Scans in space from and to the ASTRA Toolbox's dictionaries, so that arrays are the same in both.

In space, ASTRA's rows run along +y (in the plane they run along −y, as here in both). Scans are therefore
mirrored in y, which changes no line integral: volumes ``(z, y, x)`` are taken as they are. Projections only
have their axes in another order: ASTRA's are ``(rows, views, columns)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wellposed.errors import ParameterError
from wellposed_ct.geometry.space import Scan
from wellposed_ct.geometry.vector import VectorGeometry

__all__ = ["SPACE", "from_astra_space", "mirrored", "to_astra_space"]

SPACE = ("parallel3d", "parallel3d_vec", "cone", "cone_vec")


def mirrored(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return vectors ``(views, 12)`` with y turned round."""
    return np.asarray(vectors * np.tile([1.0, -1.0, 1.0], 4), np.float64)


def from_astra_space(projections: Mapping[str, Any], volume: Mapping[str, Any] | None) -> VectorGeometry:
    """Return the scan of ASTRA's geometries of type ``parallel3d``, ``cone``, or with ``_vec``."""
    if volume is None:
        raise ParameterError("ASTRA geometry in space: give the volume geometry as well.")
    size, voxel, centre = _window(volume)
    detector = (int(projections["DetectorRowCount"]), int(projections["DetectorColCount"]))
    kind = str(projections["type"])
    if kind.endswith("_vec"):
        table = np.array(projections["Vectors"], np.float64)
    else:
        table = _vectors(projections, kind)
    return VectorGeometry(mirrored(table), size, detector, voxel, centre, kind.startswith("parallel"))


def _vectors(projections: Mapping[str, Any], kind: str) -> NDArray[np.float64]:
    angles = np.array(projections["ProjectionAngles"], np.float64)
    cos, sin, zero = np.cos(angles), np.sin(angles), np.zeros_like(angles)
    ahead = np.stack([-sin, cos, zero], 1)
    u = np.stack([cos, sin, zero], 1) * float(projections["DetectorSpacingX"])
    v = np.stack([zero, zero, zero + float(projections["DetectorSpacingY"])], 1)
    if kind == "parallel3d":
        return np.concatenate([-ahead, 0 * ahead, u, v], 1)
    source, panel = (float(projections[f"DistanceOrigin{end}"]) for end in ("Source", "Detector"))
    return np.concatenate([-source * ahead, panel * ahead, u, v], 1)


def _window(volume: Mapping[str, Any]) -> tuple[tuple[int, int, int], Any, tuple[float, float, float]]:
    counts = [int(volume[f"Grid{name}Count"]) for name in ("Slice", "Row", "Col")]
    option = volume.get("option", {})
    low = [option.get(f"WindowMin{a}", -n / 2) for a, n in zip("ZYX", counts, strict=True)]
    high = [option.get(f"WindowMax{a}", n / 2) for a, n in zip("ZYX", counts, strict=True)]
    voxel = tuple((b - a) / n for a, b, n in zip(low, high, counts, strict=True))
    z, y, x = ((a + b) / 2 for a, b in zip(low, high, strict=True))
    return (counts[0], counts[1], counts[2]), voxel, (x, -y, z)


def to_astra_space(scan: Scan) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return ASTRA's projection (``cone_vec`` or ``parallel3d_vec``) and volume geometries of a scan."""
    rows, columns = scan.detector
    projections = {
        "type": "parallel3d_vec" if scan.parallel else "cone_vec",
        "DetectorRowCount": rows,
        "DetectorColCount": columns,
        "Vectors": mirrored(scan.vectors()),
    }
    x, y, z = scan.centre_mm
    option = {}
    for axis, n, side, middle in zip("ZYX", scan.size, scan.voxel_mm, (z, -y, x), strict=True):
        option[f"WindowMin{axis}"] = middle - n * side / 2
        option[f"WindowMax{axis}"] = middle + n * side / 2
    slices, height, width = scan.size
    volume = {"GridSliceCount": slices, "GridRowCount": height, "GridColCount": width, "option": option}
    return projections, volume
