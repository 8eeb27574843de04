"""Defocus: the image of a point out of focus is a disc."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_deblurring.kernels.grid import coordinates, draw, integrate, odd_size, require_range, uniform

OVERSAMPLING = 16
"""Points per pixel and axis: the area of a border pixel inside the disc is right to about 1 %."""


def defocus_kernel(radius: float, size: int | None = None) -> Tensor:
    """Return a disc of ``radius`` pixels (> 0), each pixel weighted by its area inside: ``(size, size)``."""
    if radius <= 0:
        raise ParameterError(f"radius={radius} must be positive; it is the radius of the disc in pixels.")
    rows, columns = coordinates(odd_size(radius, size), OVERSAMPLING)
    return integrate((rows**2 + columns**2 <= radius**2).to(torch.float64), OVERSAMPLING)


@attrs.frozen
class DefocusKernels:
    """Draws discs with radius in ``radius`` (pixels): ``{"kernel": (B, 1, k, k)}``."""

    radius: tuple[float, float] = (1.0, 6.0)
    size: int = 15

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        require_range("radius", self.radius, 1e-3)
        odd_size(0, self.size)

    def step(self, batch_size: int = 1, generator: torch.Generator | None = None) -> Mapping[str, Tensor]:
        """Draw ``batch_size`` kernels."""
        return draw(lambda g: defocus_kernel(uniform(*self.radius, g), self.size), batch_size, generator)
