"""Regions of a picture worth enlarging."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from scipy.ndimage import gaussian_gradient_magnitude, uniform_filter

from wellposed.errors import ParameterError
from wellposed_viz.pixels import choose_part, to_plane


@attrs.frozen
class Box:
    """A rectangle of pixels: ``top``, ``left`` (from zero), ``height``, ``width``."""

    top: int
    left: int
    height: int
    width: int

    def check(self, shape: tuple[int, int]) -> None:
        """Raise :class:`ParameterError` unless the box lies inside an image of ``shape`` (H, W)."""
        inside = (
            self.height > 0
            and self.width > 0
            and 0 <= self.top <= shape[0] - self.height
            and 0 <= self.left <= shape[1] - self.width
        )
        if not inside:
            raise ParameterError(f"{self} does not lie inside the image of {shape[0]} × {shape[1]} pixels.")

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the rectangle: ``image[box.slices]``."""
        return (
            slice(self.top, self.top + self.height),
            slice(self.left, self.left + self.width),
        )


def detail_box(image: Any, fraction: float = 0.22) -> Box:
    """Return the square whose gradients carry most energy: where methods differ most.

    ``image`` is a tensor ``(B, C, H, W)``, ``(C, H, W)`` or ``(H, W)``; ``fraction`` (in (0, 1]) is the side
    relative to the shorter side of the image.
    """
    if not 0.0 < fraction <= 1.0:
        raise ParameterError(f"fraction is {fraction}, but a box has a side in (0, 1] of the image's.")
    plane = np.nan_to_num(choose_part(to_plane(image)).astype(np.float64))
    grey = plane.mean(axis=-1) if plane.ndim == 3 else plane
    height, width = grey.shape
    side = max(1, round(fraction * min(height, width)))
    # Smoothed, so that structure counts and the grain of grass or noise does not.
    energy = gaussian_gradient_magnitude(grey, sigma=min(1.5, side / 8), mode="nearest")
    means = uniform_filter(energy, side, mode="constant")
    half = side // 2
    inside = means[half : half + height - side + 1, half : half + width - side + 1]
    top, left = (int(i) for i in np.unravel_index(int(np.argmax(inside)), inside.shape))
    return Box(top, left, side, side)
