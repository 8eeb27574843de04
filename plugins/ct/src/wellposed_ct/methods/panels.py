"""Where source and panel are on a circle, read off the vectors; and panels made upright.

FDK filters along rows that are parallel to the plane of the circle, on a panel that is perpendicular to the
ray through the axis. A rotated panel is resampled to that one, point by point along the rays.
"""

from __future__ import annotations

import math
from typing import Self

import attrs
import torch
from torch import Tensor

from wellposed.errors import StructureError
from wellposed_ct.projectors.precision import doubles

__all__ = ["Circle", "resample"]


@attrs.frozen(eq=False)
class Circle:
    """A source on a circle around the z axis, with its panel; one row or number per view.

    Attributes
    ----------
    vectors
        ``(V, 12)`` float64: source, panel's middle, u, v.
    detector
        Rows and columns of the panel.
    angles, radius, distance
        θ of every source, its distance from the axis, and from the panel's plane, ``(V,)``.
    """

    vectors: Tensor
    detector: tuple[int, int]
    angles: Tensor
    radius: Tensor
    distance: Tensor

    @classmethod
    def of(cls, vectors: Tensor, detector: tuple[int, int]) -> Self:
        """Read a circle off the vectors.

        Raises
        ------
        StructureError
            The sources rise (a helix), are not all at about the same distance from the axis, or a panel is
            turned by more than 60°.
        """
        table = doubles(vectors)
        source, middle, u, v = table.reshape(-1, 4, 3).unbind(1)
        radius = source[:, :2].norm(dim=1)
        rise = float(source[:, 2].amax() - source[:, 2].amin())
        if rise > 1e-3 * float(radius.mean()):
            raise StructureError(
                f"FDK: the sources rise by {rise:.4g} mm along z (a helix?); it inverts circles. "
                "Use ct.sirt, ct.cgls or ct.tv, which take any path."
            )
        low, high = float(radius.amin()), float(radius.amax())
        if high > 1.1 * low:
            raise StructureError(
                f"FDK: sources are between {low:.4g} and {high:.4g} mm from the z axis; it inverts circles "
                "around that axis. Use ct.sirt, ct.cgls or ct.tv, which take any path."
            )
        normal = torch.linalg.cross(u, v)
        distance = ((middle - source) * normal).sum(1).abs() / normal.norm(dim=1)
        found = cls(table, detector, torch.atan2(source[:, 0], -source[:, 1]), radius, distance)
        along = (u * found.across).sum(1).abs() / u.norm(dim=1)
        up = v[:, 2].abs() / v.norm(dim=1)
        lowest = float(torch.minimum(along, up).amin())
        if lowest < 0.5:
            raise StructureError(
                "FDK: the panel's rows run across the plane of the circle, turned by "
                f"{math.degrees(math.acos(lowest)):.3g}°, and at most 60° are read; swap rows and columns "
                "(u and v, and the projections' last two axes), or use ct.sirt, ct.cgls or ct.tv."
            )
        return found

    @property
    def across(self) -> Tensor:
        """(cos θ, sin θ, 0), along which the columns of an upright panel run, ``(V, 3)``."""
        return torch.stack([torch.cos(self.angles), torch.sin(self.angles), 0 * self.angles], 1)

    @property
    def is_upright(self) -> bool:
        """Whether every panel's u is along ±(cos θ, sin θ, 0) and its v along ±z, to 1e-6."""
        _, _, u, v = self.vectors.reshape(-1, 4, 3).unbind(1)
        off_u = u - (u * self.across).sum(1, keepdim=True) * self.across
        worst = torch.maximum(off_u.norm(dim=1) / u.norm(dim=1), v[:, :2].norm(dim=1) / v.norm(dim=1))
        return float(worst.amax()) < 1e-6

    def spacing(self) -> Tensor:
        """Return the distance of columns, seen from the source at the axis, ``(V,)`` mm."""
        found: Tensor = self.vectors[:, 6:9].norm(dim=1) * self.radius / self.distance
        return found

    def positions(self) -> tuple[Tensor, Tensor]:
        """Return where columns ``(V, C)`` and rows ``(V, R)`` of upright panels are, scaled to the axis."""
        source, middle, u, v = self.vectors.reshape(-1, 4, 3).unbind(1)
        rows, columns = self.detector
        c = torch.arange(columns, device=u.device) - (columns - 1) / 2
        r = torch.arange(rows, device=u.device) - (rows - 1) / 2
        scale = (self.radius / self.distance)[:, None]
        along = ((middle - source) * self.across).sum(1)[:, None] + (u * self.across).sum(1)[:, None] * c
        return along * scale, ((middle - source)[:, 2, None] + v[:, 2, None] * r) * scale

    def widened(self, low: int, high: int) -> Self:
        """Return the circle with more columns on the low and high side, all others where they were."""
        source, middle, u, v = self.vectors.reshape(-1, 4, 3).unbind(1)
        table = torch.cat([source, middle + (high - low) / 2 * u, u, v], 1)
        return attrs.evolve(self, vectors=table, detector=(self.detector[0], self.detector[1] + low + high))

    def upright(self) -> Self:
        """Return the circle with upright panels at the same distance, as large and fine."""
        source, middle, u, v = self.vectors.reshape(-1, 4, 3).unbind(1)
        ahead = torch.stack([-torch.sin(self.angles), torch.cos(self.angles), 0 * self.angles], 1)
        toward = middle - source
        depth = (toward * ahead).sum(1)
        # the ray to the old panel's middle meets the new one in its middle
        new_middle = source + toward * (self.distance / depth)[:, None]
        up = torch.zeros_like(u)
        up[:, 2] = v.norm(dim=1) * torch.sign(v[:, 2])
        side = (u * self.across).sum(1).sign() * u.norm(dim=1)
        table = torch.cat([source, new_middle, self.across * side[:, None], up], 1)
        return attrs.evolve(self, vectors=table)


def resample(y: Tensor, circle: Circle) -> Tensor:
    """Return projections ``(…, V, R, C)`` on the upright panels of a circle, zero beyond the old ones."""
    rows, columns = circle.detector
    new = circle.upright()
    parts = []
    for number in range(len(circle.vectors)):
        place = _pixels(circle, new, number)
        scale = place.new_tensor([2 / max(1, columns - 1), 2 / max(1, rows - 1)])
        grid = (place * scale - 1).to(y)
        image = y[..., number, :, :].reshape(-1, 1, rows, columns)
        read = torch.nn.functional.grid_sample(
            image, grid.expand(len(image), -1, -1, -1), align_corners=True, padding_mode="zeros"
        )
        parts.append(read.reshape(*y.shape[:-3], 1, rows, columns))
    return torch.cat(parts, -3)


def _pixels(circle: Circle, new: Circle, number: int) -> Tensor:
    """Return where on the old panel (column, row) the pixels of a new one are seen, ``(R, C, 2)``."""
    rows, columns = circle.detector
    source, middle, u, v = new.vectors[number].reshape(4, 3)
    c = torch.arange(columns, device=u.device)[:, None] - (columns - 1) / 2
    r = torch.arange(rows, device=u.device)[:, None, None] - (rows - 1) / 2
    toward = middle + c * u + r * v - source
    _, old, old_u, old_v = circle.vectors[number].reshape(4, 3)
    frame = torch.linalg.inv(torch.stack([old_u, old_v, old - source], 1))
    solved = toward @ frame.T
    at = solved[..., :2] / solved[..., 2:]
    result: Tensor = at + at.new_tensor([(columns - 1) / 2, (rows - 1) / 2])
    return result
