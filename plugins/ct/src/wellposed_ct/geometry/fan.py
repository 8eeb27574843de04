"""Fan beams: rays from a point source to a flat or a curved detector, in the plane.

With θ the angle of a view, the central ray runs along (−sin θ, cos θ) through the rotation axis, from the
source at a distance ``source_axis_mm`` before it, and meets the detector, which runs along (cos θ, sin θ), at
a distance ``source_detector_mm`` from the source: ASTRA's ``fanflat``, and for a source infinitely far away
the parallel beam of the same angles. A curved detector is an arc about the source, with the same middle. A
tilted flat one runs along (cos(θ + tilt), sin(θ + tilt)) through the same point of the central ray.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal, Self, get_args

import attrs
import numpy as np
from numpy.typing import NDArray

from wellposed.errors import ParameterError
from wellposed_ct.geometry.angles import Ordered, check_angles
from wellposed_ct.geometry.drawing import draw_fan
from wellposed_ct.geometry.parallel import (
    check_bins,
    check_finite,
    check_number,
    check_positive,
    check_size,
)

__all__ = ["Detector", "FanGeometry"]

Detector = Literal["flat", "curved"]


@attrs.frozen(repr=False, init=False)
class FanGeometry:
    """Fan-beam scan of one slice.

    Parameters
    ----------
    angles
        θ of every view, radians.
    size
        Rows and columns of the image.
    source_axis_mm, source_detector_mm
        Distances from the source, along the central ray, to the rotation axis and to the detector.
    detectors
        Number of detector bins.
    detector_mm
        Distance of bins on the detector; along the arc where it is curved, so that neighbouring rays are
        ``detector_mm / source_detector_mm`` radians apart.
    pixel_mm
        Side of a pixel; by default that of a bin, seen from the source, at the rotation axis.
    axis_mm
        Where on the detector the rotation axis projects, from the detector's middle.
    centre_mm
        (x, y) of the image's middle, seen from the rotation axis.
    detector
        ``flat``, or ``curved``: an arc about the source, bins equally spaced in angle.
    tilt
        By how much a flat detector is turned in the plane, counter-clockwise as θ, about the point where the
        rotation axis projects, radians; 0 is perpendicular to the central ray.
    """

    angles: tuple[float, ...]
    size: tuple[int, int]
    source_axis_mm: float
    source_detector_mm: float
    detectors: int
    detector_mm: float
    pixel_mm: float
    axis_mm: float
    centre_mm: tuple[float, float]
    detector: Detector = "flat"
    tilt: float = 0.0

    def __init__(
        self,
        angles: Iterable[float],
        size: Sequence[int],
        source_axis_mm: float,
        source_detector_mm: float,
        detectors: int,
        detector_mm: float,
        pixel_mm: float | None = None,
        axis_mm: float = 0.0,
        centre_mm: Sequence[float] = (0.0, 0.0),
        detector: Detector = "flat",
        tilt: float = 0.0,
    ) -> None:
        owner = "FanGeometry"
        if detector not in get_args(Detector):
            raise ParameterError(f"{owner}: detector = {detector!r} must be 'flat' or 'curved'.")
        check_positive(
            owner,
            source_axis_mm=float(source_axis_mm),
            source_detector_mm=float(source_detector_mm),
            detector_mm=float(detector_mm),
        )
        pixel = float(detector_mm * source_axis_mm / source_detector_mm if pixel_mm is None else pixel_mm)
        check_positive(owner, pixel_mm=pixel)
        if source_detector_mm < source_axis_mm:
            raise ParameterError(
                f"{owner}: source_detector_mm = {source_detector_mm} must be at least source_axis_mm = "
                f"{source_axis_mm}; both are measured from the source."
            )
        rows, columns = check_size(size, owner)
        cx, cy = (float(c) for c in centre_mm)
        axis_mm, tilt = (check_number(owner, n, v) for n, v in (("axis_mm", axis_mm), ("tilt", tilt)))
        check_finite(owner, axis_mm=axis_mm, **{"centre_mm[0]": cx, "centre_mm[1]": cy})
        reach = math.hypot(cx, cy) + math.hypot(rows, columns) * pixel / 2
        if reach >= source_axis_mm:
            raise ParameterError(
                f"{owner}: the image reaches {reach:.4g} mm from the rotation axis, and the source is at "
                f"{source_axis_mm:.4g} mm; make the image smaller, or check the units."
            )
        self.__attrs_init__(
            check_angles(angles, owner),
            (rows, columns),
            float(source_axis_mm),
            float(source_detector_mm),
            check_bins(detectors, owner),
            float(detector_mm),
            pixel,
            axis_mm,
            (cx, cy),
            detector,
            tilt,
        )
        self._check_tilt()
        self._check_arc()

    def _check_arc(self) -> None:
        if self.detector == "curved" and self.fan_angle >= math.pi / 2:
            raise ParameterError(
                f"FanGeometry: {self.detectors} bins of {self.detector_mm:g} mm on an arc of radius "
                f"source_detector_mm = {self.source_detector_mm:g} mm reach "
                f"{math.degrees(self.fan_angle):.4g}° from the central ray, and rays at 90° or more leave "
                "the object; detector_mm is a length along the arc in millimetres, so check its unit, or use "
                "fewer bins."
            )

    def _check_tilt(self) -> None:
        owner, tilt = type(self).__name__, self.tilt
        if not abs(tilt) < math.pi / 2:
            raise ParameterError(
                f"{owner}: tilt = {tilt} must lie between −π/2 and π/2 radians, where a detector faces the "
                "source; convert degrees with numpy.deg2rad."
            )
        if tilt and self.detector == "curved":
            raise ParameterError(
                f"{owner}: tilt = {tilt} and detector = 'curved'; only a flat detector is tilted, an arc "
                "about the source is shifted along itself: axis_mm."
            )
        nearest = float((self.source_detector_mm + self.positions_mm() * math.sin(tilt)).min())
        if nearest <= 0:
            raise ParameterError(
                f"{owner}: tilt = {tilt} puts an end of the detector {nearest:.4g} mm ahead of the source; "
                "this must be more than 0, so tilt less or use fewer bins."
            )

    @property
    def views(self) -> int:
        """Number of angles."""
        return len(self.angles)

    @property
    def fan_angle(self) -> float:
        """Largest angle of a ray against the central ray, radians."""
        return float(np.abs(self.ray_angles()).max())

    def positions_mm(self) -> NDArray[np.float64]:
        """Return where on the detector (along its arc) every bin is, seen from the axis' projection, mm."""
        k = np.arange(self.detectors, dtype=np.float64) - (self.detectors - 1) / 2
        return np.asarray(k * self.detector_mm - self.axis_mm, np.float64)

    def ray_angles(self) -> NDArray[np.float64]:
        """Return every bin's ray against the central one, radians."""
        t, distance = self.positions_mm(), self.source_detector_mm
        if self.detector == "curved":
            return t / distance
        return np.asarray(np.arctan2(t * math.cos(self.tilt), distance + t * math.sin(self.tilt)), np.float64)

    def lines(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return every ray as a line x·cos φ + y·sin φ = s: φ and s (mm), both ``(views, bins)``."""
        gamma = self.ray_angles()
        phi = np.add.outer(np.array(self.angles), -gamma)
        s = np.broadcast_to(self.source_axis_mm * np.sin(gamma), phi.shape)
        return phi, np.asarray(s, np.float64)

    def replace(self, **changes: Any) -> Self:
        """Return the geometry with some arguments changed."""
        return attrs.evolve(self, **changes)

    def subset(self, views: Sequence[int] | slice) -> Self:
        """Return the scan with some of its views, by index or slice."""
        chosen = range(self.views)[views] if isinstance(views, slice) else views
        return self.replace(angles=Ordered(self.angles[i] for i in chosen))

    def svg(self) -> str:
        """Return a drawing: the image, one view's source, rays and detector, and all sources."""
        return draw_fan(self)

    def _repr_html_(self) -> str:
        return f"<figure>{self.svg()}<figcaption>{self!r}</figcaption></figure>"

    def __repr__(self) -> str:
        """Return one line with units."""
        span = math.degrees(max(self.angles) - min(self.angles))
        rows, columns = self.size
        arc = " on an arc" if self.detector == "curved" else ""
        arc = f" tilted by {math.degrees(self.tilt):.4g}°" if self.tilt else arc
        return (
            f"FanGeometry({self.views} views over {span:.4g}°, source {self.source_axis_mm:g} mm before the "
            f"axis and {self.source_detector_mm:g} mm before {self.detectors} bins of "
            f"{self.detector_mm:g} mm{arc}, image {rows}×{columns} of {self.pixel_mm:.4g} mm, "
            f"axis at {self.axis_mm:g} mm)"
        )
