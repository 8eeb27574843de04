"""Filtered back-projection of a fan on a flat detector, over a full turn, a short scan, or less.

Kak & Slaney (1988), section 3.4.2: with the detector scaled to the rotation axis, s = t·R/D, every view is
weighted by the ray's cosine R/√(R² + s²), filtered with the ramp, and smeared back with 1/U², where U·R is a
pixel's distance from the source along the central ray. Over a full turn every line is measured twice; over
less, Parker's weights (1982, doi:10.1118/1.595078) let each line count once, without a step that would
streak.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wellposed_ct.methods.filters import Window, filter_rows
from wellposed_ct.projectors.fan import FanBeam

__all__ = ["arc_weights", "fan_back_projection", "parker_weights"]

ENTRIES = 2**22
"""Largest temporary, in numbers."""


def fan_back_projection(y: Tensor, operator: FanBeam, window: Window, cutoff: float) -> Tensor:
    """Return images ``(B, C, H, W)`` of sinograms ``(B, C, V, D)``."""
    angles = operator.angles.detach().to(torch.float64)
    axis = operator.axis_mm.detach().to(torch.float64).expand_as(angles)
    k = torch.arange(operator.detectors, dtype=torch.float64, device=angles.device)
    t = (k - (operator.detectors - 1) / 2) * operator.detector_mm - axis[:, None]
    cosine = operator.source_detector_mm / torch.sqrt(operator.source_detector_mm**2 + t**2)
    gamma = torch.atan(t / operator.source_detector_mm)
    weights = cosine * parker_weights(angles, gamma) * arc_weights(angles)[:, None]
    spacing = operator.detector_mm * operator.source_axis_mm / operator.source_detector_mm
    filtered = filter_rows(y * weights.to(y), spacing, window, cutoff)
    return _smear(filtered, operator, angles, axis)


def _smear(filtered: Tensor, operator: FanBeam, angles: Tensor, axis: Tensor) -> Tensor:
    """Return the sum over views of values read between bins, over U²."""
    rows, columns = operator.geometry.size
    cx, cy = operator.centre_mm.detach().to(torch.float64)
    p, r, d = operator.pixel_mm, operator.source_axis_mm, operator.source_detector_mm
    counts = [
        torch.arange(n, dtype=torch.float64, device=angles.device) - (n - 1) / 2 for n in (rows, columns)
    ]
    yy, xx = cy - counts[0][:, None] * p, cx + counts[1] * p
    flat = torch.nn.functional.pad(filtered, (1, 1)).flatten(0, 1)
    total = flat.new_zeros(flat.shape[0], rows, columns)
    each = max(1, ENTRIES // max(1, len(flat) * rows * columns))
    for chosen in torch.split(torch.arange(len(angles), device=angles.device), each):
        cos, sin = torch.cos(angles[chosen])[:, None, None], torch.sin(angles[chosen])[:, None, None]
        u = (r - xx * sin + yy * cos) / r
        t = (xx * cos + yy * sin) / u * (d / r) + axis[chosen][:, None, None]
        v = t / operator.detector_mm + (operator.detectors - 1) / 2
        low = torch.floor(v)
        w = (v - low).to(flat.dtype)
        inside = ((low >= -1) & (low < operator.detectors)).to(flat.dtype)
        place = low.clamp(-1, operator.detectors - 1).to(torch.int64) + 1
        place = (
            place + (operator.detectors + 2) * torch.arange(len(chosen), device=place.device)[:, None, None]
        )
        views = flat[:, chosen].flatten(1)
        left, right = views[:, place], views[:, place + 1]
        total = total + ((left + w * (right - left)) * (inside / u.to(flat.dtype) ** 2)).sum(1)
    return total.reshape(*filtered.shape[:-2], rows, columns)


def arc_weights(angles: Tensor) -> Tensor:
    """Return the arc of source positions, in radians of a full turn, that each view stands for, ``(V,)``.

    One or two gaps of more than three times the median are arcs without views, for which none stands.
    """
    folded = angles.remainder(2 * math.pi)
    order = torch.argsort(folded)
    if len(order) == 1:
        return torch.full_like(folded, 2 * math.pi)
    ahead = torch.diff(folded[order], append=folded[order][:1] + 2 * math.pi)
    positive = ahead[ahead > 1e-9]
    usual = positive.median() if len(positive) else torch.tensor(2 * math.pi, dtype=folded.dtype)
    missing = ahead > 3 * usual
    limited = torch.where(missing, usual, ahead) if int(missing.sum()) <= 2 else ahead
    weights = torch.empty_like(folded)
    weights[order] = (limited + limited.roll(1)) / 2
    return weights


def parker_weights(angles: Tensor, gamma: Tensor) -> Tensor:
    """Return how much each ray counts, ``(V, D)``: two opposite rays together count as one.

    Parameters
    ----------
    angles
        ``(V,)``, radians. One half over a full turn; Parker's weights over one arc of π or more; 1 otherwise.
    gamma
        Angle of each ray against the central one, ``(V, D)``, radians.
    """
    covered = float(arc_weights(angles).sum())
    if covered > 2 * math.pi - 1e-6:
        return torch.full_like(gamma, 0.5)
    beta, span = _along_arc(angles)
    if covered < math.pi or span > covered + 1e-6:
        return torch.ones_like(gamma)
    # the overlap is Γ = (span − π)/2 on both ends: a scan longer than π + 2γ_max is weighted as if the fan
    # were that wide (Silver 2000, doi:10.1118/1.599006)
    half = (span - math.pi) / 2
    b = beta[:, None]

    def ramp(way: Tensor, length: Tensor) -> Tensor:
        return torch.sin(math.pi / 4 * (way / length.clamp(min=1e-9)).clamp(0, 2)) ** 2

    start, stop = ramp(b, half + gamma), ramp(span - b, half - gamma)
    early, late = b < 2 * (half + gamma), b > math.pi + 2 * gamma
    return torch.where(early, start, torch.where(late, stop, torch.ones_like(gamma)))


def _along_arc(angles: Tensor) -> tuple[Tensor, float]:
    """Return each view's way from the start of the arc, ``(V,)``, and the arc's length with half steps."""
    folded = angles.remainder(2 * math.pi)
    order = torch.argsort(folded)
    ahead = torch.diff(folded[order], append=folded[order][:1] + 2 * math.pi)
    widest = int(ahead.argmax())
    step = float(ahead.median())
    start = folded[order][(widest + 1) % len(order)] - step / 2
    return (folded - start).remainder(2 * math.pi), 2 * math.pi - float(ahead[widest]) + step
