"""How sinograms move when the image turns: the symmetries that projectors declare.

Half a turn of the image about the axis reverses every parallel view, whatever its angle, because
p(θ + π, s) = p(θ, −s). A quarter turn permutes views whose angles go a quarter turn on, and reverses those
that pass half a turn.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import attrs
import numpy as np
import torch
from torch import Tensor

from wellposed.random import per_sample
from wellposed.structure import Symmetry
from wellposed.transforms import Rotations90
from wellposed.transforms.base import GroupTransform, match_batch, per_image
from wellposed.transforms.rotations90 import QuarterTurns

__all__ = ["HalfTurns", "TurnedViews", "half_turn", "quarter_turns"]

ACCURACY = 1e-12
"""Of quarter turns: angles match up to rounding, and so do weights."""


@attrs.frozen
class HalfTurns(GroupTransform[Tensor]):
    """Reverse axes, all at once or not at all: half turns of images, and what becomes of their views.

    Elements are booleans ``(n,)``.

    Parameters
    ----------
    axes
        The axes reversed: (−2, −1) for images, (−1,) for parallel sinograms.
    """

    axes: tuple[int, ...] = (-2, -1)

    def sample(self, generator: torch.Generator | None = None, n: int = 1) -> Tensor:
        """Draw uniformly."""
        return per_sample(lambda g: torch.randint(2, (), generator=g).bool(), n, generator)

    def act(self, x: Tensor, g: Tensor) -> Tensor:
        """Return x, reversed where g is true."""
        return torch.where(per_image(match_batch(g, x, "HalfTurns"), x), x.flip(self.axes), x)

    def inverse(self, g: Tensor) -> Tensor:
        """Return g: twice is none."""
        return g

    def compose(self, g: Tensor, h: Tensor) -> Tensor:
        """Return whether one of both reverses, but not the other."""
        return g ^ h

    def identity(self) -> Tensor:
        """Return no reversal."""
        return torch.zeros(1, dtype=torch.bool)

    def elements(self, shape: Sequence[int] | None = None) -> Iterator[Tensor]:
        """Yield both elements, the identity first."""
        yield from (torch.tensor([False]), torch.tensor([True]))


@attrs.frozen
class TurnedViews(GroupTransform[QuarterTurns]):
    """What quarter turns of a square image about the axis do to its views; elements as in Rotations90.

    Parameters
    ----------
    order
        After one turn, view i is what view ``order[i]`` was.
    reverse
        Whether its bins are then reversed.
    """

    order: tuple[int, ...]
    reverse: tuple[bool, ...]

    def sample(self, generator: torch.Generator | None = None, n: int = 1) -> QuarterTurns:
        """Draw uniformly."""
        return Rotations90().sample(generator, n)

    def act(self, x: Tensor, g: QuarterTurns) -> Tensor:
        """Return the views of the turned images."""
        turns = per_image(match_batch(g.turns, x, "TurnedViews"), x) % 4
        reverse = torch.tensor(self.reverse, device=x.device)[:, None]
        result = x
        for n in (1, 2, 3):
            x = x[..., list(self.order), :]
            x = torch.where(reverse, x.flip(-1), x)
            result = torch.where(turns == n, x, result)
        return result

    def inverse(self, g: QuarterTurns) -> QuarterTurns:
        """Return the turns back."""
        return Rotations90().inverse(g)

    def compose(self, g: QuarterTurns, h: QuarterTurns) -> QuarterTurns:
        """Return the sum of the turns."""
        return Rotations90().compose(g, h)

    def identity(self) -> QuarterTurns:
        """Return no turn."""
        return Rotations90().identity()

    def elements(self, shape: Sequence[int] | None = None) -> Iterator[QuarterTurns]:
        """Yield the four elements, the identity first."""
        yield from Rotations90().elements(shape)


def half_turn(centred: bool, accuracy: float = 0.0) -> tuple[Symmetry, ...]:
    """Return the half-turn symmetry of parallel rays, where image and detector are centred on the axis."""
    return (Symmetry(HalfTurns((-2, -1)), HalfTurns((-1,)), accuracy),) if centred else ()


def quarter_turns(angles: Sequence[float], centred: bool, half: bool) -> tuple[Symmetry, ...]:
    """Return the quarter-turn symmetry of a square image, where it permutes the views.

    Parameters
    ----------
    angles
        θ of every view, radians.
    centred
        Whether the image's middle is on the axis, and for parallel rays the detector's too.
    half
        Whether a view and the one half a turn on are each other's reverse, as for parallel rays.
    """
    if not centred:
        return ()
    turn = math.pi if half else 2 * math.pi
    gap = np.subtract.outer(np.array(angles) - math.pi / 2, np.array(angles)) / turn
    far = np.abs(gap - np.round(gap)) * turn
    order = far.argmin(1)
    if len(set(order)) < len(order) or far.min(1).max() > 4e-15 * (1 + np.abs(angles).max()):
        return ()
    times = np.round(np.take_along_axis(gap, order[:, None], 1)[:, 0]).astype(int)
    reverse = (times % 2 != 0) & half
    views = TurnedViews(tuple(order.tolist()), tuple(reverse.tolist()))
    return (Symmetry(Rotations90(), views, ACCURACY),)
