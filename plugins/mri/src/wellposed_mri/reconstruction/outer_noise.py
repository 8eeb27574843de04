"""How strong the noise is, from the scan itself: far from its centre k-space holds hardly anything else.

Hardly: edges reach out there. So what an image seen by all coils explains is taken out first.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from wellposed.linalg import gram
from wellposed.noise import Gaussian
from wellposed.solvers import cg
from wellposed_mri.encoding.traits import radius, sampled
from wellposed_mri.reconstruction.common import operator_of, over
from wellposed_mri.reconstruction.scale import squared_scale

OUTER = 0.1
"""The share of acquired samples, those farthest from the centre, in which the noise is looked for."""

RESIDUAL_OUTER = 0.3
"""The share of samples of the residual; there are fewer degrees of freedom in it."""

DAMPING, CLOSE, TRIAL = 0.01, 1e-3, 30
"""Weight, relative to ‖A‖², tolerance and most iterations of the least squares that the residual is of."""


def noise_deviation(y: Tensor, physics: Any) -> Tensor:
    """Return the standard deviation σ of the complex noise in ``y``, E|n|² = σ², per sample ``(B,)``.

    From the lower quartile of magnitudes far from the centre of k-space, which is σ√(ln 4/3) for complex
    Gaussian noise: of the data themselves, and of what damped least squares leave unexplained of them, in
    units of what they leave of white noise of unit variance. Signal and errors of the maps count as noise in
    both, so the smaller of them is returned. It is right where coils or repeated samples outnumber the
    unknowns; where the data hardly do, or where noise is far below the edges in k-space, it is too large.
    A physics with Gaussian noise (σ per part, so E|n|² is twice its square) is believed. A
    noise scan knows best: :func:`wellposed_mri.whiten` makes σ one.
    """
    model = getattr(physics, "noise_model", None)
    if isinstance(model, Gaussian):
        return (model.sigma.to(y.real) * math.sqrt(2)).reshape(-1).expand(y.shape[0])
    operator = operator_of(physics)
    with torch.no_grad():
        far = distances(y, operator)
        plain = torch.stack([outer_deviation(v, d) for v, d in zip(y.detach().abs(), far, strict=True)])
        if getattr(operator, "domain", None) is None:  # a stranger that only says where its data lie
            return plain
        return torch.minimum(plain, _unexplained(y.detach(), operator, far))


def _unexplained(y: Tensor, operator: Any, far: Tensor) -> Tensor:
    """Return σ ``(B,)`` from the residual ``R y`` of damped least squares, by that of a white probe."""
    acquired, normal = far >= 0, gram(operator)
    damping = DAMPING * squared_scale(operator).detach().to(y.real)

    def residual(data: Tensor) -> Tensor:
        data = torch.where(acquired, data, 0)
        back = operator.A_adjoint(data)
        weight = over(damping, back)
        x = cg(lambda v: normal.A(v) + weight * v, back, tol=CLOSE, max_iter=TRIAL).x
        left: Tensor = (data - operator.A(x)).abs()
        return left

    generator = torch.Generator().manual_seed(1)
    probe = torch.randn((1, *y.shape[1:]), generator=generator, dtype=y.dtype).to(y.device).expand_as(y)
    found = []
    for left, white, distance in zip(residual(y), residual(probe), far, strict=True):
        unit = outer_deviation(white, distance, RESIDUAL_OUTER)
        share = outer_deviation(left, distance, RESIDUAL_OUTER) / torch.where(unit > 0, unit, 1)
        found.append(torch.where(unit > 0, share, torch.inf))
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


def outer_deviation(values: Tensor, distance: Tensor, share: float = OUTER) -> Tensor:
    """Return σ of the noise in magnitudes, from those of the largest distance; −1 marks what is no datum."""
    acquired = distance >= 0
    if not bool(acquired.any()):
        return values.new_zeros(())
    values, distance = values[acquired], distance[acquired]
    count = max(1, round(share * len(values)))
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
