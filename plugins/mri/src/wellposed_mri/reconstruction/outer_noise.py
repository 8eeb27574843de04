"""How strong the noise is, from the scan itself: far from its centre k-space holds hardly anything else."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from wellposed.noise import Gaussian
from wellposed_mri.encoding.traits import radius, sampled
from wellposed_mri.reconstruction.common import operator_of

OUTER = 0.1
"""The share of acquired samples, those farthest from the centre, in which the noise is looked for."""


def noise_deviation(y: Tensor, physics: Any) -> Tensor:
    """Return the standard deviation σ of the complex noise in ``y``, E|n|² = σ², per sample ``(B,)``.

    From the lower quartile of the magnitudes of the tenth of the samples that are farthest from the centre of
    k-space, which is σ√(ln 4/3) for complex Gaussian noise. Signal out there counts as noise, so that σ is
    rather too large. A physics with Gaussian noise (σ per part, so E|n|² is twice its square) is believed. A
    noise scan knows best: :func:`wellposed_mri.whiten` makes σ one.
    """
    model = getattr(physics, "noise_model", None)
    if isinstance(model, Gaussian):
        return (model.sigma.to(y.real) * math.sqrt(2)).reshape(-1).expand(y.shape[0])
    values = y.detach().abs()
    far = distances(y, operator_of(physics))
    found = [outer_deviation(v, d) for v, d in zip(values, far, strict=True)]
    return torch.stack(found)


def noise_of_adjoint(y: Tensor, physics: Any, noise: float | None = None) -> Tensor:
    """Return the standard deviation of the noise in the image A*y, per sample ``(B,)``.

    That of the noise in ``y``, ``noise`` or else :func:`noise_deviation`, times that of A*n for white noise n
    of unit variance, over the pixels that the coils see.
    """
    operator = operator_of(physics)
    deviation = noise_deviation(y, physics) if noise is None else y.real.new_full((y.shape[0],), noise)
    generator = torch.Generator().manual_seed(0)
    white = torch.randn((1, *y.shape[1:]), generator=generator, dtype=y.dtype).to(y.device)
    with torch.no_grad():
        size = operator.A_adjoint(white.expand_as(y)).abs().flatten(1)
    seen = (size > 0).sum(1).clamp(min=1)
    gain: Tensor = (size.square().sum(1) / seen).sqrt()
    return deviation * gain


def outer_deviation(values: Tensor, distance: Tensor) -> Tensor:
    """Return σ of the noise in magnitudes, from those of the largest distance; −1 marks what is no datum."""
    acquired = distance >= 0
    if not bool(acquired.any()):
        return values.new_zeros(())
    values, distance = values[acquired], distance[acquired]
    count = max(1, round(OUTER * len(values)))
    edge = distance.kthvalue(len(distance) - count + 1).values
    chosen = values[distance >= edge]
    quartile: Tensor = chosen.kthvalue(max(1, round(0.25 * len(chosen)))).values
    return quartile / math.sqrt(math.log(4 / 3))


def distances(y: Tensor, operator: Any) -> Tensor:
    """Return how far each sample is from the centre of k-space, 1 at the edge of an axis; −1 if not acquired.

    Weights in the mask are taken to weigh the noise as well, so only zeros count as not acquired. So do data
    that are exactly zero in all coils, which noise never is: not every operator tells what it samples.
    """
    far = radius(operator).to(y.real).expand(y.shape)
    acquired = (y.detach() != 0).any(1, keepdim=True)
    declared = sampled(operator)
    if declared is not None:
        acquired = acquired & declared.to(y.device)
    return torch.where(acquired, far, torch.full_like(far, -1))
