"""The centre by looking: reconstruct with several, and take the one whose image is best.

Whatever the centre, filtered back-projection spreads the same total over the image. Where every edge
meets its other half, it is spread least: Σx² is greatest (passive auto-focus, Kingston et al. 2011), which
suits a full turn; and nothing false is negative, so that Σ|x| is least (Donath et al. 2006), which suits half
a turn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor

from wellposed_ct.methods.fan_fbp import fan_back_projection
from wellposed_ct.methods.fbp import parallel_back_projection
from wellposed_ct.projectors import FanBeam

__all__ = ["by_negativity", "by_sharpness"]

Cost: TypeAlias = Callable[[Tensor], Tensor]

SIDE = 96
"""Rows and columns of the images that are tried."""

VIEWS = 180
"""Most views that are used."""


def by_sharpness(views: Tensor, operator: Any, reach: float) -> Tensor:
    """Return the ``axis_mm`` of most energy, per sample."""
    return _best(views, operator, reach, lambda x: -x.square().sum())


def by_negativity(views: Tensor, operator: Any, reach: float) -> Tensor:
    """Return the ``axis_mm`` of least negative values, per sample."""
    return _best(views, operator, reach, lambda x: x.abs().sum())


def _best(views: Tensor, operator: Any, reach: float, cost: Cost) -> Tensor:
    scan = operator.geometry
    every = max(1, scan.views // VIEWS)
    some = scan.subset(slice(0, None, every))
    return torch.stack([_search(v[None, None, ::every], type(operator), some, reach, cost) for v in views])


def _search(y: Tensor, kind: Any, scan: Any, reach: float, cost: Cost) -> Tensor:
    ratio = getattr(scan, "source_axis_mm", 1.0) / getattr(scan, "source_detector_mm", 1.0)
    field = scan.detectors * scan.detector_mm * ratio
    bin_mm = scan.detector_mm
    centre, width, step = (
        scan.axis_mm,
        reach * scan.detectors * bin_mm,
        max(bin_mm, scan.detectors * bin_mm / 40),
    )
    while True:
        # far off, the object is smeared beyond the detector's field, and all of it must be seen
        seen = field + 2 * width * ratio
        operator = kind.from_geometry(scan.replace(size=(SIDE, SIDE), pixel_mm=seen / SIDE), 1, y.dtype)
        tried = torch.arange(-width, width + step / 2, step, dtype=torch.float64) + centre
        # what the pixels cannot hold would only be noise in the cost
        cutoff = min(1.0, bin_mm * ratio / operator.pixel_mm)
        costs = torch.stack([cost(_image(y, operator, float(a), cutoff)) for a in tried])
        centre = float(tried[costs.argmin()])
        if step <= bin_mm / 10:
            return torch.tensor(centre, dtype=torch.float64)
        width, step = 1.25 * step, step / 4


def _image(y: Tensor, operator: Any, axis: float, cutoff: float) -> Tensor:
    moved = operator.replace(axis_mm=torch.tensor(axis, dtype=torch.float64))
    back = fan_back_projection if isinstance(operator, FanBeam) else parallel_back_projection
    # a centre far off is no displaced detector: all rays must count alike, or totals would not compare
    return back(y, moved, "shepp-logan", cutoff, displaced=False)
