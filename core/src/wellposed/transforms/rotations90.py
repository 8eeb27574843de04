"""Quarter turns of square images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import torch
from torch import Tensor

from wellposed.errors import SpaceError
from wellposed.random import per_sample
from wellposed.transforms.base import GroupTransform, match_batch, per_image


@attrs.frozen(eq=False)
class QuarterTurns:
    """Counter-clockwise quarter turns: integers ``(n,)`` modulo 4."""

    turns: Tensor


@attrs.frozen
class Rotations90(GroupTransform[QuarterTurns]):
    """Rotations by multiples of 90°, counter-clockwise as displayed: four elements; exact.

    A quarter turn changes the shape of an image that is not square, and equivariance compares images
    of one shape, so such images are refused. For half turns of any image use
    :class:`~wellposed.transforms.Flips`, both ways at once.
    """

    def sample(self, generator: torch.Generator | None = None, n: int = 1) -> QuarterTurns:
        """Draw uniformly."""
        return QuarterTurns(per_sample(lambda g: torch.randint(4, (), generator=g), n, generator))

    def act(self, x: Tensor, g: QuarterTurns) -> Tensor:
        """Return the turned images.

        Raises
        ------
        SpaceError
            If the images are not square.
        """
        turns = per_image(match_batch(g.turns, x, "Rotations90"), x) % 4
        if x.shape[-1] != x.shape[-2]:
            raise SpaceError(
                f"Rotations90 acts on square images but was given {x.shape[-2]}×{x.shape[-1]}: a quarter "
                f"turn would change the shape; crop to a square, or use Flips, which hold the half turn"
            )
        x = torch.where(turns >= 2, x.flip(-1, -2), x)
        return torch.where(turns % 2 == 1, torch.rot90(x, 1, (-2, -1)), x)

    def inverse(self, g: QuarterTurns) -> QuarterTurns:
        """Return the turns back."""
        return QuarterTurns(-g.turns % 4)

    def compose(self, g: QuarterTurns, h: QuarterTurns) -> QuarterTurns:
        """Return the sum of the turns."""
        return QuarterTurns((g.turns + h.turns) % 4)

    def identity(self) -> QuarterTurns:
        """Return no turn."""
        return QuarterTurns(torch.zeros(1, dtype=torch.int64))

    def elements(self, shape: Sequence[int] | None = None) -> Iterator[QuarterTurns]:
        """Yield the four elements, the identity first."""
        for turns in range(4):
            yield QuarterTurns(torch.tensor([turns]))
