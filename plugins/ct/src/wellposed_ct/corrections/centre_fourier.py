"""The centre by the double wedge: a full turn's sinogram has an empty part of its spectrum.

Half a turn is completed by its mirror image about a guessed centre. The harmonics m over angle and frequency
u over bins of an object of radius R bins obey |m| ≤ 2πR|u| (Edholm et al. 1986); a wrong guess puts a jump
where the halves meet, which fills the empty wedge.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from wellposed.errors import ParameterError

__all__ = ["by_fourier"]

RADIUS = 0.25
"""Radius of the wedge's object, as a fraction of the detector: smaller looks at more of the spectrum."""


COARSE = 128
"""Bins of the first, widest search."""


def by_fourier(views: Tensor, operator: Any, reach: float) -> Tensor:
    """Return ``axis_mm`` per sample: on pooled bins, then half bins, tenths, and the foot of a parabola."""
    angles = operator.angles.detach().to(views)
    span = float(angles.max() - angles.min()) * len(angles) / max(1, len(angles) - 1)
    if len(angles) < 8 or abs(span - math.pi) > 0.1:
        raise ParameterError(
            f"the double wedge needs half a turn of views in even steps, and these are {len(angles)} over "
            f"{math.degrees(span):.4g}°; use method = 'mass', 'opposite' or 'sharpness'."
        )
    ordered = views[:, angles.argsort()]
    most = reach * views.shape[-1]
    return torch.stack([_search(v, most) for v in ordered]) * float(operator.detector_mm)


def _search(view: Tensor, most: float) -> Tensor:
    pool = max(1, view.shape[-1] // COARSE)
    pooled = torch.nn.functional.avg_pool1d(view, pool)
    # bins that do not fill a pool are left out at the end, which moves the middle
    shift = (pooled.shape[-1] * pool - view.shape[-1]) / 2
    near = torch.arange(-most, most + pool / 4, pool / 2, dtype=view.dtype)
    costs = torch.stack([_outside(pooled, (float(c) - shift) / pool) for c in near])
    best = near[costs.argmin()]
    for width, step in ((float(pool), 0.5), (1.0, 0.1)):
        offsets = best + torch.arange(-width, width + step / 2, step, dtype=view.dtype)
        costs = torch.stack([_outside(view, float(c)) for c in offsets])
        at = int(costs.argmin())
        best = offsets[at]
    if 0 < at < len(costs) - 1:
        a, b, c = costs[at - 1 : at + 2]
        best = best + step * 0.5 * (a - c) / (a - 2 * b + c).clamp(min=1e-30)
    return best


def _outside(view: Tensor, offset: float) -> Tensor:
    """Return the mean magnitude outside the double wedge, the axis being ``offset`` bins from the middle."""
    n = view.shape[-1]
    k = torch.arange(n, dtype=view.dtype) + 2 * offset
    # bin k mirrored about the centre (n−1)/2 + offset is n−1−k+2·offset
    mirrored = _shifted(view.flip(-1), -2 * offset)
    known = (k >= 0) & (k <= n - 1) if offset < 0 else (k - 2 * offset >= 2 * offset)
    whole = torch.cat([view, torch.where(known, mirrored, view.flip(0))])
    spectrum = torch.fft.fft2(whole).abs()
    m = torch.fft.fftfreq(len(whole), dtype=view.dtype)[:, None].abs() * len(whole)
    u = torch.fft.fftfreq(n, dtype=view.dtype).abs()
    empty = m > 2 * math.pi * RADIUS * n * u + 2
    outside: Tensor = spectrum[empty].mean()
    return outside


def _shifted(rows: Tensor, by: float) -> Tensor:
    """Return rows read at ``k + by``, by cubic convolution (Keys 1981), ends repeated."""
    n = rows.shape[-1]
    place = torch.arange(n, dtype=rows.dtype) + by
    low = place.floor()
    t = place - low
    taps = (
        -0.5 * t + t**2 - 0.5 * t**3,
        1 - 2.5 * t**2 + 1.5 * t**3,
        0.5 * t + 2 * t**2 - 1.5 * t**3,
        -0.5 * t**2 + 0.5 * t**3,
    )
    index = low.long()
    return sum((w * rows[:, (index + i - 1).clamp(0, n - 1)] for i, w in enumerate(taps)), 0 * rows)
