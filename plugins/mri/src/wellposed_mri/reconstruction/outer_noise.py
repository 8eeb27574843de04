"""How strong the noise is, from the scan itself: far from its centre k-space holds hardly anything else."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from wellposed_mri.encoding.multicoil import leading_axes
from wellposed_mri.reconstruction.common import operator_of

OUTER = 0.1
"""The share of acquired samples, those farthest from the centre, in which the noise is looked for."""


def noise_deviation(y: Tensor, physics: Any) -> Tensor:
    """Return the standard deviation σ of the complex noise in ``y``, E|n|² = σ², per sample ``(B,)``.

    From the median magnitude of the tenth of the samples that are farthest from the centre of k-space, which
    is σ√(ln 2) for complex Gaussian noise. Signal out there counts as noise, so that σ is rather too large. A
    noise scan knows better: :func:`wellposed_mri.whiten` makes σ one.
    """
    values = y.detach().abs()
    far = distances(y, operator_of(physics))
    found = [_outer_median(v, d) for v, d in zip(values, far, strict=True)]
    return torch.stack(found)


def _outer_median(values: Tensor, distance: Tensor) -> Tensor:
    acquired = distance >= 0
    values, distance = values[acquired], distance[acquired]
    count = max(1, round(OUTER * len(values)))
    edge = distance.kthvalue(len(distance) - count + 1).values
    middle = values[distance >= edge].median()
    return torch.as_tensor(middle / math.sqrt(math.log(2)))


def distances(y: Tensor, operator: Any) -> Tensor:
    """Return how far each sample is from the centre of k-space, 1 at the edge of an axis; −1 if not acquired.

    Weights in the mask are taken to weigh the noise as well, so only zeros count as not acquired.
    """
    trajectory = getattr(operator, "trajectory", None)
    if trajectory is not None:
        sizes = torch.tensor(operator.domain.shape[1:], dtype=trajectory.dtype, device=trajectory.device)
        return (trajectory.detach() * 2 / sizes).norm(dim=-1).expand(y.shape)
    dims = getattr(operator, "dims", len(getattr(operator, "shape", (0, 0))))
    squares = torch.zeros((), dtype=y.real.dtype, device=y.device)
    for axis in range(-dims, 0):
        n = y.shape[axis]
        k = (torch.arange(n, dtype=y.real.dtype, device=y.device) - n // 2) * (2 / n)
        squares = squares + k.square().reshape((n,) + (1,) * (-axis - 1))
    mask = getattr(operator, "mask", None)
    if mask is None:
        return squares.sqrt().expand(y.shape)
    return torch.where(leading_axes(mask.detach(), y.ndim) != 0, squares.sqrt(), -1).expand(y.shape)
