"""Where rays cross the image grid: the few numbers per angle that every projector works from.

A ray that runs mainly across the rows crosses row i at column ``u = A + kB + iC`` (k the detector bin, i the
row), and L millimetres lie between rows; a ray that runs mainly along the rows does so on the transposed
image. These four numbers per angle are all that a projector keeps: O(angles) memory.
"""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from wellposed_ct.projectors.precision import doubles

__all__ = ["Crossings", "Grid", "crossings"]


@attrs.frozen
class Grid:
    """Sizes that the crossings refer to; lengths in millimetres."""

    rows: int
    columns: int
    detectors: int
    pixel_mm: float
    detector_mm: float


@attrs.frozen(eq=False)
class Crossings:
    """Crossings of every angle: ``A, B, C, L`` are ``(V,)`` float64, ``upright`` ``(V,)`` booleans."""

    A: Tensor
    B: Tensor
    C: Tensor
    L: Tensor
    upright: Tensor

    def pick(self, chosen: slice | tuple[slice | None, ...]) -> Crossings:
        """Return those of some angles, or all of them with more axes."""
        return Crossings(*(t[chosen] for t in (self.A, self.B, self.C, self.L, self.upright)))


def crossings(angles: Tensor, axis_mm: Tensor, centre_mm: Tensor, grid: Grid) -> Crossings:
    """Return the crossings, differentiable in angles ``(V,)``, axis (scalar or ``(V,)``) and centre.

    The line of bin k is x·cos θ + y·sin θ = s₀ + k·d. Pixel (i, j) has its centre at
    x = x₀ + j·p, y = y₀ − i·p.
    """
    angles, axis_mm, centre_mm = (doubles(t) for t in (angles, axis_mm, centre_mm))
    cos, sin = torch.cos(angles), torch.sin(angles)
    upright = (cos.abs() >= sin.abs()).detach()
    p, d = grid.pixel_mm, grid.detector_mm
    s0 = -(grid.detectors - 1) / 2 * d - axis_mm
    x0 = centre_mm[0] - (grid.columns - 1) / 2 * p
    y0 = centre_mm[1] + (grid.rows - 1) / 2 * p
    # the divisor that is not used is replaced by 1, so that no gradient meets an infinity
    one = torch.ones_like(cos)
    c, s = torch.where(upright, cos, one), torch.where(upright, one, sin)
    return Crossings(
        A=torch.where(upright, ((s0 - y0 * sin) / c - x0) / p, (y0 - (s0 - x0 * cos) / s) / p),
        B=torch.where(upright, d / (p * c), -d / (p * s)),
        C=torch.where(upright, sin / c, cos / s),
        L=torch.where(upright, p / c.abs(), p / s.abs()),
        upright=upright,
    )
