"""Trajectories drawn for training and simulation: where the first spoke or arm points is left to chance."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs
import torch
from torch import Tensor

from wellposed.random import per_sample
from wellposed_mri.trajectories.gradients import Gradients
from wellposed_mri.trajectories.readouts import spiral_readout, turned
from wellposed_mri.trajectories.shapes import golden_angle, radial, require_positive, rosette
from wellposed_mri.trajectories.volumes import kooshball, stack_of_stars

Drawn: TypeAlias = Mapping[str, Tensor]

SEQUENCE = 10_000
"""Golden-angle acquisitions are drawn from the first so many spokes of the sequence."""


def _draw(
    one: Callable[[torch.Generator], Tensor], batch: int, generator: torch.Generator | None
) -> dict[str, Tensor]:
    """Return ``{"trajectory": (B, …)}``, sample i from its own stream."""
    return {"trajectory": per_sample(one, batch, generator)}


def _turn(generator: torch.Generator) -> float:
    return 2 * math.pi * float(torch.rand((), generator=generator, dtype=torch.float64))


@attrs.frozen
class RadialTrajectory:
    """Draws evenly turned spokes from a random angle on: ``{"trajectory": (B, spokes, samples, 2)}``.

    For :class:`~wellposed_mri.NonCartesianMRI` with ``batched=True``: ``scan(x, **generator.step(B))``.

    Parameters
    ----------
    spokes, samples, size
        As for :func:`~wellposed_mri.radial`.
    """

    spokes: int
    samples: int
    size: int

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        require_positive(spokes=self.spokes, samples=self.samples, size=self.size)

    def step(self, batch_size: int = 1, generator: torch.Generator | None = None) -> Drawn:
        """Draw ``batch_size`` trajectories."""
        return _draw(
            lambda g: radial(self.spokes, self.samples, self.size, False, _turn(g)), batch_size, generator
        )


@attrs.frozen
class GoldenRadialTrajectory:
    """Draws successive golden-angle spokes from a random one on, ``(B, spokes, samples, 2)``.

    Parameters
    ----------
    spokes, samples, size, order
        As for :func:`~wellposed_mri.radial`; ``order`` above 1 takes tiny golden angles.
    """

    spokes: int
    samples: int
    size: int
    order: int = 1

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        require_positive(spokes=self.spokes, samples=self.samples, size=self.size, order=self.order)

    def step(self, batch_size: int = 1, generator: torch.Generator | None = None) -> Drawn:
        """Draw ``batch_size`` trajectories."""
        return _draw(self._one, batch_size, generator)

    def _one(self, generator: torch.Generator) -> Tensor:
        first = int(torch.randint(SEQUENCE, (), generator=generator))
        start = first * golden_angle(self.order) % (2 * math.pi)
        return radial(self.spokes, self.samples, self.size, True, start, self.order)


@attrs.frozen
class SpiralTrajectory:
    """Draws spirals within gradient limits from a random angle on, ``(B, arms, samples, 2)``.

    Parameters
    ----------
    arms, size, spacing
        As for :func:`~wellposed_mri.spiral_readout`.
    gradients
        Limits of the gradient system, and the field of view.
    """

    arms: int
    size: int
    spacing: tuple[float, float] = (0.8, 0.8)
    gradients: Gradients = attrs.field(factory=Gradients)

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        require_positive(arms=self.arms, size=self.size, spacing=min(self.spacing))

    def step(self, batch_size: int = 1, generator: torch.Generator | None = None) -> Drawn:
        """Draw ``batch_size`` trajectories."""
        first = spiral_readout(self.arms, self.size, self.gradients, self.spacing)
        return _draw(lambda g: turned(first, _turn(g)), batch_size, generator)


@attrs.frozen
class RosetteTrajectory:
    """Draws rosettes from a random angle on, ``(B, shots, samples, 2)``.

    Parameters
    ----------
    petals, samples, size, shots
        As for :func:`~wellposed_mri.rosette`.
    """

    petals: int
    samples: int
    size: int
    shots: int = 1

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        require_positive(petals=self.petals, samples=self.samples, size=self.size, shots=self.shots)

    def step(self, batch_size: int = 1, generator: torch.Generator | None = None) -> Drawn:
        """Draw ``batch_size`` trajectories."""
        return _draw(
            lambda g: rosette(self.petals, self.samples, self.size, self.shots, start=_turn(g)),
            batch_size,
            generator,
        )


@attrs.frozen
class StackOfStarsTrajectory:
    """Draws stacks of golden-angle stars from a random angle on, ``(B, partitions, spokes, samples, 3)``.

    Parameters
    ----------
    partitions, spokes, samples, size
        As for :func:`~wellposed_mri.stack_of_stars`.
    """

    partitions: int
    spokes: int
    samples: int
    size: int

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        require_positive(partitions=self.partitions, spokes=self.spokes, samples=self.samples, size=self.size)

    def step(self, batch_size: int = 1, generator: torch.Generator | None = None) -> Drawn:
        """Draw ``batch_size`` trajectories."""
        sizes = (self.partitions, self.spokes, self.samples, self.size)
        return _draw(lambda g: stack_of_stars(*sizes, start=_turn(g)), batch_size, generator)


@attrs.frozen
class KooshballTrajectory:
    """Draws successive golden-means spokes from a random one on, ``(B, spokes, samples, 3)``.

    Parameters
    ----------
    spokes, samples, size
        As for :func:`~wellposed_mri.kooshball`.
    """

    spokes: int
    samples: int
    size: int

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        require_positive(spokes=self.spokes, samples=self.samples, size=self.size)

    def step(self, batch_size: int = 1, generator: torch.Generator | None = None) -> Drawn:
        """Draw ``batch_size`` trajectories."""

        def one(stream: torch.Generator) -> Tensor:
            first = int(torch.randint(SEQUENCE, (), generator=stream))
            return kooshball(self.spokes, self.samples, self.size, first)

        return _draw(one, batch_size, generator)
