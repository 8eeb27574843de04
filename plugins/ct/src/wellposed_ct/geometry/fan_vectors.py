"""Fans on flat detectors as six numbers per view, and the circle behind such numbers.

A row holds the source, the detector's middle and the step from bin to bin, each as (x, y) in millimetres:
ASTRA's ``fanflat_vec``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from wellposed.errors import ParameterError
from wellposed_ct.geometry.fan import FanGeometry

__all__ = ["circle_of", "fan_vectors"]

SAME = 1e-6
"""Relative difference up to which a length or angle counts as that of all views."""


def fan_vectors(geometry: FanGeometry) -> NDArray[np.float64]:
    """Return the vectors ``(views, 6)`` of a fan on a flat detector."""
    angles = np.array(geometry.angles)
    ahead = np.stack([-np.sin(angles), np.cos(angles)], 1)
    along = np.stack([np.cos(angles + geometry.tilt), np.sin(angles + geometry.tilt)], 1)
    source = -geometry.source_axis_mm * ahead
    middle = source + geometry.source_detector_mm * ahead - geometry.axis_mm * along
    return np.concatenate([source, middle, geometry.detector_mm * along], 1)


def circle_of(
    vectors: NDArray[np.float64],
) -> tuple[NDArray[np.float64], float, float, float, float, float]:
    """Return angles, source_axis_mm, source_detector_mm, detector_mm, axis_mm and tilt of vectors ``(V, 6)``.

    Raises
    ------
    ParameterError
        One of them changes from view to view, the source lies on the axis, or the detector's bins run the
        other way round.
    """
    table = np.asarray(vectors, np.float64)
    if table.ndim != 2 or table.shape[1] != 6 or not len(table) or not np.isfinite(table).all():
        raise ParameterError(
            f"vectors of a fan have shape {table.shape}, but must be (views, 6) finite numbers: source, "
            "detector's middle and step from bin to bin, each as (x, y)."
        )
    source, middle, step = table[:, :2], table[:, 2:4], table[:, 4:]
    radius, spacing = np.hypot(*source.T), np.hypot(*step.T)
    if (radius == 0).any() or (spacing == 0).any():
        raise ParameterError("vectors of a fan: a source lies on the rotation axis, or a step is zero.")
    ahead, along, away = -source / radius[:, None], step / spacing[:, None], middle - source
    tilt = np.arctan2((along * ahead).sum(1), _cross(along, ahead))
    if (np.abs(tilt) >= math.pi / 2).any():
        raise ParameterError(
            "vectors of a fan: bins run against the direction of the angles; reverse the step and the "
            "sinogram."
        )
    distance, axis = _cross(away, along) / _cross(ahead, along), _cross(away, ahead) / _cross(ahead, along)
    size = float(distance.max())
    return (
        np.unwrap(np.arctan2(-ahead[:, 0], ahead[:, 1])),
        _same("distance from source to axis", radius, size),
        _same("distance from source to detector", distance, size),
        _same("distance of bins", spacing, float(spacing.max())),
        _same("axis on the detector", axis, size),
        _same("tilt", tilt, 1.0),
    )


def _cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], np.float64)


def _same(what: str, values: NDArray[np.float64], scale: float) -> float:
    if np.ptp(values) > SAME * scale:
        raise ParameterError(
            f"vectors of a fan: the {what} changes from {values.min():.6g} to {values.max():.6g}, but "
            "source and detector of a fan move on a circle; use VectorGeometry with one slice instead."
        )
    return float(values.mean())
