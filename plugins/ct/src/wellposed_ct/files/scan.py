"""A scan on disk: what it is, known at once; its numbers, read row by row when they are asked for."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from os import fspath
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wellposed.errors import FileFormatError, ParameterError, SpaceError
from wellposed.measurement import Measurement
from wellposed_ct.corrections import line_integrals, transmission
from wellposed_ct.files.doubts import doubt_nepers, doubt_order
from wellposed_ct.files.opening import bounded
from wellposed_ct.geometry import ConeGeometry, FanGeometry, ParallelGeometry
from wellposed_ct.projectors import ConeBeam, FanBeam, ParallelBeam

__all__ = ["RawScan", "RowReader", "angle_warnings", "as_panel", "central_plane", "degrees_of"]

RowReader: TypeAlias = Callable[[int, int], NDArray[Any]]
"""``load(start, stop)`` → ``(stop − start, frames, bins)``: some rows of all frames."""


@attrs.frozen(eq=False)
class RawScan:
    """Projections in a file or a folder, opened but not loaded.

    A detector of several rows sees one slice per row where rays are parallel. Of a cone beam, rows are those
    of the panel, counted from its top.

    Attributes
    ----------
    path
        Where it is.
    format
        What it is, in a word.
    geometry
        The scan of every row.
    rows
        How many.
    load, flats, darks
        Read rows of the projections, of the frames without sample, and of those without beam.
    counts
        Whether projections are counts (needing flats or ``white``); else they are nepers.
    white
        Counts without sample, where a number is known instead of flats.
    cone
        The scan of the whole panel, where rays are a cone; ``geometry`` is its central plane.
    files
        What else than ``path`` the numbers are read from.
    """

    path: Path
    format: str
    geometry: ParallelGeometry | FanGeometry
    rows: int
    load: RowReader
    flats: RowReader | None = None
    darks: RowReader | None = None
    counts: bool = False
    white: float | None = None
    cone: ConeGeometry | None = None
    files: tuple[Path, ...] = ()

    def raw(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows as they are stored, ``(rows, views, bins)``."""
        if not 0 <= start < stop <= self.rows:
            raise ParameterError(f"rows {start} to {stop} are asked for, and there are {self.rows}.")
        values = self.load(start, stop)
        wanted = (stop - start, self.geometry.views, self.geometry.detectors)
        if values.shape != wanted or values.dtype.kind not in "fiu":
            raise FileFormatError(
                f"{self.path}: rows {start} to {stop} are {values.dtype} of shape {values.shape}, and real "
                f"numbers of shape {wanted} are expected; the file is damaged."
            )
        return values

    def nepers(self, start: int, stop: int) -> Tensor:
        """Return sinograms ``(rows, 1, views, bins)`` float32: flat- and dark-corrected, −log.

        Raises
        ------
        FileFormatError
            NaN, infinite or negative counts, or flats that do not fit; the message begins with the path.
        """
        stored = self.raw(start, stop)
        values = torch.from_numpy(np.ascontiguousarray(stored, np.float32))[:, None]
        if not self.counts:
            doubt_nepers(self.path, stored, stored.dtype.kind in "iu")
            return _finite(self.path, values)
        try:
            return line_integrals(
                transmission(values, self._white(values, start, stop), self._dark(start, stop))
            )
        except (ParameterError, SpaceError) as error:
            raise FileFormatError(f"{self.path}: {error}") from error

    def _white(self, values: Tensor, start: int, stop: int) -> Tensor:
        if self.flats is not None:
            return _frames(self.flats(start, stop))
        if self.white is None:
            raise FileFormatError(
                f"{self.path}: holds counts, but no flat field to divide them by; add the frames taken "
                "without the sample."
            )
        return torch.full((1, values.shape[-1]), self.white)

    def _dark(self, start: int, stop: int) -> Tensor | None:
        return None if self.darks is None else _frames(self.darks(start, stop))

    def physics(self, geometry: ParallelGeometry | FanGeometry | None = None) -> ParallelBeam | FanBeam:
        """Return the projector of a row."""
        scan = self.geometry if geometry is None else geometry
        return (
            FanBeam.from_geometry(scan) if isinstance(scan, FanGeometry) else ParallelBeam.from_geometry(scan)
        )

    def measurement(self, max_bytes: int) -> Measurement:
        """Load everything: a batch of one sinogram per row, or the projections of one cone beam."""
        bounded(self.path, (self.rows, self.geometry.views, self.geometry.detectors), 4, max_bytes)
        doubt_order(self.path, np.array(self.geometry.angles))
        meta = {
            "source": self.path.name, "format": self.format, "geometry": repr(self.geometry),
            "pixel_mm": self.geometry.pixel_mm, "slice_mm": self.geometry.detector_mm,
        }  # fmt: skip
        if self.cone is None:
            return Measurement(self.nepers(0, self.rows), self.physics(), meta=meta)
        meta |= {"geometry": repr(self.cone), "pixel_mm": list(self.cone.voxel_mm[1:])}
        meta["slice_mm"] = self.cone.voxel_mm[0]
        y = as_panel(self.nepers(0, self.rows))
        return Measurement(y, ConeBeam.from_geometry(self.cone), meta=meta)


def as_panel(rows: Tensor) -> Tensor:
    """Return projections ``(1, 1, views, rows, bins)`` of rows ``(rows, 1, views, bins)``, top row last.

    A picture's first row is on top, and a panel's rows run upwards.
    """
    return rows.flip(0).permute(1, 2, 0, 3)[None]


def _frames(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))[:, None]


def _finite(path: Path, values: Tensor) -> Tensor:
    bad = int((~torch.isfinite(values)).sum())
    if bad:
        raise FileFormatError(
            f"{fspath(path)}: {bad} of {values.numel()} values are NaN or infinite; a count of zero has no "
            "logarithm: replace such values by their neighbours first."
        )
    return values


def degrees_of(path: Path, values: Any, views: int, units: str | None = None) -> NDArray[np.float64]:
    """Return radians of a file's angles, which are degrees unless its ``units`` say otherwise.

    Raises :class:`FileFormatError` where they are not one finite number per view; warns where their span
    suggests that they were radians all along.
    """
    angles = np.asarray(values, np.float64).ravel()
    if len(angles) != views:
        raise FileFormatError(f"{path}: {len(angles)} angles for {views} views; every view needs one.")
    if not np.isfinite(angles).all():
        raise FileFormatError(f"{path}: {int((~np.isfinite(angles)).sum())} angles are NaN or infinite.")
    if units and units.lower().startswith("rad"):
        return angles
    span = float(np.ptp(angles))
    if units is None and views >= 30 and 0 < span <= 2 * math.pi + 0.1:
        warnings.warn(
            f"{path}: {views} angles span only {span:.4g}°; if they are radians, say so in the file (units).",
            UserWarning,
            stacklevel=2,
        )
    return np.deg2rad(angles)


def central_plane(cone: ConeGeometry) -> FanGeometry:
    """Return the fan beam in the plane of the source of a circular scan."""
    return FanGeometry(
        cone.angles,
        cone.size[1:],
        cone.source_axis_mm,
        cone.source_detector_mm,
        cone.detector[1],
        cone.detector_mm[1],
        cone.voxel_mm[2],
        cone.axis_mm,
        cone.centre_mm[:2],
    )


def angle_warnings(angles: NDArray[np.float64]) -> list[str]:
    """Return what looks wrong with a scan's angles (radians), in sentences."""
    found, steps = [], np.diff(angles)
    if len(steps) and not ((steps > 0).all() or (steps < 0).all()):
        count = int((np.sign(steps) != np.sign(np.median(steps) or 1.0)).sum())
        found.append(
            f"angles are not monotone: {count} of {len(steps)} steps go the other way or stand still"
        )
    if len(angles) and np.abs(angles).max() > 4 * math.pi + 1e-3:
        found.append(f"angles reach {np.degrees(np.abs(angles).max()):.6g}°: are degrees given as radians?")
    if len(angles) > 1 and (seen := _covered(angles)) < math.pi - 0.02:
        found.append(
            f"angles cover {np.degrees(seen):.4g}° of the half turn that is needed: edges that no ray "
            "touches will be smeared"
        )
    return found


def _covered(angles: NDArray[np.float64]) -> float:
    """Return the arc that was seen, modulo π; gaps of more than three usual steps were not."""
    folded = np.unique(np.round(angles % math.pi, 9))
    if len(folded) < 2:
        return 0.0
    gaps = np.diff(folded, append=folded[0] + math.pi)
    usual = float(np.median(gaps))
    return float(np.where(gaps > 3 * usual, usual, gaps).sum())
