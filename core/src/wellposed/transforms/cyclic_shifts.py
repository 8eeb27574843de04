"""Whole-pixel translations with wrap-around: the symmetry of circular convolution."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.random import per_sample
from wellposed.transforms.base import GroupTransform, match_batch

# a multiple of every image size up to 20, and large: uniform to 1e-5 modulo any other
_FAR = 232_792_560


@attrs.frozen(eq=False)
class Shift:
    """Pixels to move down and right: integers ``(n, 2)``."""

    pixels: Tensor


def _at_least_one(instance: object, attribute: object, value: int | None) -> None:
    if value is not None and value < 1:
        raise ParameterError(
            f"CyclicShifts: max_shift={value} leaves nothing to draw; give at least 1, or None"
        )


@attrs.frozen
class CyclicShifts(GroupTransform[Shift]):
    """Cyclic shifts by whole pixels along the last two axes; exact.

    Parameters
    ----------
    max_shift
        Largest shift that is drawn, in pixels; ``None`` draws uniformly over the whole image.
    """

    max_shift: int | None = attrs.field(default=None, validator=_at_least_one)

    def sample(self, generator: torch.Generator | None = None, n: int = 1) -> Shift:
        """Draw uniformly; the image size need not be known, as shifts act modulo it."""
        low, high = (0, _FAR) if self.max_shift is None else (-self.max_shift, self.max_shift + 1)
        return Shift(per_sample(lambda g: torch.randint(low, high, (2,), generator=g), n, generator))

    def act(self, x: Tensor, g: Shift) -> Tensor:
        """Return the shifted images."""
        pixels = match_batch(g.pixels, x, "CyclicShifts")
        for axis, offset in ((-2, pixels[:, 0]), (-1, pixels[:, 1])):
            size = x.shape[axis]
            source = (torch.arange(size, device=x.device) - offset[:, None]) % size
            along = [1] * x.ndim
            along[0], along[axis] = source.shape
            x = torch.take_along_dim(x, source.reshape(along), axis)
        return x

    def inverse(self, g: Shift) -> Shift:
        """Return the shift back."""
        return Shift(-g.pixels)

    def compose(self, g: Shift, h: Shift) -> Shift:
        """Return the sum of the shifts."""
        return Shift(g.pixels + h.pixels)

    def identity(self) -> Shift:
        """Return the shift by nothing."""
        return Shift(torch.zeros(1, 2, dtype=torch.int64))

    def elements(self, shape: Sequence[int] | None = None) -> Iterator[Shift]:
        """Yield all H·W shifts of images of shape ``(…, H, W)``, the identity first."""
        if shape is None:
            raise ParameterError("CyclicShifts.elements needs the image shape, as shifts act modulo its size")
        for down in range(shape[-2]):
            for right in range(shape[-1]):
                yield Shift(torch.tensor([[down, right]]))
