"""What scans in space share: checks of sizes and points, slabs of the volume, and the rows that see them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from wellposed.errors import ParameterError
from wellposed_ct.geometry.parallel import check_positive

__all__ = ["Scan", "counts", "lengths", "point"]


class Scan(ABC):
    """A scan of a volume: what projectors, reconstructions and drawings need to know of it."""

    __slots__ = ()

    size: tuple[int, int, int]
    detector: tuple[int, int]
    voxel_mm: tuple[float, float, float]
    centre_mm: tuple[float, float, float]

    @property
    @abstractmethod
    def parallel(self) -> bool:
        """Whether the first three of the vectors are a direction, and no source."""

    @property
    @abstractmethod
    def views(self) -> int:
        """Number of views."""

    @abstractmethod
    def vectors(self) -> NDArray[np.float64]:
        """Return the vectors ``(views, 12)``, mm."""

    @abstractmethod
    def replace(self, **changes: Any) -> Self:
        """Return the scan with some arguments changed."""

    @abstractmethod
    def svg(self) -> str:
        """Return a drawing."""

    def slab(self, first: int, last: int) -> Self:
        """Return the same scan of the volume's slices [first, last) alone.

        The projection of a volume is the sum of the projections of its slabs, and the back-projection onto a
        slab is that slab of the back-projection, both to rounding.
        """
        depth, height, width = self.size
        if not 0 <= first < last <= depth:
            raise ParameterError(
                f"slab [{first}, {last}) must lie within the {depth} slices and not be empty."
            )
        x, y, z = self.centre_mm
        z += ((first + last) / 2 - depth / 2) * self.voxel_mm[0]
        return self.replace(size=(last - first, height, width), centre_mm=(x, y, z))

    def rows_seen(self) -> tuple[int, int]:
        """Return the range [first, last) of panel rows whose rays meet the volume in some view."""
        corners = self._corners()
        v = self.pixel_of(corners)[..., 0]
        if not np.isfinite(v).all():
            return 0, self.detector[0]
        low, high = math.floor(v.min()) - 1, math.ceil(v.max()) + 2
        return max(0, min(low, self.detector[0] - 1)), max(1, min(high, self.detector[0]))

    def pixel_of(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where points ``(n, 3)`` (x, y, z in mm) project: (row, column) ``(views, n, 2)``, from 0.

        NaN where a point lies beside or behind the source.
        """
        first, middle, u, v = self.vectors().reshape(-1, 4, 3).swapaxes(0, 1)
        origin = middle if self.parallel else first
        toward = first if self.parallel else middle - first
        frame = np.linalg.inv(np.stack([u, v, toward], 2))
        solved = np.einsum("vij,vnj->vni", frame, points[None] - origin[:, None])
        depth = np.ones_like(solved[..., 2]) if self.parallel else solved[..., 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            uv = np.where(depth[..., None] > 1e-9, solved[..., :2] / depth[..., None], np.nan)
        rows, columns = self.detector
        return np.asarray(uv[..., ::-1] + np.array([(rows - 1) / 2, (columns - 1) / 2]), np.float64)

    def _corners(self) -> NDArray[np.float64]:
        half = np.array(self.size[::-1]) * np.array(self.voxel_mm[::-1]) / 2
        # interpolation reaches one voxel beyond the border
        half = half + np.array(self.voxel_mm[::-1]) / 2
        signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
        return np.asarray(signs * half + np.array(self.centre_mm), np.float64)

    def _volume(self) -> str:
        (d, h, w), (z, y, x) = self.size, self.voxel_mm
        return f"volume {d}×{h}×{w} of {z:.4g}×{y:.4g}×{x:.4g} mm"

    def _repr_html_(self) -> str:
        return f"<figure>{self.svg()}<figcaption>{self!r}</figcaption></figure>"


def counts(owner: str, name: str, values: Sequence[int], what: tuple[str, ...]) -> Any:
    """Return whole numbers ≥ 1, as many as ``what`` names."""
    found = tuple(int(n) for n in values)
    if len(found) != len(what) or min(found) < 1:
        raise ParameterError(
            f"{owner}: {name} = {tuple(values)} must be ({', '.join(what)}), all at least 1."
        )
    return found


def lengths(owner: str, name: str, values: float | Sequence[float], what: tuple[str, ...]) -> Any:
    """Return lengths > 0 in mm, as many as ``what`` names; one number stands for all."""
    found = (float(values),) * len(what) if isinstance(values, int | float) else tuple(map(float, values))
    if len(found) != len(what):
        raise ParameterError(f"{owner}: {name} = {values} must be one length, or ({', '.join(what)}).")
    check_positive(owner, **{f"{name}[{i}]": length for i, length in enumerate(found)})
    return found


def point(owner: str, name: str, values: Sequence[float], what: tuple[str, ...]) -> Any:
    """Return finite numbers, as many as ``what`` names."""
    found = tuple(float(value) for value in values)
    if len(found) != len(what) or not all(map(math.isfinite, found)):
        raise ParameterError(f"{owner}: {name} = {tuple(values)} must be ({', '.join(what)}), all finite.")
    return found
