"""Filtered back-projection of a fan on a flat or curved detector, over a full turn, a short scan, or less.

Kak & Slaney (1988), section 3.4.2: with the detector scaled to the rotation axis, s = t·R/D, every view is
weighted by the ray's cosine R/√(R² + s²), filtered with the ramp, and smeared back with 1/U², where U·R is a
pixel's distance from the source along the central ray. On a curved detector (section 3.4.1) the ramp's
response is multiplied by (γ/sin γ)², and U·R is the distance along the pixel's own ray. On a flat detector
tilted by τ, the same change of variables gives the same formula with U the depth along the detector's normal,
relative to the axis' R·cos τ, and with s = t·R·cos τ/D. Over a full turn every line is measured twice; over
less, some are: :mod:`~wellposed_ct.methods.redundancy` lets each line count once, without a step that would
streak.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed_ct.methods.filters import Window, filter_rows
from wellposed_ct.methods.redundancy import arc_weights, beyond, is_displaced, ray_weights, widened
from wellposed_ct.projectors.fan import FanBeam
from wellposed_ct.projectors.joseph import apply
from wellposed_ct.projectors.precision import doubles, in_doubles

__all__ = ["fan_back_projection"]


def fan_back_projection(
    y: Tensor, operator: FanBeam, window: Window, cutoff: float, displaced: bool = True
) -> Tensor:
    """Return images ``(B, C, H, W)`` of sinograms ``(B, C, V, D)``."""
    angles = doubles(operator.angles)
    axis = doubles(operator.axis_mm).expand_as(angles)
    k = torch.arange(operator.detectors, dtype=torch.float64, device=angles.device)
    t = (k - (operator.detectors - 1) / 2) * operator.detector_mm - axis[:, None]
    distance, tilt = operator.source_detector_mm, doubles(operator.tilt)
    gamma = t / distance
    if operator.detector == "flat":
        gamma = torch.atan2(t * torch.cos(tilt), distance + t * torch.sin(tilt))
    arc = operator.detector_mm / operator.source_detector_mm if operator.detector == "curved" else 0.0
    weights = torch.cos(gamma) * ray_weights(angles, gamma, gamma, displaced) * arc_weights(angles)[:, None]
    spacing = operator.detector_mm * operator.source_axis_mm * torch.cos(tilt) / distance
    low, high = (0, 0)
    if displaced and is_displaced(gamma):  # up to where the rays at −γ would meet the detector
        flat = -distance * torch.sin(gamma) / torch.cos(gamma - tilt)
        low, high = beyond(t.detach(), (-t if operator.detector == "curved" else flat).detach())
    padded = torch.nn.functional.pad(y * (weights / spacing).to(y), (low, high))
    filtered = filter_rows(padded, 1.0, window, cutoff, arc)
    fans = widened(operator, low, high).fans(interpolate=True)
    if operator.calibrates:
        return in_doubles(fans.smear, filtered)
    return apply(filtered, fans, back=True)
