"""Pictures made of ellipses, whose line integrals are known exactly.

An ellipse with semi-axes a, b and value ρ is crossed by the line of angle θ and distance s from its centre
along 2ρab·√(r² − s²)/r², with r² = a²cos²γ + b²sin²γ and γ the angle between θ and its axis (Kak & Slaney
1988, eq. 3.5): the truth that projectors and reconstructions are measured against.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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
    """

    rows: Tensor = attrs.field(converter=_table)

    def scaled(self, length_mm: float, value: float = 1.0) -> Self:
        """Return the picture with all lengths times ``length_mm`` and all values times ``value``."""
        factors = torch.tensor([value, *[length_mm] * 4, 1.0], dtype=torch.float64)
        return type(self)(self.rows * factors)

    def image(self, geometry: ParallelGeometry | FanGeometry, oversampling: int = 8) -> Tensor:
        """Return ``(1, 1, H, W)`` float64: means over pixels, by ``oversampling``² points each."""
        rows, columns = geometry.size
        p, (cx, cy), m = geometry.pixel_mm, geometry.centre_mm, oversampling
        x = ((torch.arange(columns * m, dtype=torch.float64) + 0.5) / m - columns / 2) * p + cx
        y = -((torch.arange(rows * m, dtype=torch.float64) + 0.5) / m - rows / 2) * p + cy
        fine = torch.zeros(rows * m, columns * m, dtype=torch.float64)
        for value, a, b, x0, y0, angle in self.rows.tolist():
            if a * b == 0:
                continue
            c, s = math.cos(angle), math.sin(angle)
            u, v = x - x0, (y - y0)[:, None]
            fine += value * (((u * c + v * s) / a) ** 2 + ((v * c - u * s) / b) ** 2 <= 1)
        return torch.nn.functional.avg_pool2d(fine[None, None], m)

    def line_integrals(self, angles: Tensor, distances: Tensor) -> Tensor:
        """Return the integrals along x·cos θ + y·sin θ = s; the arguments broadcast, radians and mm."""
        total = torch.zeros_like(angles + distances)
        for value, a, b, x0, y0, turn in self.rows.tolist():
            s = distances - x0 * torch.cos(angles) - y0 * torch.sin(angles)
            r2 = (a * torch.cos(angles - turn)) ** 2 + (b * torch.sin(angles - turn)) ** 2
            inside = (r2 - s**2).clamp(min=0)
            total += torch.where(r2 > 0, 2 * value * a * b * inside.sqrt() / r2.clamp(min=1e-300), 0.0)
        return total

    def sinogram(self, geometry: ParallelGeometry | FanGeometry) -> Tensor:
        """Return exact line integrals ``(1, 1, views, detectors)`` float64, nepers."""
        angles, distances = (torch.tensor(t) for t in geometry.lines())
        return self.line_integrals(angles, distances)[None, None]
