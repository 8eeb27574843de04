"""The column masks of the fastMRI challenge, drawn as there: the same seed gives the same mask."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import attrs
import numpy as np
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_mri.sampling.drawing import Drawn, draw, legacy_seed

Seed: TypeAlias = int | Sequence[int]


def _floats(values: Iterable[float] | float) -> tuple[float, ...]:
    """Return a tuple; a number alone is the only choice."""
    return (values,) if isinstance(values, (int, float)) else tuple(values)


@attrs.frozen
class _Columns:
    """What both masks share: the centre, and the choice among several accelerations."""

    columns: int
    center_fractions: tuple[float, ...] = attrs.field(default=(0.08,), converter=_floats)
    accelerations: tuple[float, ...] = attrs.field(default=(4,), converter=_floats)

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if len(self.center_fractions) != len(self.accelerations) or not self.accelerations:
            raise ParameterError(
                f"center_fractions has {len(self.center_fractions)} entries and accelerations "
                f"{len(self.accelerations)}; they are chosen in pairs, so give equally many."
            )
        for fraction, acceleration in zip(self.center_fractions, self.accelerations, strict=True):
            if not 0 <= fraction < 1 or acceleration < 1:
                raise ParameterError(f"center fraction {fraction} must be in [0, 1), {acceleration} ≥ 1.")
            if round(self.columns * fraction) * acceleration > self.columns:
                raise ParameterError(
                    f"the centre alone, {fraction:.0%} of {self.columns} columns, exceeds acceleration "
                    f"{acceleration}; lower one of them."
                )

    def step(self, batch_size: int = 1, generator: torch.Generator | None = None) -> Drawn:
        """Draw ``{"mask": (B, 1, 1, columns)}``."""
        return draw(lambda g: self.mask(legacy_seed(g))[None, None], batch_size, generator)

    def mask(self, seed: Seed) -> Tensor:
        """Return the mask ``(columns,)`` of a seed, an integer or (as for files in fastMRI) a sequence."""
        # RandomState's stream is frozen for ever, and is what the challenge's masks are defined by.
        rng = np.random.RandomState(seed)
        choice = rng.randint(len(self.center_fractions))
        fraction, acceleration = self.center_fractions[choice], self.accelerations[choice]
        low = round(self.columns * fraction)
        mask = self._sampled(rng, acceleration, low).astype(np.float32)
        start = (self.columns - low + 1) // 2
        mask[start : start + low] = 1
        return torch.from_numpy(mask)

    def _sampled(self, rng: np.random.RandomState, acceleration: float, low: int) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} does not define _sampled.")


@attrs.frozen
class FastMRIRandom(_Columns):
    """Draws random columns with a full centre, as fastMRI's knee masks (Zbontar et al. 2018).

    Parameters
    ----------
    columns
        Number of phase-encoding columns.
    center_fractions, accelerations
        Pairs of which one is drawn: the share of columns in the full centre, and the acceleration.
    """

    def _sampled(self, rng: np.random.RandomState, acceleration: float, low: int) -> np.ndarray:
        share = (self.columns / acceleration - low) / (self.columns - low)
        sampled: np.ndarray = rng.uniform(size=self.columns) < share
        return sampled


@attrs.frozen
class FastMRIEquispaced(_Columns):
    """Draws equispaced columns with a full centre, as fastMRI's brain masks (Zbontar et al. 2018).

    Parameters
    ----------
    columns, center_fractions, accelerations
        As in :class:`FastMRIRandom`.
    matched
        Widen the spacing so that centre and columns together have the acceleration
        (``equispaced_fraction`` there); ``False`` takes every ``acceleration``-th column, as GRAPPA needs it
        (``equispaced`` there), which with the centre samples more.
    """

    matched: bool = True

    def _sampled(self, rng: np.random.RandomState, acceleration: float, low: int) -> np.ndarray:
        if not self.matched:
            every = np.zeros(self.columns)
            every[rng.randint(0, high=round(acceleration)) :: round(acceleration)] = 1
            return every
        spacing = acceleration * (low - self.columns) / (low * acceleration - self.columns)
        offset = rng.randint(0, high=round(spacing))
        places = np.around(np.arange(offset, self.columns - 1, spacing)).astype(np.uint)
        sampled = np.zeros(self.columns)
        sampled[places] = 1
        return sampled
