"""Truncation: of an object wider than the detector, views are continued to zero, or a bright rim appears."""

from __future__ import annotations

import math
from typing import Any, Literal

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError, StructureError

__all__ = ["Truncation", "extend"]

Model = Literal["cosine", "water"]


def extend(
    y: Tensor, bins: int, model: Model = "cosine", water: float = 0.02, spacing: float = 1.0
) -> Tensor:
    """Return ``y`` with ``bins`` more on either side of the detector, falling smoothly to zero.

    Parameters
    ----------
    y
        ``(…, V, D)``, nepers.
    bins
        How many; half of D is plenty.
    model
        ``cosine``: a quarter of a cosine over all new bins. ``water``: the water cylinder that continues
        value and slope of the edge, after Hsieh et al. (2004), doi:10.1118/1.1776673.
    water, spacing
        Attenuation of that cylinder (1/mm), and distance of bins at the rotation axis (mm).
    """
    if bins < 1 or model not in ("cosine", "water"):
        raise ParameterError(f"bins = {bins} must be at least 1 and model = {model!r} cosine or water.")
    if not (water > 0 and spacing > 0):
        raise ParameterError(f"water = {water} (1/mm) and spacing = {spacing} (mm) must be > 0.")
    sides = []
    for side in (y.flip(-1), y):
        if model == "cosine":
            steps = torch.arange(1, bins + 1, device=y.device, dtype=y.dtype)
            sides.append(side[..., -1:] * torch.cos(steps * (math.pi / 2 / (bins + 1))))
        else:
            sides.append(_cylinder(side, bins, water, spacing))
    return torch.cat([sides[0].flip(-1), y, sides[1]], -1)


def _cylinder(y: Tensor, bins: int, water: float, spacing: float) -> Tensor:
    """Return the chords 2μ√(R² − x²) beyond the last bin; x and R follow from value and slope there."""
    count = min(5, y.shape[-1])
    last = y[..., -count:]
    edge = last.mean(-1, keepdim=True).clamp(min=0)
    k = torch.arange(count, device=y.device, dtype=y.dtype) - (count - 1) / 2
    slope = (last * k).sum(-1, keepdim=True) / (k.square().sum().clamp(min=1) * spacing)
    # a chord that grows outwards would belong to a cylinder whose middle is outside: take its middle here
    x = (-edge * slope / (4 * water**2)).clamp(min=0)
    radius2 = (edge / (2 * water)) ** 2 + x**2
    steps = torch.arange(1, bins + 1, device=y.device, dtype=y.dtype) + (count - 1) / 2
    chord2 = (radius2 - (x + steps * spacing) ** 2).clamp(min=0)
    # continues the last value itself, whose noise the mean does not share
    positive = chord2 > 0
    return torch.where(positive, 2 * water * torch.where(positive, chord2, torch.ones_like(chord2)).sqrt(), 0)


@attrs.frozen
class Truncation:
    """Widen the detector of a truncated scan; the physics is widened with the data.

    Parameters
    ----------
    fraction
        New bins on either side, as a fraction of the detector.
    model, water
        As in :func:`extend`.
    """

    fraction: float = 0.5
    model: Model = "cosine"
    water: float = 0.02

    def __attrs_post_init__(self) -> None:
        """Check the fraction."""
        if not 0 < self.fraction <= 4:
            raise ParameterError(f"fraction = {self.fraction} must be in (0, 4], of the detector's width.")

    def __call__(self, y: Tensor, physics: Any) -> tuple[Tensor, Any]:
        """Return wider sinograms and the physics of the wider detector."""
        operator = getattr(physics, "operator", physics)
        scan = getattr(operator, "geometry", None)
        if scan is None or not hasattr(type(operator), "from_geometry"):
            raise StructureError(f"Truncation widens ct.parallel and ct.fan, not {type(operator).__name__}.")
        bins = math.ceil(self.fraction * y.shape[-1])
        ratio = getattr(scan, "source_axis_mm", 1.0) / getattr(scan, "source_detector_mm", 1.0)
        wider = operator.replace(detectors=y.shape[-1] + 2 * bins)
        return extend(y, bins, self.model, self.water, scan.detector_mm * ratio), wider
