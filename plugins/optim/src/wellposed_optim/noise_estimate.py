"""How strong is the noise: as the physics says, or as the data show."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wellposed import vectors
from wellposed.spaces import Vector

FLOOR = 1e-3
"""The least σ that is believed: a quarter of an 8-bit step, the rounding that every picture has."""


def noise_level(y: Vector, physics: Any) -> Tensor:
    """Return the standard deviation of the noise in ``y``, per sample ``(B,)``.

    Taken from ``physics.noise_model`` where that is Gaussian and says its ``level`` (or ``sigma``), else
    estimated from the data by :func:`estimate_noise`.
    """
    first = vectors.leaves(y)[0]
    noise = getattr(physics, "noise_model", None)
    level = None
    if noise is not None and type(noise).__name__.startswith("Gaussian"):
        level = getattr(noise, "level", getattr(noise, "sigma", None))
    if level is None:
        return estimate_noise(y).clamp(min=FLOOR)
    real = first.real.dtype if first.is_complex() else first.dtype
    sigma = torch.as_tensor(level, dtype=real, device=first.device)
    return sigma.reshape(-1).expand(first.shape[0]).clamp(min=FLOOR)


def estimate_noise(y: Vector) -> Tensor:
    """Return σ of white noise per sample, ``(B,)``, by the median of the finest diagonal Haar details.

    The robust estimator of Donoho & Johnstone (1994): σ = median|d|/0.6745. Signals with fewer than two
    trailing axes use differences of neighbours.
    """
    first = vectors.leaves(y)[0].detach()
    t = torch.view_as_real(first).movedim(-1, 1).flatten(1, 2) if first.is_complex() else first
    for axis in (-1, -2):
        n = t.shape[axis] // 2
        if t.ndim > -axis and n > 0:
            even, odd = t.narrow(axis, 0, 2 * n), t.narrow(axis, 1, 2 * n - 1)
            keep = torch.arange(0, 2 * n, 2, device=t.device)
            t = (odd.index_select(axis, keep) - even.index_select(axis, keep)) / 2**0.5
    return t.flatten(1).abs().median(1).values / 0.6745
