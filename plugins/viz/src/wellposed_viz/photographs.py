"""Photographs to try things on: those that scikit-image ships, so that nothing is downloaded."""

from __future__ import annotations

from importlib import resources
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed_viz.photo import PhotoReader

FILES = {
    "astronaut": "astronaut.png",
    "brick": "brick.png",
    "camera": "camera.png",
    "cat": "chelsea.png",
    "coffee": "coffee.png",
    "coins": "coins.png",
    "grass": "grass.png",
    "gravel": "gravel.png",
    "moon": "moon.png",
    "motorcycle": "motorcycle_left.png",
    "retina": "retina.jpg",
    "rocket": "rocket.jpg",
}


@attrs.frozen
class Photograph:
    """One photograph as a dataset of length one: ``Photograph("camera")[0]`` is ``(C, H, W)`` in [0, 1].

    Parameters
    ----------
    name
        astronaut, brick, camera, cat, coffee, coins, grass, gravel, moon, motorcycle, retina or rocket.
    size
        Longest side of the photograph in pixels: larger ones are reduced, by averaging; ``None`` keeps them.
    grey
        Whether colours are averaged away, by the luma weights of ITU-R BT.601.
    """

    name: str = attrs.field(default="astronaut", validator=attrs.validators.in_(FILES))
    size: int | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.ge(1)))
    grey: bool = False

    def __len__(self) -> int:
        """Return 1."""
        return 1

    def __getitem__(self, index: int) -> Tensor:
        """Return the photograph."""
        if index not in (0, -1):
            raise IndexError(f"the photograph {self.name!r} is number 0, and there is no {index}.")
        image = _read(FILES[self.name])
        if self.grey and image.shape[0] == 3:
            image = torch.einsum("chw,c->hw", image, image.new_tensor([0.299, 0.587, 0.114]))[None]
        longest = max(image.shape[-2:])
        if self.size is None or self.size >= longest:
            return image
        sizes = [max(1, round(n * self.size / longest)) for n in image.shape[-2:]]
        small: Any = torch.nn.functional.interpolate(image[None], sizes, mode="area")
        reduced: Tensor = small[0]
        return reduced


def _read(file: str) -> Tensor:
    with resources.as_file(resources.files("skimage.data") / file) as path:
        y = PhotoReader().read(path).y
    assert isinstance(y, Tensor)
    return y[0]
