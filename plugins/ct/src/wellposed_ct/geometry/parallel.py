"""Parallel rays in the plane: where every ray runs, as plain checked data.

Conventions, shared by all geometries: millimetres and radians. The picture's columns run along +x, its rows
along −y (row 0 is on top), and the rotation axis is the origin. A ray of angle θ and detector coordinate s
is the line x·cos θ + y·sin θ = s, as in Kak & Slaney (1988), ch. 3.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Self

import attrs
import numpy as np
from numpy.typing import NDArray

from wellposed.errors import ParameterError
from wellposed_ct.geometry.angles import Ordered, check_angles
from wellposed_ct.geometry.drawing import draw_parallel

__all__ = ["ParallelGeometry", "check_bins", "check_finite", "check_number", "check_positive", "check_size"]


def check_positive(owner: str, **values: float) -> None:
    """Raise :class:`ParameterError` unless every value is a finite number > 0."""
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise ParameterError(f"{owner}: {name} = {value} must be a finite length > 0 (millimetres).")


def check_finite(owner: str, **values: float) -> None:
    """Raise :class:`ParameterError` unless every value is a finite number."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise ParameterError(f"{owner}: {name} = {value} must be a finite number (millimetres).")


def check_number(owner: str, name: str, value: Any) -> float:
    """Return the one number that all views share."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ParameterError(
            f"{owner}: {name} = {value!r} must be one number, which all views share; one per view is what "
            "VectorGeometry is for."
        ) from None


def check_bins(detectors: float, owner: str) -> int:
    """Return a number of bins, whole and ≥ 1."""
    if not (math.isfinite(detectors) and detectors == int(detectors) and detectors >= 1):
        raise ParameterError(f"{owner}: detectors = {detectors} must be at least 1, and whole.")
    return int(detectors)


def check_size(size: Sequence[int], owner: str) -> tuple[int, int]:
    """Return ``(rows, columns)``, both ≥ 1."""
    values = tuple(int(n) for n in size)
    if len(values) != 2 or min(values) < 1:
        raise ParameterError(f"{owner}: size = {tuple(size)} must be (rows, columns), both at least 1.")
    return values[0], values[1]


@attrs.frozen(repr=False, init=False)
class ParallelGeometry:
    """Parallel-beam scan of one slice.

    Parameters
    ----------
    angles
        θ of every view, radians, any spacing; an order that goes back and forth is doubted (a warning).
    size
        Rows and columns of the image.
    detectors
        Number of detector bins; by default enough for the image's diagonal.
    pixel_mm
        Side of a pixel.
    detector_mm
        Distance of detector bins; by default ``pixel_mm``.
    axis_mm
        Where on the detector the rotation axis projects (the centre of rotation), from the detector's middle:
        bin k sees s = (k − (detectors − 1)/2)·detector_mm − axis_mm.
    centre_mm
        (x, y) of the image's middle, seen from the rotation axis.
    """

    angles: tuple[float, ...]
    size: tuple[int, int]
    detectors: int = 0
    pixel_mm: float = 1.0
    detector_mm: float = 0.0
    axis_mm: float = 0.0
    centre_mm: tuple[float, float] = (0.0, 0.0)

    def __init__(
        self,
        angles: Iterable[float],
        size: Sequence[int],
        detectors: int | None = None,
        pixel_mm: float = 1.0,
        detector_mm: float | None = None,
        axis_mm: float = 0.0,
        centre_mm: Sequence[float] = (0.0, 0.0),
    ) -> None:
        owner = "ParallelGeometry"
        spacing = float(pixel_mm if detector_mm is None else detector_mm)
        check_positive(owner, pixel_mm=float(pixel_mm), detector_mm=spacing)
        rows, columns = check_size(size, owner)
        if detectors is None:
            detectors = math.ceil(math.hypot(rows, columns) * float(pixel_mm) / spacing - 1e-9)
        if len(tuple(centre_mm)) != 2:
            raise ParameterError(f"{owner}: centre_mm = {tuple(centre_mm)} must be (x, y) in millimetres.")
        x, y = (float(c) for c in centre_mm)
        axis_mm = check_number(owner, "axis_mm", axis_mm)
        check_finite(owner, axis_mm=axis_mm, **{"centre_mm[0]": x, "centre_mm[1]": y})
        self.__attrs_init__(
            check_angles(angles, owner),
            (rows, columns),
            check_bins(detectors, owner),
            float(pixel_mm),
            spacing,
            axis_mm,
            (x, y),
        )

    @property
    def views(self) -> int:
        """Number of angles."""
        return len(self.angles)

    def positions_mm(self) -> NDArray[np.float64]:
        """Return s of every detector bin, millimetres from the rotation axis, ``(detectors,)``."""
        k = np.arange(self.detectors, dtype=np.float64) - (self.detectors - 1) / 2
        return np.asarray(k * self.detector_mm - self.axis_mm, np.float64)

    def lines(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return every ray as a line x·cos φ + y·sin φ = s: φ and s (mm), both ``(views, bins)``."""
        phi, s = np.meshgrid(np.array(self.angles), self.positions_mm(), indexing="ij")
        return np.asarray(phi, np.float64), np.asarray(s, np.float64)

    def replace(self, **changes: Any) -> Self:
        """Return the geometry with some arguments changed."""
        return attrs.evolve(self, **changes)

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

    @property
    def truncated(self) -> bool:
        """Whether some pixel's corner lies outside the rays of some view."""
        half = (np.array(self.size[::-1]) * self.pixel_mm) / 2
        corners = np.array([(sx, sy) for sx in (-1, 1) for sy in (-1, 1)]) * half + self.centre_mm
        normals = np.stack([np.cos(self.angles), np.sin(self.angles)])
        s = corners @ normals
        low, high = self.positions_mm()[[0, -1]] + np.array([-0.5, 0.5]) * self.detector_mm
        return bool((s < low - 1e-6).any() or (s > high + 1e-6).any())

    def svg(self) -> str:
        """Return a drawing: the image, the detector of one view, and the directions of all views."""
        return draw_parallel(self)

    def _repr_html_(self) -> str:
        return f"<figure>{self.svg()}<figcaption>{self!r}</figcaption></figure>"

    def __repr__(self) -> str:
        """Return one line with units."""
        span = math.degrees(max(self.angles) - min(self.angles))
        rows, columns = self.size
        return (
            f"ParallelGeometry({self.views} views over {span:.4g}°, {self.detectors} bins of "
            f"{self.detector_mm:g} mm, image {rows}×{columns} of {self.pixel_mm:g} mm, "
            f"axis at {self.axis_mm:g} mm, centre at {self.centre_mm} mm)"
        )
