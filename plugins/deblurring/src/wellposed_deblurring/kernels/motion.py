"""Uniform linear motion during the exposure: a line segment."""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_deblurring.kernels.grid import draw, odd_size, require_range, uniform
from wellposed_deblurring.kernels.rasterising import rasterise


def motion_kernel(length: float, angle: float, size: int | None = None) -> Tensor:
    """Return the kernel of motion over ``length`` pixels at ``angle`` radians: ``(size, size)``.

    The angle counts from the column axis towards the rows. Length 0 is the identity.
    """
    if length < 0:
        raise ParameterError(f"length={length} must be ≥ 0; it is the path in pixels.")
    t = torch.linspace(-0.5, 0.5, max(2, math.ceil(32 * length)), dtype=torch.float64) * length
    path = torch.stack([t * math.sin(angle), t * math.cos(angle)], dim=1)
    return rasterise(path, odd_size(length / 2 + 1, size))


@attrs.frozen
class MotionKernels:
    """Draws straight motions with length in ``length`` (pixels), any angle: ``{"kernel": (B, 1, k, k)}``."""

    length: tuple[float, float] = (3.0, 20.0)
    size: int = 25

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        require_range("length", self.length, 0.0)
        odd_size(0, self.size)

    def step(self, batch_size: int = 1, generator: torch.Generator | None = None) -> Mapping[str, Tensor]:
        """Draw ``batch_size`` kernels."""
        return draw(self._one, batch_size, generator)

    def _one(self, g: torch.Generator) -> Tensor:
        return motion_kernel(uniform(*self.length, g), uniform(0, math.pi, g), self.size)
