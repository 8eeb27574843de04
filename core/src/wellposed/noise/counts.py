"""The Poisson mass, accurate at any count in any precision, and the map from data back to counts.

Shared by every law that counts photons. The textbook ``k log λ − λ − log k!`` cancels: at 10⁵ counts in
float32 it is off by 0.1 per pixel. The saddle-point form (C. Loader, "Fast and accurate computation of
binomial probabilities", 2000) is not.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.random import streams

_NEAR = 1e-3
# data are often stored in float32 and evaluated in float64, so the coarser precision sets the tolerance
_ROUNDINGS = 32 * torch.finfo(torch.float32).eps


def poisson_log_mass(k: Tensor, rate: Tensor) -> Tensor:
    """Return log P(K = k), K Poisson with the given rate; ``-inf`` where impossible.

    Counts that are not whole numbers get the continuation by the gamma function. Differentiable in both.
    """
    count = torch.where(k > 0, k, torch.ones_like(k))
    positive = torch.where(rate > 0, rate, torch.ones_like(rate))
    mass = -_deviance(count, positive) - 0.5 * torch.log(2 * math.pi * count) - _stirling_error(count)
    impossible = (rate < 0) | (k < 0) | ((rate == 0) & (k > 0))
    return torch.where(impossible, -math.inf, torch.where(k > 0, mass, -rate))


def _deviance(k: Tensor, rate: Tensor) -> Tensor:
    """Return k log(k/λ) − k + λ without cancellation where k ≈ λ."""
    difference = k - rate
    close = difference.abs() < 0.5 * rate
    t = torch.where(close, difference, torch.zeros_like(rate)) / rate
    near = rate * ((1 + t) * torch.log1p(t) - t)
    far = k * (k.log() - rate.log()) - difference
    return torch.where(close, near, far)


def _stirling_error(k: Tensor) -> Tensor:
    """Return log k! − [½ log 2πk + k log k − k], for k > 0."""
    large = torch.where(k > 15, k, torch.full_like(k, 16.0))
    square = 1 / (large * large)
    series = (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - square / 1188) * square) * square) * square) / large
    small = torch.where(k > 15, torch.ones_like(k), k)
    direct = torch.lgamma(small + 1) - (small + 0.5) * small.log() + small - 0.5 * math.log(2 * math.pi)
    return torch.where(k > 15, series, direct)


def nearest_count(ratio: Tensor) -> tuple[Tensor, Tensor]:
    """Return the count that ``ratio`` stands for, and a penalty: 0, or −inf where it stands for none.

    Data that went through floating point are only nearly whole numbers, hence a tolerance of 1e-3 plus
    a few roundings. Adding the penalty, instead of masking with it, leaves the gradient alone: a
    likelihood of −inf still says in which direction to move.
    """
    whole = ratio.detach().round()
    tolerance = _NEAR + _ROUNDINGS * whole.abs()
    is_count = ((ratio.detach() - whole).abs() <= tolerance) & (whole >= 0)
    snapped = ratio + torch.where(is_count, whole - ratio.detach(), torch.zeros_like(whole))
    return snapped, torch.where(is_count, 0.0, -math.inf).to(ratio.dtype)


def draw_counts(rate: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw Poisson counts, one stream per sample; no gradient passes through them."""
    per_sample = zip(rate, streams(generator, rate.shape[0], rate.device), strict=True)
    return torch.stack([torch.poisson(r, generator=g) for r, g in per_sample])


def likely_counts(rate: Tensor) -> Tensor:
    """Return ``(n, *rate.shape)`` consecutive counts that hold all but 1e-9 of the mass."""
    rate = rate.detach().clamp(min=0)
    start = (rate - 10 * rate.sqrt() - 10).floor().clamp(min=0)
    reach = float((rate + 10 * rate.sqrt() + 20 - start).max()) if rate.numel() else 0.0
    steps = torch.arange(math.ceil(reach) + 1, dtype=rate.dtype, device=rate.device)
    return start + steps.reshape(-1, *(1,) * rate.ndim)


def require_nonnegative(owner: str, mean: Tensor) -> Tensor:
    """Return ``mean`` with rounding errors below zero clamped away.

    Raises
    ------
    ParameterError
        If an entry is negative by more than rounding, or NaN.
    """
    if mean.numel() == 0:
        return mean
    low = float(mean.detach().amin())
    tolerance = 100 * torch.finfo(mean.dtype).eps * float(mean.detach().abs().amax())
    if not low >= -tolerance:
        raise ParameterError(
            f"{owner}: the noiseless data has the entry {low:g}, but a photon rate is ≥ 0; "
            f"clamp it (y.clamp(min=0)) or use an operator that keeps images nonnegative"
        )
    return mean.clamp(min=0)
