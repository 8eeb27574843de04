"""Where iterations start."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wellposed import vectors
from wellposed.spaces import Vector


def initial_image(y: Vector, physics: Any) -> Tensor:
    """Return A*y scaled by the step ⟨b, b⟩/⟨Ab, Ab⟩ with b = A*y that best explains ``y``, per sample.

    This is one step of steepest descent from zero on least squares: it has the right brightness for every
    physics, whatever the scale of A.
    """
    if getattr(physics, "A_adjoint", None) is None:
        return _without_adjoint(y, physics)
    b: Tensor = physics.A_adjoint(y)
    with torch.no_grad():
        size, image = vectors.norm(b), vectors.norm(physics.A(b))
        tiny = torch.finfo(size.dtype).tiny
        scale = torch.where(image > 0, (size / image.clamp(min=tiny)) ** 2, torch.ones_like(size))
    return vectors.expand(scale, b) * b


def _without_adjoint(y: Vector, physics: Any) -> Tensor:
    domain = getattr(physics, "domain", None)
    zero: Tensor = domain.zeros(len(y)) if domain is not None else torch.zeros_like(y)  # type: ignore[arg-type]
    back: Tensor = physics.A_vjp(zero, y)
    return back
