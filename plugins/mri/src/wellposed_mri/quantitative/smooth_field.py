"""The frequency that neighbours agree on: water and fat are not swapped, and the field does not wrap.

One pixel by itself often fits two frequencies about equally well. Its few best ones are kept, and dynamic
programming along rows and columns chooses among them so that the field is smooth.
"""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.needs import Need, needs
from wellposed_mri.encoding.checks import require_finite
from wellposed_mri.quantitative.fitting import SignalFit
from wellposed_mri.quantitative.frequency import FieldMapEchoes, WaterFatEchoes
from wellposed_mri.quantitative.signals import SignalModel

CHOICES = 16
"""Local minima that are kept per pixel."""

FINER = 4
"""Candidates of the search, per candidate of a fit by pixel."""

TOWARDS_ZERO = 1e-4
"""Weight of the preference of small frequencies, which decides where a whole image is ambiguous."""

LEAST_NOISE = 1e-6
"""The least variance of the noise, in the mean power of the signals: models are no better."""


_ECHOES = Need(
    "echoes with a frequency, FieldMapEchoes or WaterFatEchoes",
    lambda y, physics: isinstance(getattr(physics, "operator", physics), (FieldMapEchoes, WaterFatEchoes)),
)


@needs(_ECHOES)
@attrs.frozen
class SmoothFieldFit:
    """Fit of :class:`FieldMapEchoes` or :class:`WaterFatEchoes` whose field is smooth from pixel to pixel.

    Water and fat keep their places where a fit by pixel swaps them, and a field beyond half of 1/(distance of
    echoes) is followed without wraps, given a model with a larger ``span``. Only the choice among the local
    minima of each pixel depends on neighbours: what is returned fits each pixel as :class:`SignalFit` does.

    Parameters
    ----------
    step
        How far the field differs between neighbouring pixels, in Hz (a standard deviation).
    fit
        The fit from the chosen minima on.

    Notes
    -----
    For each pixel the residual with the best amplitudes, as a function of frequency, has a few minima
    (variable projection). The sum of residuals in units of the noise and of squared differences between
    neighbours, weighted by the weaker signal of both, is minimised exactly over two trees per pixel: its
    column with all rows as branches, and its row with all columns (Bleyer & Gelautz 2008). Pieces of tissue
    without a connection through signal are chosen by themselves; where a whole piece is ambiguous, small
    frequencies are preferred.

    References
    ----------
    D. Hernando et al., "Joint estimation of water/fat images and field inhomogeneity map", Magn. Reson. Med.
    59 (2008) 571-580, doi:10.1002/mrm.21522; D. Hernando et al., "Robust water/fat separation in the presence
    of large field inhomogeneities using a graph cut algorithm", Magn. Reson. Med. 63 (2010) 79-90,
    doi:10.1002/mrm.22177; M. Bleyer and M. Gelautz, "Simple but effective tree
    structures for dynamic programming-based stereo matching", VISAPP (2008) 415-422.
    """

    step: float = 20.0
    fit: SignalFit = attrs.field(factory=SignalFit)

    def __attrs_post_init__(self) -> None:
        """Check the range."""
        if not self.step > 0:
            raise ParameterError(f"step = {self.step}, but it is a positive number of hertz.")

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the maps ``(B, P, H, W)`` of signals ``(B, E, H, W)``."""
        model = getattr(physics, "operator", physics)
        require_finite("y", y)
        with torch.no_grad():
            frequency = self._chosen(y.detach(), model)
            start = model.amplitudes_at(frequency, y.detach())
        return self.fit.from_start(y, model, start)

    def _chosen(self, y: Tensor, model: SignalModel) -> Tensor:
        """Return the frequency ``(B, H, W)`` of the minimum that fits its neighbours."""
        found, cost = _minima(y, model)
        power = y.abs().square().mean(1)
        noise = _noise(cost.amin(1), power, model, y.shape[1])
        cost = cost / noise[:, None, None, None] + TOWARDS_ZERO * (found / self.step).square()
        weight = power / power.mean((1, 2), keepdim=True).clamp(min=torch.finfo(power.dtype).tiny)
        total = torch.zeros_like(cost)
        for branches, trunk in ((2, 3), (3, 2)):
            leaves = cost + _both_ways(cost, found, weight, branches, self.step)
            total += leaves + _both_ways(leaves, found, weight, trunk, self.step)
        return found.gather(1, total.argmin(1, keepdim=True))[:, 0]


def _minima(y: Tensor, model: SignalModel) -> tuple[Tensor, Tensor]:
    """Return the frequencies of the least local minima and their residuals, ``(B, CHOICES, H, W)``."""
    ends = model._candidates().sort().values.to(y.real)
    grid = torch.linspace(float(ends[0]), float(ends[-1]), FINER * len(ends), dtype=ends.dtype).to(y.device)
    left = model.unexplained(grid, y)
    wall = torch.full_like(left[:, :1], torch.inf)
    before, after = torch.cat([wall, left[:, :-1]], 1), torch.cat([left[:, 1:], wall], 1)
    lowest = (left <= before) & (left < after) | (left < before) & (left <= after)
    ranked = torch.where(lowest, left, torch.inf).topk(min(CHOICES, len(grid)), 1, largest=False)
    cost, at = ranked.values, ranked.indices
    low, high = before.gather(1, at), after.gather(1, at)
    bend = low + high - 2 * cost
    inside = bend.isfinite() & (bend > 0) & cost.isfinite()
    shift = torch.where(inside, (low - high) / (2 * torch.where(inside, bend, 1)), 0)
    depth = torch.where(inside, (low - high) * shift / 4, 0)
    return grid[at] + shift * (grid[1] - grid[0]), (cost - depth).clamp(min=0)


def _noise(least: Tensor, power: Tensor, model: SignalModel, contrasts: int) -> Tensor:
    """Return the variance E|n|² of the noise per sample ``(B,)``, from the median of χ² of the best fits."""
    freedom = 2 * contrasts - len(model.names)
    median = max(freedom, 1) * (1 - 2 / (9 * max(freedom, 1))) ** 3
    noise = 2 * least.flatten(1).median(1).values / median
    floor = LEAST_NOISE * power.mean((1, 2)) + torch.finfo(power.dtype).tiny
    return torch.maximum(noise, floor)


def _both_ways(cost: Tensor, found: Tensor, weight: Tensor, axis: int, step: float) -> Tensor:
    """Return the sum of the messages that come to each pixel along ``axis``."""
    c, f, w = (t.movedim(axis, 0) for t in (cost, found, weight.unsqueeze(1)))
    before, after = _messages(c, f, w, step), _messages(c.flip(0), f.flip(0), w.flip(0), step).flip(0)
    return (before + after).movedim(0, axis)


def _messages(cost: Tensor, found: Tensor, weight: Tensor, step: float) -> Tensor:
    """Return the least cost of all before each pixel, per choice at the pixel; ``(L, B, CHOICES, W)``."""
    messages = [torch.zeros_like(cost[0])]
    for i in range(1, len(cost)):
        link = torch.minimum(weight[i], weight[i - 1]) / (2 * step**2)
        apart = (found[i].unsqueeze(1) - found[i - 1].unsqueeze(2)).square() * link.unsqueeze(1)
        best = ((messages[-1] + cost[i - 1]).unsqueeze(2) + apart).amin(1)
        messages.append(best - best.amin(1, keepdim=True))
    return torch.stack(messages)
