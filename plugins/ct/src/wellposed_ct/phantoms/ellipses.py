"""Pictures made of ellipses, whose line integrals are known exactly.

An ellipse with semi-axes a, b and value ρ is crossed by the line of angle θ and distance s from its centre
along 2ρab·√(r² − s²)/r², with r² = a²cos²γ + b²sin²γ and γ the angle between θ and its axis (Kak & Slaney
1988, eq. 3.5): the truth that projectors and reconstructions are measured against.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Self

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_ct.geometry import FanGeometry, ParallelGeometry

__all__ = ["Ellipses"]

_FIELDS = "(value, a, b, x, y, angle)"


def _table(rows: Sequence[Sequence[float]] | Tensor) -> Tensor:
    table = torch.as_tensor(rows, dtype=torch.float64)
    if table.ndim != 2 or table.shape[1] != 6:
        raise ParameterError(f"Ellipses: rows must be {_FIELDS}, got shape {tuple(table.shape)}.")
    if bool((table[:, 1:3] < 0).any()) or not bool(torch.isfinite(table).all()):
        raise ParameterError("Ellipses: semi-axes must be ≥ 0 and all numbers finite.")
    return table


@attrs.frozen(eq=False)
class Ellipses:
    """A sum of ellipses.

    Parameters
    ----------
    rows
        ``(n, 6)``: value (1/mm), semi-axes a and b (mm), centre x and y (mm, y upwards, seen from the
        rotation axis), and the angle of a against +x (radians).
    cuts
        Where some ellipses are cut: for each of them, half-planes (d, ψ) such that x·cos ψ + y·sin ψ < d is
        kept, seen from the ellipse's centre (mm, radians). By default nothing is cut.
    """

    rows: Tensor = attrs.field(converter=_table)
    cuts: tuple[tuple[tuple[float, float], ...], ...] = ()

    def __attrs_post_init__(self) -> None:
        """Check that there are as many cuts as ellipses."""
        if self.cuts and len(self.cuts) != len(self.rows):
            raise ParameterError(f"Ellipses: {len(self.cuts)} cuts for {len(self.rows)} rows; give one each.")

    def _parts(self) -> Iterator[tuple[list[float], tuple[tuple[float, float], ...]]]:
        yield from zip(self.rows.tolist(), self.cuts or ((),) * len(self.rows), strict=True)

    def scaled(self, length_mm: float, value: float = 1.0) -> Self:
        """Return the picture with all lengths times ``length_mm`` and all values times ``value``."""
        factors = torch.tensor([value, *[length_mm] * 4, 1.0], dtype=torch.float64)
        cuts = tuple(tuple((d * length_mm, psi) for d, psi in some) for some in self.cuts)
        return type(self)(self.rows * factors, cuts)

    def image(self, geometry: ParallelGeometry | FanGeometry, oversampling: int = 8) -> Tensor:
        """Return ``(1, 1, H, W)`` float64: means over pixels, by ``oversampling``² points each."""
        rows, columns = geometry.size
        p, (cx, cy), m = geometry.pixel_mm, geometry.centre_mm, oversampling
        x = ((torch.arange(columns * m, dtype=torch.float64) + 0.5) / m - columns / 2) * p + cx
        y = -((torch.arange(rows * m, dtype=torch.float64) + 0.5) / m - rows / 2) * p + cy
        fine = torch.zeros(rows * m, columns * m, dtype=torch.float64)
        for (value, a, b, x0, y0, angle), cuts in self._parts():
            if a * b == 0:
                continue
            c, s = math.cos(angle), math.sin(angle)
            u, v = x - x0, (y - y0)[:, None]
            inside = ((u * c + v * s) / a) ** 2 + ((v * c - u * s) / b) ** 2 <= 1
            for d, psi in cuts:
                inside &= u * math.cos(psi) + v * math.sin(psi) < d
            fine += value * inside
        return torch.nn.functional.avg_pool2d(fine[None, None], m)

    def line_integrals(self, angles: Tensor, distances: Tensor) -> Tensor:
        """Return the integrals along x·cos θ + y·sin θ = s; the arguments broadcast, radians and mm."""
        total = torch.zeros_like(angles + distances)
        for (value, a, b, x0, y0, turn), cuts in self._parts():
            s = distances - x0 * torch.cos(angles) - y0 * torch.sin(angles)
            c, n = torch.cos(angles - turn), torch.sin(angles - turn)
            r2 = (a * c) ** 2 + (b * n) ** 2
            safe = r2.clamp(min=1e-300)
            half = torch.where(r2 > 0, a * b * (r2 - s**2).clamp(min=0).sqrt() / safe, 0.0)
            middle = -s * n * c * (a**2 - b**2) / safe
            total += value * _length(middle - half, middle + half, s, angles, cuts)
        return total

    def sinogram(self, geometry: ParallelGeometry | FanGeometry) -> Tensor:
        """Return exact line integrals ``(1, 1, views, detectors)`` float64, nepers."""
        angles, distances = (torch.tensor(t) for t in geometry.lines())
        return self.line_integrals(angles, distances)[None, None]


def _length(
    start: Tensor, stop: Tensor, s: Tensor, angles: Tensor, cuts: tuple[tuple[float, float], ...]
) -> Tensor:
    """Return how much of the chord from ``start`` to ``stop`` along (−sin θ, cos θ) the half-planes leave."""
    for d, psi in cuts:
        toward, room = torch.sin(psi - angles), d - s * torch.cos(psi - angles)
        level = toward.abs() < 1e-12
        end = room / torch.where(level, 1, toward)
        stop = torch.where(toward > 1e-12, torch.minimum(stop, end), stop)
        start = torch.where(toward < -1e-12, torch.maximum(start, end), start)
        stop = torch.where(level & (room <= 0), start, stop)
    return (stop - start).clamp(min=0)
