"""The angles of a scan: whether they are numbers, radians, and in an order that a scanner has."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from wellposed.errors import ParameterError

__all__ = ["Ordered", "check_angles", "steps_back"]

SAME = 1e-6
"""Radians by which even steps may differ."""


class Ordered(tuple[float, ...]):
    """Angles whose order is meant: chosen views, a projector's own, a scan's that was doubted once."""

    __slots__ = ()


def steps_back(angles: ArrayLike) -> int:
    """Return how many steps go the other way than most, or stand still.

    None do where the angles advance always the same way, also past a full turn begun anew (from 359° to 0°),
    and none where they advance by one step modulo the half turn or the turn, as golden angles do.
    """
    values = np.asarray(angles, np.float64)
    steps = np.diff(values)
    if not len(steps):
        return 0
    for turn in (math.pi, 2 * math.pi):
        folded = np.angle(np.exp(1j * (steps - steps[0]) * (2 * math.pi / turn)))
        if np.abs(steps[0]) > SAME and np.abs(folded).max() <= SAME:
            return 0
    around = (steps + math.pi) % (2 * math.pi) - math.pi
    return min(_minority(steps), _minority(around))


def check_angles(angles: Iterable[float], owner: str) -> Ordered:
    """Return angles as floats; warn where their size suggests degrees, or their order a mistake.

    Raises
    ------
    ParameterError
        There is none, or one is not finite.
    """
    values = Ordered(float(a) for a in angles)
    if not values:
        raise ParameterError(f"{owner}: no angles are given; at least one view is needed.")
    if bad := [i for i, a in enumerate(values) if not math.isfinite(a)]:
        raise ParameterError(f"{owner}: angle {bad[0]} is {values[bad[0]]}; angles are finite, in radians.")
    if max(map(abs, values)) > 4 * math.pi + 1e-3:
        warnings.warn(
            f"{owner}: angles reach {max(values, key=abs):.6g}, more than two turns in radians; if they are "
            "degrees, convert them with numpy.deg2rad.",
            UserWarning,
            stacklevel=3,
        )
    elif not isinstance(angles, Ordered) and (back := steps_back(values)):
        warnings.warn(
            f"{owner}: angles are not monotone: {back} of {len(values) - 1} steps go the other way or stand "
            "still. If the scan was made in this order, hand over sorted views, or choose them by "
            "subset(order) from a scan in order; else mend the angles.",
            UserWarning,
            stacklevel=3,
        )
    return values


def _minority(steps: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> int:
    return len(steps) - max(int((steps > 0).sum()), int((steps < 0).sum()))
