"""Regular patterns: uniform undersampling with CAIPIRINHA shifts, and partial Fourier."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_mri.sampling.drawing import Drawn, draw


@attrs.frozen
class Uniform:
    """Draws every ``acceleration``-th row and column from a random offset: ``{"mask": (B, 1, H, W)}``.

    Parameters
    ----------
    shape
        Size (H, W).
    acceleration
        Spacings (rows, columns).
    shift
        CAIPIRINHA (Breuer et al. 2006): sampled columns of successive sampled rows move by this.
    calibration
        Width of the fully sampled centred block along the axes that are undersampled.
    """

    shape: tuple[int, int]
    acceleration: tuple[int, int] = (1, 4)
    shift: int = 0
    calibration: int = 0

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if min(self.acceleration) < 1 or self.shift < 0 or self.calibration < 0 or min(self.shape) < 1:
            raise ParameterError(
                f"acceleration = {self.acceleration} must be ≥ 1, shift = {self.shift} and calibration = "
                f"{self.calibration} ≥ 0, shape = {self.shape} positive."
            )

    def step(self, batch_size: int = 1, generator: torch.Generator | None = None) -> Drawn:
        """Draw ``batch_size`` masks."""
        return draw(self._one, batch_size, generator)

    def _one(self, generator: torch.Generator) -> Tensor:
        down, across = self.acceleration
        first = [int(torch.randint(n, (), generator=generator)) for n in self.acceleration]
        rows, columns = (torch.arange(n) for n in self.shape)
        number, inside = (rows - first[0]).div(down, rounding_mode="floor"), (rows - first[0]) % down == 0
        start = first[1] + self.shift * number
        mask = inside[:, None] & ((columns - start[:, None]) % across == 0)
        widths = [
            min(self.calibration, n) if a > 1 else n * (self.calibration > 0)
            for n, a in zip(self.shape, self.acceleration, strict=True)
        ]
        top, left = (n // 2 - w // 2 for n, w in zip(self.shape, widths, strict=True))
        mask[top : top + widths[0], left : left + widths[1]] = True
        drawn: Tensor = mask.float()[None]
        return drawn


@attrs.frozen
class PartialFourier:
    """Draws which part of the columns is left out: ``{"mask": (B, 1, 1, columns)}``.

    Parameters
    ----------
    columns
        Number of phase-encoding columns.
    fraction
        Range of the share of columns that is acquired, each in (0.5, 1].
    """

    columns: int
    fraction: tuple[float, float] = (0.6, 0.75)

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if not 0.5 < self.fraction[0] <= self.fraction[1] <= 1 or self.columns < 2:
            raise ParameterError(
                f"fraction = {self.fraction} must be an interval within (0.5, 1]: less than half of k-space "
                f"cannot be completed by symmetry; columns = {self.columns} must be ≥ 2."
            )

    def step(self, batch_size: int = 1, generator: torch.Generator | None = None) -> Drawn:
        """Draw ``batch_size`` masks: a random share, from either side."""
        return draw(self._one, batch_size, generator)

    def _one(self, generator: torch.Generator) -> Tensor:
        position, side = torch.rand(2, generator=generator, dtype=torch.float64).tolist()
        low, high = self.fraction
        count = round(self.columns * (low + (high - low) * position))
        mask = (torch.arange(self.columns) < count).float()
        drawn: Tensor = (mask if side < 0.5 else mask.flip(0))[None, None]
        return drawn
