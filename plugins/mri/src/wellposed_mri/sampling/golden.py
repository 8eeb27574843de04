"""Golden-angle patterns on the Cartesian grid: still or, frame after frame, never twice the same."""

from __future__ import annotations

import math

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_mri.sampling.drawing import Drawn, draw

GOLDEN_RATIO = (math.sqrt(5) - 1) / 2
GOLDEN_ANGLE = math.pi * GOLDEN_RATIO
"""≈ 111.246°."""


@attrs.frozen
class GoldenAngle:
    """Draws spokes or spiral arms rounded to the grid of two phase-encoding axes, turned by the golden angle.

    Parameters
    ----------
    shape
        Size (H, W) of the two sampled axes.
    arms
        Spokes (through the centre) or spiral arms (from it), in every frame.
    turns
        0 for straight spokes; otherwise the revolutions of a spiral arm.
    frames
        ``None`` for a still mask ``(B, 1, H, W)``; a number T for ``(B, 1, T, H, W)``, frame after frame with
        new angles, as :class:`~wellposed_mri.DynamicMRI` takes it.

    References
    ----------
    S. Winkelmann et al., IEEE Trans. Med. Imaging 26 (2007) 68–76, doi:10.1109/TMI.2006.885337;
    spirals on the grid: C. Prieto et al., J. Magn. Reson. Imaging 41 (2015) 738–746, doi:10.1002/jmri.24602.
    """

    shape: tuple[int, int]
    arms: int = 16
    turns: float = 0.0
    frames: int | None = None

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        counts = (*self.shape, self.arms, 1 if self.frames is None else self.frames)
        if len(self.shape) != 2 or min(counts) < 1 or self.turns < 0:
            raise ParameterError(
                f"shape = {self.shape}, arms = {self.arms} and frames = {self.frames} must be positive, and "
                f"turns = {self.turns} ≥ 0."
            )

    def step(self, batch_size: int = 1, generator: torch.Generator | None = None) -> Drawn:
        """Draw ``batch_size`` masks: a random first angle each."""
        return draw(self._one, batch_size, generator)

    def _one(self, generator: torch.Generator) -> Tensor:
        first = float(torch.rand((), generator=generator, dtype=torch.float64)) * 2 * math.pi
        frames = [self._frame(first + t * self.arms * GOLDEN_ANGLE) for t in range(self.frames or 1)]
        return frames[0][None] if self.frames is None else torch.stack(frames)[None]

    def _frame(self, first: float) -> Tensor:
        height, width = self.shape
        # half a pixel apart along the longest arm, so that no pixel on it is jumped over
        steps = math.ceil(2 * max(self.shape) * (1 + math.pi * self.turns))
        along = torch.linspace(0 if self.turns else -1, 1, steps, dtype=torch.float64)
        angles = first + GOLDEN_ANGLE * torch.arange(self.arms, dtype=torch.float64)[:, None]
        angles = angles + 2 * math.pi * self.turns * along
        rows = (along * angles.sin() * height / 2).round().long() + height // 2
        columns = (along * angles.cos() * width / 2).round().long() + width // 2
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        mask = torch.zeros(self.shape)
        mask[rows[inside], columns[inside]] = 1
        return mask


@attrs.frozen
class KTGolden:
    """Draws columns by the golden ratio, other ones in every frame: ``{"mask": (B, 1, T, 1, W)}``.

    Any window of successive frames is sampled nearly evenly, so that its length can be chosen afterwards.

    Parameters
    ----------
    columns
        W, the number of phase-encoding columns.
    frames
        T.
    lines
        Columns per frame, the centre included.
    calibration
        Columns in the centre that every frame has.
    power
        1 for even density; larger ones draw the lines towards the centre.

    References
    ----------
    L. Feng et al., "GRASP", Magn. Reson. Med. 72 (2014) 707–717, doi:10.1002/mrm.24980; on the Cartesian
    grid: S. Li et al., Magn. Reson. Med. 74 (2015) 1640–1651.
    """

    columns: int
    frames: int
    lines: int = 16
    calibration: int = 4
    power: float = 1.0

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if not 0 <= self.calibration <= self.lines <= self.columns or self.frames < 1 or self.power < 1:
            raise ParameterError(
                f"calibration = {self.calibration} ≤ lines = {self.lines} ≤ columns = {self.columns}, frames "
                f"= {self.frames} ≥ 1 and power = {self.power} ≥ 1 are needed."
            )

    def step(self, batch_size: int = 1, generator: torch.Generator | None = None) -> Drawn:
        """Draw ``batch_size`` masks: a random first column each."""
        return draw(self._one, batch_size, generator)

    def _one(self, generator: torch.Generator) -> Tensor:
        place = float(torch.rand((), generator=generator, dtype=torch.float64))
        mask = torch.zeros(self.frames, self.columns)
        start = self.columns // 2 - self.calibration // 2
        mask[:, start : start + self.calibration] = 1
        for frame in mask:
            for _ in range(self.lines - self.calibration):
                place = (place + GOLDEN_RATIO) % 1.0
                frame[self._nearest_free(frame, place)] = 1
        return mask[None, :, None]

    def _nearest_free(self, frame: Tensor, place: float) -> int:
        signed = 2 * place - 1
        warped = math.copysign(abs(signed) ** self.power, signed)
        wanted = (warped + 1) / 2 * self.columns - 0.5
        free = (frame == 0).nonzero().flatten()
        return int(free[(free - wanted).abs().argmin()])
