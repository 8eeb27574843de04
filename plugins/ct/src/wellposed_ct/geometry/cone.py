"""Cone beams: rays from a point source to a flat panel, on a circle, a helix, or anywhere.

With θ the angle of a view, the source stands at R·(sin θ, −cos θ) and the panel's columns run along
(cos θ, sin θ), its rows along +z, as in :class:`~wellposed_ct.geometry.FanGeometry`, which is the plane z = 0
of this scan. Volumes are ``(D, H, W)``: slices along +z, and in each the rows along −y and columns along +x.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

import attrs
import numpy as np
from numpy.typing import NDArray

from wellposed.errors import ParameterError
from wellposed_ct.geometry.angles import Ordered, check_angles
from wellposed_ct.geometry.drawing3d import draw_scan
from wellposed_ct.geometry.parallel import check_finite, check_positive
from wellposed_ct.geometry.space import Scan, counts, lengths, point

if TYPE_CHECKING:
    from wellposed_ct.geometry.vector import VectorGeometry

__all__ = ["ConeGeometry"]


@attrs.frozen(repr=False, init=False)
class ConeGeometry(Scan):
    """Cone-beam scan with a flat panel on a circle or helix.

    Parameters
    ----------
    angles
        θ of every view, radians.
    size
        Slices, rows and columns ``(D, H, W)`` of the volume.
    source_axis_mm, source_detector_mm
        Distances from the source to the rotation axis and to the panel.
    detector
        Rows and columns of the panel.
    detector_mm
        Distance of its rows and of its columns; one number if they are the same.
    voxel_mm
        Sides of a voxel along z, y and x; by default the distance of columns, seen from the source, at the
        rotation axis.
    axis_mm, plane_mm
        Where on the panel the rotation axis and the source's own height project, from the panel's middle,
        along its columns (u) and rows (v).
    pitch_mm
        How far source and panel rise along +z per turn: at angle θ they are at z = pitch·θ/2π.
    rotation
        Rotations of the panel about its middle, radians: roll in its own plane, tilt about u, slant about v,
        applied in this order.
    centre_mm
        (x, y, z) of the volume's middle, seen from the rotation axis.
    """

    angles: tuple[float, ...]
    size: tuple[int, int, int]
    source_axis_mm: float
    source_detector_mm: float
    detector: tuple[int, int]
    detector_mm: tuple[float, float]
    voxel_mm: tuple[float, float, float]
    axis_mm: float
    plane_mm: float
    pitch_mm: float
    rotation: tuple[float, float, float]
    centre_mm: tuple[float, float, float]

    def __init__(
        self,
        angles: Iterable[float],
        size: Sequence[int],
        source_axis_mm: float,
        source_detector_mm: float,
        detector: Sequence[int],
        detector_mm: float | Sequence[float],
        voxel_mm: float | Sequence[float] | None = None,
        axis_mm: float = 0.0,
        plane_mm: float = 0.0,
        pitch_mm: float = 0.0,
        rotation: Sequence[float] = (0.0, 0.0, 0.0),
        centre_mm: Sequence[float] = (0.0, 0.0, 0.0),
    ) -> None:
        owner = "ConeGeometry"
        near, far = float(source_axis_mm), float(source_detector_mm)
        check_positive(owner, source_axis_mm=near, source_detector_mm=far)
        check_finite(owner, axis_mm=float(axis_mm), plane_mm=float(plane_mm), pitch_mm=float(pitch_mm))
        if far < near:
            raise ParameterError(
                f"{owner}: source_detector_mm = {far} must be at least source_axis_mm = {near}; both are "
                "measured from the source."
            )
        spacing = lengths(owner, "detector_mm", detector_mm, ("row", "column"))
        voxel = lengths(
            owner, "voxel_mm", spacing[1] * near / far if voxel_mm is None else voxel_mm, ("z", "y", "x")
        )
        shape = counts(owner, "size", size, ("slices", "rows", "columns"))
        centre = point(owner, "centre_mm", centre_mm, ("x", "y", "z"))
        reach = math.hypot(*centre[:2]) + math.hypot(shape[1] * voxel[1], shape[2] * voxel[2]) / 2
        if reach >= near:
            raise ParameterError(
                f"{owner}: the volume reaches {reach:.4g} mm from the rotation axis, and the source is at "
                f"{near:.4g} mm; make the volume smaller, or check the units."
            )
        turns = point(owner, "rotation", rotation, ("roll", "tilt", "slant"))
        if max(map(abs, turns[1:])) >= math.pi / 2:
            raise ParameterError(
                f"{owner}: rotation = {turns} (roll, tilt, slant) turns the panel's back to the source; "
                "angles are in radians."
            )
        self.__attrs_init__(
            check_angles(angles, owner),
            shape,
            near,
            far,
            counts(owner, "detector", detector, ("rows", "columns")),
            spacing,
            voxel,
            float(axis_mm),
            float(plane_mm),
            float(pitch_mm),
            turns,
            centre,
        )

    @property
    def parallel(self) -> bool:
        """False: rays start in a point."""
        return False

    @property
    def views(self) -> int:
        """Number of angles."""
        return len(self.angles)

    @property
    def cone_angle(self) -> float:
        """Largest angle of a ray against the central plane of an upright panel, radians."""
        reach = (self.detector[0] - 1) / 2 * self.detector_mm[0] + abs(self.plane_mm)
        return math.atan(reach / self.source_detector_mm)

    def vectors(self) -> NDArray[np.float64]:
        """Return source, panel's middle, u and v of every view, ``(views, 12)``, mm."""
        import torch

        from wellposed_ct.projectors.vectors import circular_vectors

        found = circular_vectors(
            torch.tensor(self.angles, dtype=torch.float64),
            self.source_axis_mm,
            self.source_detector_mm,
            self.detector_mm,
            self.axis_mm,
            self.plane_mm,
            self.pitch_mm,
            self.rotation,
        )
        return np.asarray(found.numpy(), np.float64)

    def as_vectors(self) -> VectorGeometry:
        """Return the same scan as arbitrary vectors, each of which may then be moved."""
        from wellposed_ct.geometry.vector import VectorGeometry

        return VectorGeometry(self.vectors(), self.size, self.detector, self.voxel_mm, self.centre_mm)

    def subset(self, views: Sequence[int] | slice) -> Self:
        """Return the scan with some of its views, by index or slice (ordered subsets, sparse views)."""
        chosen = range(self.views)[views] if isinstance(views, slice) else views
        return self.replace(angles=Ordered(self.angles[i] for i in chosen))

    def limited(self, start: float, stop: float) -> Self:
        """Return the scan with the views of angles in [start, stop], radians."""
        chosen = Ordered(a for a in self.angles if start <= a <= stop)
        if not chosen:
            raise ParameterError(
                f"no view has an angle in [{start:.4g}, {stop:.4g}] rad; "
                f"they reach from {min(self.angles):.4g} to {max(self.angles):.4g}."
            )
        return self.replace(angles=chosen)

    def crop_rows(self, first: int, last: int) -> Self:
        """Return the scan with the panel's rows [first, last) alone; the panel must not be rotated."""
        if any(self.rotation):
            raise ParameterError(
                f"crop_rows: the panel is rotated by {self.rotation}, about its middle; use as_vectors()."
            )
        shift = ((first + last) / 2 - self.detector[0] / 2) * self.detector_mm[0]
        return self.replace(detector=(last - first, self.detector[1]), plane_mm=self.plane_mm - shift)

    def svg(self) -> str:
        """Return a drawing from above and from the side: volume, sources, and the panel of one view."""
        return draw_scan(self)

    def __repr__(self) -> str:
        """Return one line with units."""
        span = math.degrees(max(self.angles) - min(self.angles))
        rows, columns = self.detector
        path = f" on a helix of {self.pitch_mm:g} mm per turn" if self.pitch_mm else ""
        turned = f", rotated by {self.rotation} rad" if any(self.rotation) else ""
        return (
            f"ConeGeometry({self.views} views over {span:.4g}°{path}, source {self.source_axis_mm:g} mm "
            f"before the axis and {self.source_detector_mm:g} mm before {rows}×{columns} pixels of "
            f"{self.detector_mm[0]:g}×{self.detector_mm[1]:g} mm{turned}, {self._volume()}, "
            f"axis at {self.axis_mm:g} mm, plane at {self.plane_mm:g} mm)"
        )

    def replace(self, **changes: Any) -> Self:
        """Return the scan with some arguments changed."""
        return attrs.evolve(self, **changes)
