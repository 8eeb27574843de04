"""Volumes made of ellipsoids, whose line integrals are known exactly along any ray.

In coordinates in which an ellipsoid is the unit ball, the ray p + t·d (d of length 1) runs through it for
2·√(1 − |q|²)/|d'|, with q the foot of the perpendicular from the centre.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_ct.geometry.space import Scan

__all__ = ["Ellipsoids", "ball", "shepp_logan_3d"]

_FIELDS = "(value, a, b, c, x, y, z, phi, theta, psi)"


def _table(rows: Sequence[Sequence[float]] | Tensor) -> Tensor:
    table = torch.as_tensor(rows, dtype=torch.float64)
    if table.ndim != 2 or table.shape[1] != 10:
        raise ParameterError(f"Ellipsoids: rows must be {_FIELDS}, got shape {tuple(table.shape)}.")
    if bool((table[:, 1:4] <= 0).any()) or not bool(torch.isfinite(table).all()):
        raise ParameterError("Ellipsoids: semi-axes must be > 0 and all numbers finite.")
    return table


@attrs.frozen(eq=False)
class Ellipsoids:
    """A sum of ellipsoids.

    Parameters
    ----------
    rows
        ``(n, 10)``: value (1/mm); semi-axes a, b, c (mm); centre x, y, z (mm); and Euler angles (radians):
        the axes a, b, c start along x, y, z and are turned about z by psi, about x by theta, about z by phi.
    """

    rows: Tensor = attrs.field(converter=_table)

    def scaled(self, length_mm: float, value: float = 1.0) -> Self:
        """Return the volume with all lengths times ``length_mm`` and all values times ``value``."""
        factors = torch.tensor([value, *[length_mm] * 6, 1.0, 1.0, 1.0], dtype=torch.float64)
        return type(self)(self.rows * factors)

    def volume(self, scan: Scan, oversampling: int = 3) -> Tensor:
        """Return ``(1, 1, D, H, W)`` float64: means over voxels, by ``oversampling``³ points each."""
        m = oversampling
        x, y, z = (
            ((torch.arange(n * m, dtype=torch.float64) + 0.5) / m - n / 2) * side
            for n, side in zip(scan.size[::-1], scan.voxel_mm[::-1], strict=True)
        )
        cx, cy, cz = scan.centre_mm
        slices = []
        for some in torch.split(z + cz, m):
            points = torch.stack(torch.meshgrid(some, cy - y, x + cx, indexing="ij")[::-1], -1)
            fine = torch.zeros(points.shape[:-1], dtype=torch.float64)
            for row in self.rows:
                fine += row[0] * (((points - row[4:7]) @ _to_ball(row).T).square().sum(-1) <= 1)
            slices.append(torch.nn.functional.avg_pool3d(fine[None, None], m))
        return torch.cat(slices, 2)

    def line_integrals(self, points: Tensor, directions: Tensor) -> Tensor:
        """Return the integrals along rays through ``points`` ``(…, 3)`` (mm); directions have any length."""
        unit = directions / directions.norm(dim=-1, keepdim=True)
        total = torch.zeros_like((points + unit)[..., 0])
        for row in self.rows:
            turn = _to_ball(row)
            p, d = (points - row[4:7]) @ turn.T, unit @ turn.T
            square = d.square().sum(-1)
            foot = p - ((p * d).sum(-1) / square)[..., None] * d
            total += 2 * row[0] * ((1 - foot.square().sum(-1)).clamp(min=0) / square).sqrt()
        return total

    def projections(self, scan: Scan) -> Tensor:
        """Return exact line integrals ``(1, 1, views, rows, columns)`` float64, nepers."""
        rows, columns = scan.detector
        c = torch.arange(columns, dtype=torch.float64)[:, None] - (columns - 1) / 2
        r = torch.arange(rows, dtype=torch.float64)[:, None, None] - (rows - 1) / 2
        views = []
        for first, middle, u, v in torch.tensor(scan.vectors()).reshape(-1, 4, 3):
            pixels = middle + c * u + r * v
            views.append(self.line_integrals(pixels, first if scan.parallel else pixels - first))
        return torch.stack(views)[None, None]


def _to_ball(row: Tensor) -> Tensor:
    """Return the matrix that turns an ellipsoid (at the origin) into the unit ball."""

    def about_z(angle: float) -> Tensor:
        c, s = math.cos(angle), math.sin(angle)
        return row.new_tensor([[c, -s, 0], [s, c, 0], [0, 0, 1]])

    phi, theta, psi = row[7:].tolist()
    c, s = math.cos(theta), math.sin(theta)
    about_x = row.new_tensor([[1, 0, 0], [0, c, -s], [0, s, c]])
    return (about_z(phi) @ about_x @ about_z(psi)).T / row[1:4, None]


_AXES = (
    (0.69, 0.92, 0.81, 0.0, 0.0, 0.0, 0.0),
    (0.6624, 0.874, 0.78, 0.0, -0.0184, 0.0, 0.0),
    (0.11, 0.31, 0.22, 0.22, 0.0, 0.0, -18.0),
    (0.16, 0.41, 0.28, -0.22, 0.0, 0.0, 18.0),
    (0.21, 0.25, 0.41, 0.0, 0.35, 0.0, 0.0),
    (0.046, 0.046, 0.05, 0.0, 0.1, 0.0, 0.0),
    (0.046, 0.046, 0.05, 0.0, -0.1, 0.0, 0.0),
    (0.046, 0.023, 0.05, -0.08, -0.605, 0.0, 0.0),
    (0.023, 0.023, 0.02, 0.0, -0.606, 0.0, 0.0),
    (0.023, 0.046, 0.02, 0.06, -0.605, 0.0, 0.0),
)
_ORIGINAL = (2.0, -0.98, -0.02, -0.02, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01)
_MODIFIED = (1.0, -0.8, -0.2, -0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1)


def shepp_logan_3d(radius_mm: float = 1.0, modified: bool = True) -> Ellipsoids:
    """Return the head of Shepp & Logan (1974) in space: its central slice is the plane phantom.

    No one table is canonical; this is the one of the ODL library (``shepp_logan_ellipsoids``), the plane's
    ellipses of doi:10.1109/TNS.1974.6499235 with a third axis each, all centred in the plane z = 0.

    Parameters
    ----------
    radius_mm
        What the unit of the table stands for: half the side of the usual cube.
    modified
        Toft's (1996) values, with contrast for the eye: brain at 0.2, skull at 1. Else the original ones.
    """
    values = _MODIFIED if modified else _ORIGINAL
    rows = [(v, *axes[:6], math.radians(axes[6]), 0, 0) for v, axes in zip(values, _AXES, strict=True)]
    return Ellipsoids(rows).scaled(radius_mm)


def ball(radius_mm: float, value: float = 1.0, at_mm: Sequence[float] = (0.0, 0.0, 0.0)) -> Ellipsoids:
    """Return a ball about the point ``at_mm``, (x, y, z)."""
    return Ellipsoids([(value, radius_mm, radius_mm, radius_mm, *at_mm, 0.0, 0.0, 0.0)])
