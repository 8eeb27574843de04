"""Mirror images: left–right and up–down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import torch
from torch import Tensor

from wellposed.random import per_sample
from wellposed.transforms.base import GroupTransform, match_batch, per_image


@attrs.frozen(eq=False)
class Flip:
    """Which mirrors to apply: boolean tensors ``(n,)``."""

    horizontal: Tensor
    vertical: Tensor


@attrs.frozen
class Flips(GroupTransform[Flip]):
    """Flips of the last two axes: the group of two or four elements; exact.

    Parameters
    ----------
    horizontal, vertical
        Whether left–right and up–down mirrors belong to the group.
    """

    horizontal: bool = True
    vertical: bool = True

    def sample(self, generator: torch.Generator | None = None, n: int = 1) -> Flip:
        """Draw uniformly."""
        allowed = torch.tensor([self.horizontal, self.vertical])
        coins = per_sample(lambda g: torch.randint(2, (2,), generator=g), n, generator).bool() & allowed
        return Flip(coins[:, 0], coins[:, 1])

    def act(self, x: Tensor, g: Flip) -> Tensor:
        """Return the mirrored images."""
        horizontal, vertical = (match_batch(p, x, "Flips") for p in (g.horizontal, g.vertical))
        x = torch.where(per_image(horizontal, x), x.flip(-1), x)
        return torch.where(per_image(vertical, x), x.flip(-2), x)

    def inverse(self, g: Flip) -> Flip:
        """Return g: a mirror undoes itself."""
        return g

    def compose(self, g: Flip, h: Flip) -> Flip:
        """Return the mirrors that are in exactly one of g and h."""
        return Flip(g.horizontal ^ h.horizontal, g.vertical ^ h.vertical)

    def identity(self) -> Flip:
        """Return no mirror."""
        return Flip(torch.zeros(1, dtype=torch.bool), torch.zeros(1, dtype=torch.bool))

    def elements(self, shape: Sequence[int] | None = None) -> Iterator[Flip]:
        """Yield the two or four elements, the identity first."""
        for vertical in (False, True)[: 1 + self.vertical]:
            for horizontal in (False, True)[: 1 + self.horizontal]:
                yield Flip(torch.tensor([horizontal]), torch.tensor([vertical]))
