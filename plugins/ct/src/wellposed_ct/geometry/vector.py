"""Scans whose every view stands where it stands: robots, tomosynthesis, laminography, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import attrs
import numpy as np
from numpy.typing import ArrayLike, NDArray

from wellposed.errors import ParameterError
from wellposed_ct.geometry.drawing3d import draw_scan
from wellposed_ct.geometry.space import Scan, counts, lengths, point

__all__ = ["VectorGeometry"]


def _table(vectors: ArrayLike) -> tuple[tuple[float, ...], ...]:
    table = np.asarray(vectors, np.float64)
    if table.ndim != 2 or table.shape[1] != 12 or not len(table):
        raise ParameterError(
            f"VectorGeometry: vectors have shape {table.shape}, but must be (views, 12): source or "
            "direction, detector's middle, u and v, each as (x, y, z)."
        )
    if bad := np.flatnonzero(~np.isfinite(table).all(1)).tolist():
        raise ParameterError(f"VectorGeometry: the vectors of view {bad[0]} are not finite.")
    normal = np.cross(table[:, 6:9], table[:, 9:])
    scale = np.linalg.norm(table[:, 6:9], axis=1) * np.linalg.norm(table[:, 9:], axis=1)
    if flat := np.flatnonzero(np.linalg.norm(normal, axis=1) <= 1e-9 * scale).tolist():
        raise ParameterError(
            f"VectorGeometry: u and v of view {flat[0]} lie on one line; they must span the detector."
        )
    return tuple(map(tuple, table.tolist()))


@attrs.frozen(repr=False, init=False)
class VectorGeometry(Scan):
    """Scan with a flat panel, every view of which is given by vectors; cone beam or parallel.

    Parameters
    ----------
    vectors
        ``(views, 12)``, mm: the source (or, with ``parallel``, the direction of the rays), the panel's
        middle, the step from column to column (u) and from row to row (v), each as (x, y, z). ASTRA's
        ``cone_vec`` and ``parallel3d_vec`` have the same order.
    size
        Slices, rows and columns ``(D, H, W)`` of the volume.
    detector
        Rows and columns of the panel.
    voxel_mm
        Sides of a voxel along z, y and x; one number for cubes.
    centre_mm
        (x, y, z) of the volume's middle.
    parallel
        Whether rays are parallel in each view.
    """

    rows: tuple[tuple[float, ...], ...]
    size: tuple[int, int, int]
    detector: tuple[int, int]
    voxel_mm: tuple[float, float, float]
    centre_mm: tuple[float, float, float]
    parallel: bool

    def __init__(
        self,
        vectors: ArrayLike,
        size: Sequence[int],
        detector: Sequence[int],
        voxel_mm: float | Sequence[float] = 1.0,
        centre_mm: Sequence[float] = (0.0, 0.0, 0.0),
        parallel: bool = False,
    ) -> None:
        owner = "VectorGeometry"
        rows = _table(vectors)
        shape = counts(owner, "size", size, ("slices", "rows", "columns"))
        voxel = lengths(owner, "voxel_mm", voxel_mm, ("z", "y", "x"))
        centre = point(owner, "centre_mm", centre_mm, ("x", "y", "z"))
        _check_rays(np.array(rows), shape, voxel, centre, bool(parallel))
        panel = counts(owner, "detector", detector, ("rows", "columns"))
        self.__attrs_init__(rows, shape, panel, voxel, centre, bool(parallel))

    @property
    def views(self) -> int:
        """Number of views."""
        return len(self.rows)

    def vectors(self) -> NDArray[np.float64]:
        """Return the vectors ``(views, 12)``."""
        return np.array(self.rows, np.float64)

    def replace(self, **changes: Any) -> Self:
        """Return the scan with some arguments changed."""
        given: dict[str, Any] = {f.name: getattr(self, f.name) for f in attrs.fields(type(self))}
        given["vectors"] = given.pop("rows")
        return type(self)(**(given | changes))

    def as_vectors(self) -> Self:
        """Return the scan itself."""
        return self

    def subset(self, views: Sequence[int] | slice) -> Self:
        """Return the scan with some of its views, by index or slice."""
        chosen = range(self.views)[views] if isinstance(views, slice) else views
        return self.replace(vectors=[self.rows[i] for i in chosen])

    def crop_rows(self, first: int, last: int) -> Self:
        """Return the scan with the panel's rows [first, last) alone."""
        table = self.vectors()
        table[:, 3:6] += ((first + last) / 2 - self.detector[0] / 2) * table[:, 9:]
        return self.replace(vectors=table, detector=(last - first, self.detector[1]))

    def svg(self) -> str:
        """Return a drawing from above and from the side: volume, sources, and the panel of one view."""
        return draw_scan(self)

    def __repr__(self) -> str:
        """Return one line with units."""
        rows, columns = self.detector
        rays = "parallel rays" if self.parallel else "rays from a source"
        return f"VectorGeometry({self.views} views, {rays}, {rows}×{columns} pixels, {self._volume()})"


def _check_rays(
    table: NDArray[np.float64],
    size: tuple[int, int, int],
    voxel: tuple[float, float, float],
    centre: tuple[float, float, float],
    parallel: bool,
) -> None:
    if parallel:
        if still := np.flatnonzero(~table[:, :3].any(1)).tolist():
            raise ParameterError(f"VectorGeometry: the rays of view {still[0]} have no direction.")
        return
    half = np.array(size[::-1]) * np.array(voxel[::-1]) / 2
    inside = (np.abs(table[:, :3] - np.array(centre)) < half).all(1)
    if within := np.flatnonzero(inside).tolist():
        raise ParameterError(
            f"VectorGeometry: the source of view {within[0]} at {tuple(table[within[0], :3].tolist())} mm is "
            "inside the volume; make the volume smaller, or check the units."
        )
