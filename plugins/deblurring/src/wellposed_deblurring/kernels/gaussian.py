"""Gaussian point-spread functions, isotropic or not."""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_deblurring.kernels.grid import coordinates, draw, odd_size, require_range, uniform


def gaussian_kernel(
    sigma: float | tuple[float, float], angle: float = 0.0, size: int | None = None
) -> Tensor:
    """Return a sampled Gaussian, ``(size, size)``, summing to one.

    Parameters
    ----------
    sigma
        Standard deviation in pixels, > 0; a pair gives those along and across ``angle``.
    angle
        Direction of the first axis in radians, counted from the column axis towards the rows.
    size
        Odd size in pixels; by default ±4σ.
    """
    along, across = sigma if isinstance(sigma, tuple) else (sigma, sigma)
    if min(along, across) <= 0:
        raise ParameterError(f"sigma={sigma} must be positive; it is the standard deviation in pixels.")
    rows, columns = coordinates(odd_size(4 * max(along, across), size))
    u = math.cos(angle) * columns + math.sin(angle) * rows
    v = -math.sin(angle) * columns + math.cos(angle) * rows
    k = torch.exp(-0.5 * ((u / along) ** 2 + (v / across) ** 2))
    return (k / k.sum()).to(torch.float32)


@attrs.frozen
class GaussianKernels:
    """Draws anisotropic Gaussians, σ in ``sigma`` (pixels), any angle: ``{"kernel": (B, 1, k, k)}``."""

    sigma: tuple[float, float] = (0.5, 3.0)
    size: int = 25

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        require_range("sigma", self.sigma, 1e-3)
        odd_size(0, self.size)

    def step(self, batch_size: int = 1, generator: torch.Generator | None = None) -> Mapping[str, Tensor]:
        """Draw ``batch_size`` kernels."""
        return draw(self._one, batch_size, generator)

    def _one(self, g: torch.Generator) -> Tensor:
        sigmas = (uniform(*self.sigma, g), uniform(*self.sigma, g))
        return gaussian_kernel(sigmas, uniform(0, math.pi, g), self.size)
