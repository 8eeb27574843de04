"""Which values of a run are black and white, so that its pictures can be compared and seen.

Photographs are shown as they are, from 0 to 1. Data with units or a phase (attenuations, MR images) have no
such range: there, black is 0 and white the 99.5th percentile, so that a few bright pixels do not make the
rest dark.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

WHITE = 0.995
"""The share of pixels that is not brighter than white."""

_DARK = 0.001


def middle(image: Tensor) -> Tensor:
    """Return ``image`` as ``(B, C, H, W)``: the middle slices of volumes, the middle frames of films."""
    while image.ndim > 4:
        image = image.select(2, image.shape[2] // 2)
    return image


def picture_of(image: Tensor, window: tuple[float, float]) -> Tensor:
    """Return magnitudes in [0, 1] of the first sample, ``(1, 1 or 3, H, W)``."""
    low, high = window
    flat = middle(image[:1].detach().cpu())
    flat = flat if flat.shape[1] in (1, 3) else flat[:, :1]
    scaled = (magnitude(flat) - low) / (high - low)
    # NaN stays: a diverged method has no picture
    return torch.where(scaled.isfinite(), scaled.clamp(0, 1), scaled)


def magnitude(image: Tensor) -> Tensor:
    """Return |x| of complex ``x``, and real ``x`` as it is, in double precision."""
    return (image.abs() if image.is_complex() else image).detach().cpu().double()


def grey_window(truth: Tensor | None, results: Iterable[Tensor], physics: Any) -> tuple[float, float]:
    """Return the values shown as black and white: of the truth where it is known, else of the results."""
    images = [truth] if truth is not None else list(results)
    operator = getattr(physics, "operator", physics)
    photographs = getattr(operator, "data_are_pictures", True) and not any(x.is_complex() for x in images)
    if not images or (photographs and all(_usual(x) for x in images)):
        return (0.0, 1.0)
    ends = torch.tensor([window_of(x) for x in images], dtype=torch.float64)
    # the median: one method that diverged does not turn the others black
    low, high = ends.median(0).values.tolist()
    return (low, high) if high > low else (low, low + 1.0)


def window_of(image: Tensor, white: float = WHITE) -> tuple[float, float]:
    """Return 0, or a low percentile where values are negative, and the percentile ``white``."""
    values = magnitude(image)
    ordered = values[values.isfinite()].sort().values
    if ordered.numel() == 0:
        return (0.0, 1.0)
    low = min(0.0, float(ordered[int(_DARK * (len(ordered) - 1))]))
    high = float(ordered[int(white * (len(ordered) - 1))])
    return (low, high) if high > low else (low, float(ordered[-1]) if ordered[-1] > low else low + 1.0)


def _usual(image: Tensor) -> bool:
    values = image[image.isfinite()]
    return values.numel() > 0 and float(values.min()) > -0.5 and 0.05 < float(values.max()) < 1.5
