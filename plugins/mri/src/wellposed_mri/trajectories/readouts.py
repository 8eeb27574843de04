"""Spirals as a scanner plays them: the samples lie where the gradients are at the time of sampling."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wellposed_mri.trajectories.gradients import Gradients
from wellposed_mri.trajectories.shapes import require_positive

PER_RADIAN = 24
"""Points of the curve per radian, from which the spline is made."""


def spiral_readout(
    arms: int,
    size: int,
    gradients: Gradients | None = None,
    spacing: tuple[float, float] = (0.8, 0.8),
    start: float = 0.0,
) -> Tensor:
    """Return the fastest spirals within gradient limits, ``(arms, samples, 2)`` float32, cycles/FOV.

    Sample m is taken ``m · gradients.raster`` seconds after the start at rest.

    Parameters
    ----------
    arms
        Number of interleaved arms, evenly turned.
    size
        Pixels across the image; arms end at size/2.
    gradients
        The limits and the field of view; by default those of :class:`Gradients`.
    spacing
        Distance between neighbouring arms at the centre and at the edge in cycles/FOV, linear between them: 1
        is Nyquist's, less is denser.
    start
        Angle of the first arm in radians.

    References
    ----------
    D.-h. Kim, E. Adalsteinsson and D. M. Spielman, "Simple analytic variable density spiral design", Magn.
    Reson. Med. 50 (2003) 214–219, doi:10.1002/mrm.10493; timing as in :meth:`Gradients.traverse`.
    """
    require_positive(arms=arms, size=size, spacing=min(spacing))
    one = (gradients or Gradients()).traverse(_curve(arms, size / 2, *spacing))
    turns = start + 2 * math.pi * torch.arange(arms, dtype=torch.float64) / arms
    return torch.stack([turned(one, float(turn)) for turn in turns]).float()


def turned(trajectory: Tensor, angle: float) -> Tensor:
    """Return a planar trajectory ``(…, 2)`` turned by ``angle``, from the columns towards the rows."""
    rows, columns = trajectory.unbind(-1)
    c, s = math.cos(angle), math.sin(angle)
    return torch.stack([c * rows + s * columns, c * columns - s * rows], -1)


def _curve(arms: int, edge: float, inner: float, outer: float) -> Tensor:
    """Return the spiral of dθ/dr = 2π/(arms·δ(r)), δ linear in r, at even angles ``(n, 2)``."""
    slope = (outer - inner) / edge
    last = edge / inner if abs(slope) < 1e-12 else math.log1p(slope * edge / inner) / slope
    total = 2 * math.pi / arms * last
    angle = torch.linspace(0, total, max(64, int(PER_RADIAN * total)), dtype=torch.float64)
    along = angle * arms / (2 * math.pi)
    radius = inner * along if abs(slope) < 1e-12 else inner * torch.expm1(slope * along) / slope
    return torch.stack([radius * angle.sin(), radius * angle.cos()], -1)
