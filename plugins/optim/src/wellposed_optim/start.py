"""Where iterations start: as bright as the truth, and with something plausible where nothing was measured.

A proximal method moves slowly where the physics says little, the border of a blurred photograph for
example. Starting from the normalised back-projection with its holes filled saves those iterations.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from wellposed import vectors
from wellposed.spaces import Vector

SEEN = 0.2
"""A pixel counts as measured where A*A 1 reaches this share of its maximum."""


def initial_image(y: Vector, physics: Any) -> Tensor:
    """Return A*y, scaled to explain ``y``, per sample.

    Where A*A 1 is nowhere negative (blurs, masks, projections) pixels are divided by it, and those hardly
    measured are filled from their neighbours. Otherwise the scale is one step of steepest descent on least
    squares from zero: ⟨b, b⟩/⟨Ab, Ab⟩ with b = A*y.
    """
    if getattr(physics, "A_adjoint", None) is None:
        return _without_adjoint(y, physics)
    b: Tensor = physics.A_adjoint(y)
    with torch.no_grad():
        size, image = vectors.norm(b), vectors.norm(physics.A(b))
        tiny = torch.finfo(size.dtype).tiny
        scale = torch.where(image > 0, (size / image.clamp(min=tiny)) ** 2, torch.ones_like(size))
        back = vectors.expand(scale, b)
        if b.is_complex() or b.ndim < 3:
            return back * b
        coverage = physics.A_adjoint(physics.A(torch.ones_like(b)))
        top = coverage.amax(tuple(range(1, b.ndim)), keepdim=True)
        rough = (coverage < -1e-3 * top).flatten(1).any(1)
        seen = coverage > SEEN * top
    filled = fill_holes(torch.where(seen, b / torch.where(seen, coverage, 1), 0), seen)
    return torch.where(vectors.expand(rough, b), back * b, filled)  # type: ignore[arg-type]


def fill_holes(x: Tensor, known: Tensor) -> Tensor:
    """Fill unknown entries of the last two axes from coarser averages of known ones (pull–push)."""
    if bool(known.all()) or max(x.shape[-2:]) == 1:
        return x
    flat = x.reshape(-1, 1, *x.shape[-2:])
    mask = known.reshape(flat.shape).to(x.dtype)
    share = F.avg_pool2d(mask, 2, ceil_mode=True)
    mean = F.avg_pool2d(flat * mask, 2, ceil_mode=True) / share.clamp(min=torch.finfo(x.dtype).eps)
    coarse = fill_holes(mean, share > 0)
    fine = coarse.repeat_interleave(2, -2).repeat_interleave(2, -1)[..., : x.shape[-2], : x.shape[-1]]
    return torch.where(known, x, fine.reshape(x.shape))


def _without_adjoint(y: Vector, physics: Any) -> Tensor:
    domain = getattr(physics, "domain", None)
    zero: Tensor = domain.zeros(len(y)) if domain is not None else torch.zeros_like(y)  # type: ignore[arg-type]
    back: Tensor = physics.A_vjp(zero, y)
    return back
