"""Siddon's projector and strips: pixels weighed by what a ray, or a bin's strip, covers of them.

Where Joseph's method reads between two pixels, Siddon's takes the exact length of the ray in each pixel, and
a strip the mean over the whole bin: each pixel's area between the rays through the bin's edges, over the
strip's width in that row. Strips see every pixel also where bins are larger than pixels, or smaller.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Literal, get_args

import attrs
import numpy as np
import torch
from torch import Tensor

from wellposed_ct.projectors.calibration import everything
from wellposed_ct.projectors.joseph import Shape, compiled

__all__ = ["MODELS", "Footprints", "Model"]

Model = Literal["joseph", "siddon", "strip"]
MODELS: tuple[Model, ...] = get_args(Model)

ENTRIES = 2**21
"""Largest temporary of the torch path, in numbers."""

TIE = 1e-9
"""How close to the border of two pixels a ray along it belongs to both."""


@attrs.frozen(eq=False)
class Footprints:
    """Rays as sheaves ``(V, 9)`` float64, in pixels as (column, row), and the model that weighs them.

    A row holds where the ray of bin 0 starts and its way, each with the step from bin to bin, as start,
    start's step, way, way's step; and the angle by which the way turns from bin to bin.
    """

    sheaves: Tensor
    size: tuple[int, int]
    detectors: int
    pixel_mm: float
    model: Model
    backend: str = "auto"
    interpolate: bool = False

    def run(self, data: Tensor, back: bool) -> Tensor:
        """Return the projection of images ``(…, H, W)``, or the back-projection of ``(…, V, D)``."""
        views = len(self.sheaves)
        size = self.size if back else (views, self.detectors)
        sizes = (data.shape[:-2].numel(), *self.size, views, self.detectors, 0, torch.get_num_threads())
        table = np.ascontiguousarray(everything(self.sheaves.cpu()).numpy())
        out = compiled(
            "footprints",
            self.backend,
            data,
            size,
            Shape(*sizes),
            int(back),
            int(self.model == "strip"),
            ctypes.c_void_p(table.ctypes.data),
            ctypes.c_double(self.pixel_mm),
        )
        if out is not None:
            return out
        return self.back_project(data) if back else self.project(data)

    def project(self, x: Tensor) -> Tensor:
        """Project in pure torch, differentiable in ``x`` and in ``sheaves``."""
        flat = x.reshape(-1, *x.shape[-2:])
        parts = []
        for sheaves in self._groups(len(flat), x.device):
            total = flat.new_zeros(len(flat), len(sheaves), self.detectors)
            for turn in (False, True):
                image = (flat.mT if turn else flat).flatten(1)
                for place, weight in self._taps(sheaves, turn):
                    total = total + (image[:, place] * weight.to(x.dtype)).sum(2)
            parts.append(total)
        return torch.cat(parts, 1).reshape(*x.shape[:-2], -1, self.detectors)

    def back_project(self, y: Tensor) -> Tensor:
        """Return the adjoint of :meth:`project` in pure torch, differentiable alike."""
        flat = y.reshape(-1, *y.shape[-2:])
        total = flat.new_zeros(len(flat), *self.size)
        begin = 0
        for sheaves in self._groups(len(flat), y.device):
            some = flat[:, begin : begin + len(sheaves)]
            begin += len(sheaves)
            for turn in (False, True):
                image = total.new_zeros(len(flat), self.size[0] * self.size[1])
                # tap by tap and in order: the same sum for any number of threads
                for place, weight in self._taps(sheaves, turn):
                    values = (some[:, :, None] * weight.to(y.dtype)).flatten(1)
                    image = image.scatter_add(1, place.flatten().expand(len(flat), -1), values)
                shaped = image.reshape(-1, *(self.size[::-1] if turn else self.size))
                total = total + (shaped.mT if turn else shaped)
        return total.reshape(*y.shape[:-2], *self.size)

    def _groups(self, planes: int, device: torch.device) -> Iterator[Tensor]:
        each = max(1, ENTRIES // max(1, planes * max(self.size) * self.detectors))
        yield from torch.split(self.sheaves.to(device), each)

    def _taps(self, sheaves: Tensor, turn: bool) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield entries of flattened images and their weights in mm, both ``(n, R, D)``."""
        rows, width = self.size[::-1] if turn else self.size
        k = torch.arange(self.detectors, dtype=torch.float64, device=sheaves.device)
        middle = _ways(sheaves, k)[1]
        across = middle[..., 0].abs() > middle[..., 1].abs()
        chosen = (across if turn else ~across).detach()
        i = torch.arange(rows, dtype=torch.float64, device=sheaves.device)[:, None]
        edges = [_crossing(sheaves, k + shift, turn, chosen, i) for shift in (0.0, -0.5, 0.5)]
        length = self.pixel_mm * torch.sqrt(1 + edges[0][1] ** 2) * chosen
        for column, weight in _areas(*edges[1:]) if self.model == "strip" else _lengths(*edges[0]):
            inside = (column >= 0) & (column < width)
            place = column.clamp(0, width - 1).to(torch.int64) + width * i.to(torch.int64)
            yield place, weight * length[:, None] * inside


def _ways(sheaves: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """Return where rays start and their ways, ``(n, D, 2)``."""
    start, start_step, way, step = (sheaves[:, None, i : i + 2] for i in (0, 2, 4, 6))
    turn = k * sheaves[:, 8:]
    cos, sin = torch.cos(turn), torch.sin(turn)
    straight = way + k[:, None] * step
    x, y = straight[..., 0], straight[..., 1]
    return start + k[:, None] * start_step, torch.stack([cos * x - sin * y, sin * x + cos * y], -1)


def _crossing(sheaves: Tensor, k: Tensor, turn: bool, chosen: Tensor, i: Tensor) -> tuple[Tensor, Tensor]:
    """Return columns where rays cross rows i, ``(n, R, D)``, and their slopes ``(n, D)``."""
    start, way = _ways(sheaves, k)
    a, b = (1, 0) if turn else (0, 1)
    under = torch.where(chosen, way[..., b], torch.ones_like(way[..., b]))
    slope = torch.where(chosen, way[..., a], 0 * way[..., a]) / under
    return (start[..., a] - start[..., b] * slope)[:, None] + slope[:, None] * i, slope


def _lengths(u: Tensor, slope: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    left = torch.floor(u.detach())
    d, spread = u - left - 0.5, slope.abs()[:, None]
    sharp = torch.where(d.abs() < TIE, 0.0, d.sign()) / 2
    slanted = spread > TIE
    share = torch.where(slanted, d / torch.where(slanted, spread, 1.0), sharp).clamp(-0.5, 0.5) + 0.5
    yield left, 1 - share
    yield left + 1, share


def _areas(low: tuple[Tensor, Tensor], high: tuple[Tensor, Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    swap = (low[0] > high[0]).detach()
    halves = [edge[1].abs()[:, None].expand_as(edge[0]) / 2 for edge in (low, high)]
    u0, u1 = torch.where(swap, high[0], low[0]), torch.where(swap, low[0], high[0])
    h0, h1 = torch.where(swap, halves[1], halves[0]), torch.where(swap, halves[0], halves[1])
    width = u1 - u0
    first = torch.floor(torch.minimum(u0 - h0, u1 - h1).detach() + 0.5)
    last = torch.floor(torch.maximum(u0 + h0, u1 + h1).detach() + 0.5)
    seen = width > 1e-12
    taps = everything(torch.where(seen, last - first, -1)).amax()
    for tap in range(int(taps) + 1):
        j = first + tap
        weight = (_before(u1 - j, h1) - _before(u0 - j, h0)) / torch.where(seen, width, 1.0)
        yield j, weight * seen


def _before(x: Tensor, half: Tensor) -> Tensor:
    """Return the share of a pixel before a line at x from its middle, which leans by ±half."""
    upright = half < 5e-7
    wide = torch.where(upright, 1.0, half)
    leaning = (_integral(x + 0.5 + wide) - _integral(x + 0.5 - wide)) / (2 * wide)
    return torch.where(upright, (x + 0.5).clamp(0, 1), leaning)


def _integral(z: Tensor) -> Tensor:
    return z.clamp(0, 1) ** 2 / 2 + (z - 1).clamp(min=0)
