"""What rotations, scalings and projective maps share: they act by resampling, so nearly a group.

On the plane the laws hold; on pixels an image is interpolated, and what leaves the frame is lost. So the
claim is made where it can hold: on smooth images supported around the middle.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, TypeVar

import attrs
import torch
from torch import Tensor

from wellposed.random import per_sample
from wellposed.transforms.base import GroupTransform, match_batch
from wellposed.transforms.warp import warp

E = TypeVar("E")


@attrs.frozen
class PlaneTransform(GroupTransform[E]):
    """A group of maps of the plane, acting on images ``(B, C, H, W)`` by cubic splines, zero outside."""

    smallest_size: ClassVar[int] = 32

    @abstractmethod
    def matrix(self, g: E) -> Tensor:
        """Return g as homographies ``(n, 3, 3)`` in the coordinates of :func:`~wellposed.transforms.warp`."""

    def act(self, x: Tensor, g: E) -> Tensor:
        """Return the resampled images."""
        return warp(x, match_batch(self.matrix(g), x, type(self).__name__))

    def probe(
        self,
        shape: Sequence[int],
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float64,
    ) -> Tensor:
        """Draw sums of four Gaussian blobs within the middle third of the image."""
        batch, *channels, height, width = shape
        real = dtype.to_real()
        size = min(height, width)
        y = torch.arange(height, dtype=real)[:, None] - (height - 1) / 2
        x = torch.arange(width, dtype=real) - (width - 1) / 2

        def draw(g: torch.Generator) -> Tensor:
            heights = torch.randn(*channels, 4, 1, 1, generator=g, dtype=dtype)
            centre_y, centre_x = (torch.rand(2, *channels, 4, 1, 1, generator=g, dtype=real) - 0.5) * (
                size / 6
            )
            squared = (y - centre_y) ** 2 + (x - centre_x) ** 2
            return (heights * torch.exp(-squared / (2 * (size / 16) ** 2))).sum(-3)

        return per_sample(draw, batch, generator)
