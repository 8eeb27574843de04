"""How much every measured ray counts, so that in a filtered back-projection each line counts once.

Two questions, for any set of views. How long an arc does a view stand for: half the way to both neighbours,
and nothing for arcs that were not measured (:func:`arc_weights`). And how is a line that was measured from
both sides shared: each ray has a merit that falls smoothly to zero at the ends of the measured arcs and of a
displaced detector, and counts by its share of the merit of both (:func:`ray_weights`).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

__all__ = ["arc_weights", "beyond", "is_displaced", "ray_weights", "widened"]

MISSING = math.radians(10)
"""Gaps are bridged by the views around them up to this; a wider one, unlike the others, was not measured."""

RISE = math.radians(10)
"""Along how much of an arc the merit rises (Noo et al. propose 10°)."""


def arc_weights(angles: Tensor, period: float = 2 * math.pi) -> Tensor:
    """Return the arc, in radians of ``period``, that each view stands for, ``(V,)`` float64.

    Half the way to both neighbours. Gaps of more than three usual ones and 10° are arcs without views
    (limited angle, a short scan), for which none stands. Directions measured twice, exactly or nearly, share
    their arc.
    """
    _, order, ahead, usual, missing = _gaps(angles, period)
    limited = torch.where(missing, usual, ahead)
    return ((limited + limited.roll(1)) / 2)[torch.argsort(order)]


def ray_weights(
    angles: Tensor, position: Tensor, fan: Tensor | None = None, displaced: bool = True
) -> Tensor:
    """Return how much each ray counts, ``(V, D)``: two opposite rays together count as one.

    A ray's merit is m = c·t, with c rising along the ends of the measured arcs (Noo et al. 2002,
    doi:10.1088/0031-9155/47/14/311), and t across the overlap of a detector that is displaced to one side of
    the axis (Wang 2002, doi:10.1118/1.1489043); it counts m/(m + m'), m' being that of its opposite.

    Parameters
    ----------
    angles
        ``(V,)``, radians.
    position
        Of each ray, seen from the one through the axis, in any unit, ``(V, D)``.
    fan
        Angle of each ray against that one, ``(V, D)``, radians; ``None`` for parallel rays.
    displaced
        Whether a detector that reaches further to one side is meant so; else the object is seen whole.
    """
    beta = angles.to(position)[:, None].expand_as(position)
    opposite = beta + math.pi - (0 if fan is None else 2 * fan)
    own, other = _along(angles, beta), _along(angles, opposite)
    if displaced:
        own, other = own * _across(position, position), other * _across(position, -position)
    # a ray on the very edge of what is measured, opposite to another such: each counts one half
    tiny = 1e-12
    return (own + tiny) / (own + other + 2 * tiny) if bool((own <= 0).any()) else own / (own + other)


def is_displaced(position: Tensor) -> bool:
    """Return whether rays ``(V, D)`` reach clearly further to one side of the axis than to the other."""
    short, long, _ = _sides(position)
    return bool((short < 0.95 * long).any())


def beyond(position: Tensor, mirrored: Tensor | None = None) -> tuple[int, int]:
    """Return how many bins a displaced detector lacks, on its low and on its high side, to be symmetric.

    A filtered view goes on beyond the detector, and where the line is shared with an opposite ray, that tail
    is needed: views are padded before they are filtered.

    Parameters
    ----------
    position
        Equally spaced, ``(V, D)``.
    mirrored
        Where the opposite rays would be, for a detector that is known to be displaced; by default, on the
        other side at the same distance.
    """
    if position.shape[1] < 2 or (mirrored is None and not is_displaced(position)):
        return 0, 0
    wanted = -position if mirrored is None else mirrored
    step = (position[0, 1] - position[0, 0]).abs()
    below, above = (position.amin(1) - wanted.amin(1)).amax(), (wanted.amax(1) - position.amax(1)).amax()
    low, high = (max(0, math.ceil(float(n / step) - 1e-6)) for n in (below, above))
    return (low, high) if float(position[0, 1] - position[0, 0]) > 0 else (high, low)


def widened(operator: Any, low: int, high: int) -> Any:
    """Return a beam of the plane with more bins on the low and high side, all others where they were."""
    if not low + high:
        return operator
    shift = (low - high) / 2 * operator.detector_mm
    return operator.replace(detectors=operator.detectors + low + high, axis_mm=operator.axis_mm + shift)


def _sides(position: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return how far the short and the long side reach, and the latter's sign, ``(V, 1)``."""
    low, high = -position.amin(1, keepdim=True), position.amax(1, keepdim=True)
    return torch.minimum(low, high), torch.maximum(low, high), torch.sign(high - low)


def _across(position: Tensor, at: Tensor) -> Tensor:
    """Return the merit across the detector: 1, or Wang's sine where it is displaced."""
    short, long, side = _sides(position)
    inside = (side * at / short.clamp(min=1e-9 * float(long.detach().amax()))).clamp(-1, 1)
    return torch.where(short < 0.95 * long, (1 + torch.sin(math.pi / 2 * inside)) / 2, 1.0)


def _along(angles: Tensor, at: Tensor) -> Tensor:
    """Return the merit along the turn: 0 in the arcs that are missing, rising beside them to 1."""
    folded, order, ahead, usual, missing = _gaps(angles, 2 * math.pi)
    merit = torch.ones_like(at)
    if not bool(missing.any()):
        return merit
    # a view on the edge stands for half a step beyond it
    stops = folded[order][missing] + usual / 2
    for stop, width in zip(stops, ahead[missing] - usual, strict=True):
        after = (at - stop - width).remainder(2 * math.pi)
        before = 2 * math.pi - width - after
        near = torch.minimum(after, before).clamp(min=0)
        merit = merit * torch.sin(math.pi / 2 * (near / RISE).clamp(max=1)) ** 2
    return merit


def _gaps(angles: Tensor, period: float) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return angles in the period, their order, the gaps after them, the usual gap, and which are missing.

    The usual gap is the one in whose like half of the measured arc lies: unlike the median, it does not care
    about directions that were measured again, be it a rounding error beside.
    """
    folded = angles.to(torch.float64).remainder(period)
    order = torch.argsort(folded)
    ahead = torch.diff(folded[order], append=folded[order][:1] + period)
    small = ahead.sort().values[:-1] if len(ahead) > 1 else ahead
    below = small.cumsum(0)
    usual = small[int((below < below[-1] / 2).sum().clamp(max=len(small) - 1))]
    missing = (ahead > 3 * usual) & (ahead > MISSING) & (usual > 1e-6)
    return folded, order, ahead, usual, missing
