"""How strong the noise is, from the scan itself: far from its centre k-space holds hardly anything else."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from wellposed.noise import Gaussian
from wellposed_mri.encoding.multicoil import leading_axes
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
    found = [_outer_quartile(v, d) for v, d in zip(values, far, strict=True)]
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


def _outer_quartile(values: Tensor, distance: Tensor) -> Tensor:
    acquired = distance >= 0
    values, distance = values[acquired], distance[acquired]
    count = max(1, round(OUTER * len(values)))
    edge = distance.kthvalue(len(distance) - count + 1).values
    chosen = values[distance >= edge]
    quartile: Tensor = chosen.kthvalue(max(1, round(0.25 * len(chosen)))).values
    return quartile / math.sqrt(math.log(4 / 3))


def _along_trajectory(y: Tensor, operator: Any) -> Tensor:
    trajectory = operator.trajectory.detach()
    sizes = trajectory.new_tensor(operator.domain.shape[-trajectory.shape[-1] :])
    radius: Tensor = torch.linalg.vector_norm(trajectory * 2 / sizes, dim=-1)
    if getattr(operator, "batched", False):
        radius = radius.unsqueeze(1)
    radius = radius.expand(y.shape)
    partitions = getattr(operator, "partitions", None)
    if partitions is None:
        return radius
    acquired = partitions.reshape(-1, *(1,) * (y.ndim - 3)) != 0
    return torch.where(acquired, radius, torch.full_like(radius, -1))


def distances(y: Tensor, operator: Any) -> Tensor:
    """Return how far each sample is from the centre of k-space, 1 at the edge of an axis; −1 if not acquired.

    Weights in the mask are taken to weigh the noise as well, so only zeros count as not acquired.
    """
    if getattr(operator, "trajectory", None) is not None:
        return _along_trajectory(y, operator)
    dims = getattr(operator, "dims", len(getattr(operator, "shape", (0, 0))))
    squares = torch.zeros((), dtype=y.real.dtype, device=y.device)
    for axis in range(-dims, 0):
        n = y.shape[axis]
        k = (torch.arange(n, dtype=y.real.dtype, device=y.device) - n // 2) * (2 / n)
        squares = squares + k.square().reshape((n,) + (1,) * (-axis - 1))
    mask = getattr(operator, "mask", None)
    if mask is None:
        return squares.sqrt().expand(y.shape)
    acquired = leading_axes(mask.detach(), y.ndim) != 0
    found = torch.where(acquired, squares.sqrt(), torch.full_like(squares, -1))
    return found.expand(*y.shape)
