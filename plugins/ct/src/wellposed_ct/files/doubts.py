"""Angles that can be read and yet are hardly what they are taken for: one sentence each."""

from __future__ import annotations

import math
import warnings
from os import PathLike, fspath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wellposed.errors import FileFormatError
from wellposed_ct.geometry.angles import steps_back

__all__ = ["angle_warnings", "degrees_of", "doubt_order"]


def degrees_of(
    path: str | PathLike[str], values: Any, views: int, units: str | None = None
) -> NDArray[np.float64]:
    """Return radians of a file's angles, which are degrees unless its ``units`` say otherwise.

    Raises :class:`FileFormatError` where they are not one finite number per view; warns where their span
    suggests that they were radians all along.
    """
    angles = np.asarray(values, np.float64).ravel()
    if len(angles) != views:
        raise FileFormatError(
            f"{fspath(path)}: {len(angles)} angles for {views} views; every view needs one."
        )
    if not np.isfinite(angles).all():
        raise FileFormatError(
            f"{fspath(path)}: {int((~np.isfinite(angles)).sum())} angles are NaN or infinite."
        )
    if units and units.lower().startswith("rad"):
        return angles
    span = float(np.ptp(angles))
    if units is None and views >= 30 and 0 < span <= 2 * math.pi + 0.1:
        warnings.warn(
            f"{fspath(path)}: {views} angles span only {span:.4g}°; if they are radians, say so in the file "
            "(units), or convert them.",
            UserWarning,
            stacklevel=2,
        )
    return np.deg2rad(angles)


def doubt_order(path: str | PathLike[str], angles: NDArray[np.float64]) -> None:
    """Warn where angles go back and forth."""
    if count := steps_back(angles):
        warnings.warn(
            f"{path}: angles are not monotone: {count} of {len(angles) - 1} steps go the other way or stand "
            "still; check them unless the scan was interleaved.",
            UserWarning,
            stacklevel=3,
        )


def angle_warnings(angles: NDArray[np.float64]) -> list[str]:
    """Return what looks wrong with a scan's angles (radians), in sentences."""
    found = []
    if count := steps_back(angles):
        found.append(
            f"angles are not monotone: {count} of {len(angles) - 1} steps go the other way or stand still"
        )
    if len(angles) and np.abs(angles).max() > 4 * math.pi + 1e-3:
        found.append(f"angles reach {np.degrees(np.abs(angles).max()):.6g}°: are degrees given as radians?")
    if len(angles) > 1 and (seen := _covered(angles)) < math.pi - 0.02:
        found.append(
            f"angles cover {np.degrees(seen):.4g}° of the half turn that is needed: edges that no ray "
            "touches will be smeared"
        )
    return found


def _covered(angles: NDArray[np.float64]) -> float:
    """Return the arc that was seen, modulo π; gaps of more than three usual steps were not."""
    folded = np.unique(np.round(angles % math.pi, 9))
    if len(folded) < 2:
        return 0.0
    gaps = np.diff(folded, append=folded[0] + math.pi)
    usual = float(np.median(gaps))
    return float(np.where(gaps > 3 * usual, usual, gaps).sum())
