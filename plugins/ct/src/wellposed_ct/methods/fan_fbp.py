"""Filtered back-projection of a fan on a flat or curved detector, over a full turn, a short scan, or less.

Kak & Slaney (1988), section 3.4.2: with the detector scaled to the rotation axis, s = t·R/D, every view is
weighted by the ray's cosine R/√(R² + s²), filtered with the ramp, and smeared back with 1/U², where U·R is a
pixel's distance from the source along the central ray. On a curved detector (section 3.4.1) the ramp's
response is multiplied by (γ/sin γ)², and U·R is the distance along the pixel's own ray. Over a full turn
every line is measured twice; over less, Parker's weights (1982, doi:10.1118/1.595078) let each line count
once, without a step that would streak.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wellposed_ct.methods.filters import Window, filter_rows
from wellposed_ct.projectors.fan import FanBeam
from wellposed_ct.projectors.joseph import apply
from wellposed_ct.projectors.precision import doubles

__all__ = ["arc_weights", "fan_back_projection", "parker_weights"]


def fan_back_projection(y: Tensor, operator: FanBeam, window: Window, cutoff: float) -> Tensor:
    """Return images ``(B, C, H, W)`` of sinograms ``(B, C, V, D)``."""
    angles = doubles(operator.angles.detach())
    axis = doubles(operator.axis_mm.detach()).expand_as(angles)
    k = torch.arange(operator.detectors, dtype=torch.float64, device=angles.device)
    t = (k - (operator.detectors - 1) / 2) * operator.detector_mm - axis[:, None]
    ratio = t / operator.source_detector_mm
    gamma = ratio if operator.detector == "curved" else torch.atan(ratio)
    arc = operator.detector_mm / operator.source_detector_mm if operator.detector == "curved" else 0.0
    weights = torch.cos(gamma) * parker_weights(angles, gamma) * arc_weights(angles)[:, None]
    spacing = operator.detector_mm * operator.source_axis_mm / operator.source_detector_mm
    filtered = filter_rows(y * weights.to(y), spacing, window, cutoff, arc)
    with torch.no_grad():
        fans = operator.fans(interpolate=True)
    return apply(filtered, fans, back=True)


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
