"""Scans from ODL's geometries, without importing it.

Coordinates are the same; arrays differ. ODL's images are indexed ``[x, y]`` and ``[x, y, z]``, all axes
upwards: ``array.T[::-1]`` and ``array.transpose(2, 1, 0)[:, ::-1]`` are ours. Its projections in space are
``(views, columns, rows)``: transpose the last two.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wellposed.errors import ParameterError
from wellposed_ct.geometry.fan import FanGeometry
from wellposed_ct.geometry.parallel import ParallelGeometry
from wellposed_ct.geometry.space import Scan
from wellposed_ct.geometry.vector import VectorGeometry

__all__ = ["from_odl"]


def from_odl(geometry: Any, space: Any) -> ParallelGeometry | FanGeometry | Scan:
    """Return the scan of an ODL geometry and discretised space.

    Takes parallel beams in the plane and in space, fans with flat and curved detectors, and cone beams with
    flat panels, circular and helical, with shifts of source and detector in space.

    Parameters
    ----------
    geometry
        ``odl.applications.tomo`` geometry: ``Parallel2dGeometry``, ``FanBeamGeometry``, ``ConeBeamGeometry``,
        …
    space
        The ``DiscretizedSpace`` of images.

    Raises
    ------
    ParameterError
        Pixels in the plane are not square, the detector is of another kind, or it runs the other way round.
    """
    curved = getattr(geometry, "det_curvature_radius", None)
    if geometry.ndim == 2:
        return _plane(geometry, space, curved)
    if curved is not None:
        raise ParameterError(f"ODL geometry with a curved panel ({curved}): only flat panels are converted.")
    return _space(geometry, space)


def _plane(geometry: Any, space: Any, curved: float | None) -> ParallelGeometry | FanGeometry:
    (height, width), centre, (side_x, side_y) = space.shape[::-1], _middle(space), space.cell_sides
    if not math.isclose(side_x, side_y, rel_tol=1e-6):
        raise ParameterError(f"ODL space has pixels of {side_x:g} × {side_y:g}; square pixels are needed.")
    bins, spacing = int(geometry.det_partition.size), float(geometry.det_partition.cell_sides[0])
    middle = float(geometry.det_partition.mid_pt[0])
    given = np.asarray(geometry.angles, np.float64)
    axis = np.asarray([geometry.det_axis(a) for a in given])
    # angles as ODL counts them, from where its detector stands at 0
    offset = float(np.arctan2(axis[0, 1], axis[0, 0]) - given[0])
    angles = given + offset
    if not np.allclose(axis, np.stack([np.cos(angles), np.sin(angles)], 1), atol=1e-6):
        raise ParameterError("ODL geometry: its detector turns the other way round; reverse it.")
    if not hasattr(geometry, "src_position"):
        shift = np.array(
            [np.asarray(geometry.det_point_position(a, middle)) @ u for a, u in zip(given, axis, strict=True)]
        )
        return ParallelGeometry(
            angles, (height, width), bins, side_x, spacing, _same(-shift, "detector's shift"), centre
        )
    source, panel = float(geometry.src_radius), float(geometry.src_radius + geometry.det_radius)
    ahead = np.stack([-axis[:, 1], axis[:, 0]], 1)
    if not np.allclose([geometry.src_position(a) for a in given], -source * ahead, atol=1e-6 * source):
        raise ParameterError(
            "ODL geometry: its source is shifted, or the fan is mirrored; this is not converted."
        )
    if curved is not None and not math.isclose(curved, panel, rel_tol=1e-6):
        raise ParameterError(
            f"ODL geometry: the detector's radius {curved:g} is not its distance {panel:g} from the source."
        )
    scale = 1.0 if curved is None else panel  # a curved detector counts radians
    kind: Any = "flat" if curved is None else "curved"
    more = (spacing * scale, side_x, -middle * scale, centre, kind)
    return FanGeometry(angles, (height, width), source, panel, bins, *more)


def _space(geometry: Any, space: Any) -> VectorGeometry:
    parallel = not hasattr(geometry, "src_position")
    columns, rows = geometry.det_partition.shape
    side_u, side_v = geometry.det_partition.cell_sides
    table = []
    for angle in np.asarray(geometry.angles, np.float64):
        middle = np.asarray(geometry.det_point_position(angle, geometry.det_partition.mid_pt))
        u, v = geometry.det_axes(angle)
        if parallel:
            first = np.asarray(geometry.det_to_src(angle, geometry.det_partition.mid_pt))
        else:
            first = np.asarray(geometry.src_position(angle))
        table.append(np.concatenate([first, middle, u * side_u, v * side_v]))
    return VectorGeometry(
        table, space.shape[::-1], (rows, columns), space.cell_sides[::-1].tolist(), _middle(space), parallel
    )


def _middle(space: Any) -> Any:
    return tuple(((np.asarray(space.min_pt) + np.asarray(space.max_pt)) / 2).tolist())


def _same(values: Any, what: str) -> float:
    if np.ptp(values) > 1e-6 * (1 + abs(float(values[0]))):
        raise ParameterError(f"ODL geometry: the {what} changes from view to view; this is not converted.")
    return float(values[0])
