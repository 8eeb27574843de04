"""How sinograms move when the image turns: the symmetries that projectors declare.

Half a turn of the image about the axis reverses every parallel view, whatever its angle, because
p(θ + π, s) = p(θ, −s). A quarter turn permutes views whose angles go a quarter turn on, and reverses those
that pass half a turn. A mirrored image has mirrored views, at the mirrored angles.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wellposed.random import per_sample
from wellposed.structure import Symmetry
from wellposed.transforms import Flips, Rotations90
from wellposed.transforms.base import GroupTransform, match_batch, per_image
from wellposed.transforms.flips import Flip
from wellposed.transforms.rotations90 import QuarterTurns

__all__ = [
    "HalfTurns",
    "MirroredViews",
    "TurnedViews",
    "Views",
    "half_turn",
    "matching",
    "mirrors",
    "on_a_diagonal",
    "quarter_turns",
    "quarter_turns_in_space",
]

ACCURACY = 1e-12
"""Of quarter turns and mirrors: angles match up to rounding, and so do weights."""

TIE = 1e-9
"""How near to a diagonal a ray counts as on it, radians."""


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
class Views:
    """What one motion of the image does to its views.

    Parameters
    ----------
    order
        Afterwards, view i is what view ``order[i]`` was.
    reverse
        Whether its bins are then reversed.
    axis
        The axis of views, −2 in the plane and −3 in space.
    """

    order: tuple[int, ...]
    reverse: tuple[bool, ...]
    axis: int = -2

    def move(self, x: Tensor) -> Tensor:
        """Return the views afterwards."""
        x = x.index_select(self.axis, torch.tensor(self.order, device=x.device))
        reverse = torch.tensor(self.reverse, device=x.device).reshape(-1, *(1,) * (-1 - self.axis))
        return torch.where(reverse, x.flip(-1), x)


@attrs.frozen
class TurnedViews(GroupTransform[QuarterTurns]):
    """What quarter turns of a square image about the axis do to its views; elements as in Rotations90."""

    turn: Views

    def sample(self, generator: torch.Generator | None = None, n: int = 1) -> QuarterTurns:
        """Draw uniformly."""
        return Rotations90().sample(generator, n)

    def act(self, x: Tensor, g: QuarterTurns) -> Tensor:
        """Return the views of the turned images."""
        turns = per_image(match_batch(g.turns, x, "TurnedViews"), x) % 4
        result = x
        for n in (1, 2, 3):
            x = self.turn.move(x)
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


@attrs.frozen
class MirroredViews(GroupTransform[Flip]):
    """What mirrors through the axis do to the views of an image; elements as in Flips."""

    horizontal: Views
    vertical: Views

    def sample(self, generator: torch.Generator | None = None, n: int = 1) -> Flip:
        """Draw uniformly."""
        return Flips().sample(generator, n)

    def act(self, x: Tensor, g: Flip) -> Tensor:
        """Return the views of the mirrored images."""
        for chosen, views in ((g.horizontal, self.horizontal), (g.vertical, self.vertical)):
            x = torch.where(per_image(match_batch(chosen, x, "MirroredViews"), x), views.move(x), x)
        return x

    def inverse(self, g: Flip) -> Flip:
        """Return g: a mirror undoes itself."""
        return g

    def compose(self, g: Flip, h: Flip) -> Flip:
        """Return the mirrors that are in exactly one of g and h."""
        return Flips().compose(g, h)

    def identity(self) -> Flip:
        """Return no mirror."""
        return Flips().identity()

    def elements(self, shape: Sequence[int] | None = None) -> Iterator[Flip]:
        """Yield the four elements, the identity first."""
        yield from Flips().elements(shape)


def half_turn(centred: bool, accuracy: float = 0.0) -> tuple[Symmetry, ...]:
    """Return the half-turn symmetry of parallel rays, where image and detector are centred on the axis."""
    return (Symmetry(HalfTurns((-2, -1)), HalfTurns((-1,)), accuracy),) if centred else ()


def quarter_turns(angles: Sequence[float], centred: bool, half: bool, axis: int = -2) -> tuple[Symmetry, ...]:
    """Return the quarter-turn symmetry of a square image, where it permutes the views.

    Parameters
    ----------
    angles
        θ of every view, radians.
    centred
        Whether the image's middle is on the axis, and for parallel rays the detector's too.
    half
        Whether a view and the one half a turn on are each other's reverse, as for parallel rays.
    axis
        The axis of views.
    """
    turned = np.array(angles) - math.pi / 2
    views = matching(turned, angles, half, axis=axis) if centred else None
    return () if views is None else (Symmetry(Rotations90(), TurnedViews(views), ACCURACY),)


def quarter_turns_in_space(
    vectors: NDArray[np.float64], columns: int, parallel: bool
) -> tuple[Symmetry, ...]:
    """Return the quarter-turn symmetry about z of a volume whose slices are squares, where it permutes views.

    Parameters
    ----------
    vectors
        Those of :mod:`~wellposed_ct.projectors.vectors`, ``(V, 12)``.
    columns
        Of the panel; rays of one column are above each other, or nothing is declared.
    parallel
        Whether the first vector is the rays' direction.
    """
    points = vectors.reshape(-1, 4, 3)
    first, middle, u, v = points.transpose(1, 0, 2)
    away = first[:, None]
    if not parallel:
        away = (middle - first)[:, None] + (np.arange(columns) - (columns - 1) / 2)[:, None] * u[:, None]
        if v[:, :2].any():
            return ()
    if on_a_diagonal(np.arctan2(away[..., 1], away[..., 0])):
        return ()
    angles = np.arctan2(first[:, 0], -first[:, 1])
    views = matching(angles - math.pi / 2, angles.tolist(), half=False, axis=-3)
    turned = np.stack([points[..., 1], -points[..., 0], points[..., 2]], -1)
    if views is None or np.abs(points[list(views.order)] - turned).max() > 1e-14 * np.abs(points).max():
        return ()
    return (Symmetry(Rotations90(), TurnedViews(views), ACCURACY),)


def mirrors(angles: Sequence[float], centred: bool, half: bool) -> tuple[Symmetry, ...]:
    """Return the mirror symmetry of an image, where it permutes the views; arguments as in quarter_turns.

    Centred are both the image and the detector.
    """
    if not centred:
        return ()
    flipped = -np.array(angles), math.pi - np.array(angles)
    across, up = (matching(f, angles, half, mirrored=True) for f in flipped)
    return () if across is None or up is None else (Symmetry(Flips(), MirroredViews(across, up), ACCURACY),)


def on_a_diagonal(rays: NDArray[np.float64]) -> bool:
    """Return whether a ray's angle, radians, is a diagonal's.

    Such a ray is read along rows or along columns as rounding decides, which may decide otherwise for a
    turned or mirrored image.
    """
    return bool(np.abs(np.cos(2 * rays)).min() < TIE)


def matching(
    moved: NDArray[np.float64], angles: Sequence[float], half: bool, mirrored: bool = False, axis: int = -2
) -> Views | None:
    """Return which view lies where each is moved to; ``None`` where there is none, or more than one."""
    turn = math.pi if half else 2 * math.pi
    gap = np.subtract.outer(moved, np.array(angles)) / turn
    far = np.abs(gap - np.round(gap)) * turn
    order = far.argmin(1)
    if len(set(order)) < len(order) or far.min(1).max() > 4e-15 * (1 + np.abs(angles).max()):
        return None
    times = np.round(np.take_along_axis(gap, order[:, None], 1)[:, 0]).astype(int)
    reverse = ((times % 2 != 0) & half) ^ mirrored
    return Views(tuple(order.tolist()), tuple(reverse.tolist()), axis)
