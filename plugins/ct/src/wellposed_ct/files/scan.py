"""A scan on disk: what it is, known at once; its numbers, read row by row when they are asked for."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Self, TypeAlias

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wellposed.errors import FileFormatError, ParameterError, SpaceError
from wellposed.measurement import Measurement
from wellposed_ct.corrections import line_integrals, transmission
from wellposed_ct.files.angles import Angles, stated
from wellposed_ct.files.doubts import doubt_order
from wellposed_ct.files.opening import bounded
from wellposed_ct.files.place import UPWARDS
from wellposed_ct.files.values import Values, check_stated, check_transmissions, doubt_nepers, judge
from wellposed_ct.geometry import ConeGeometry, FanGeometry, ParallelGeometry
from wellposed_ct.projectors import ConeBeam, FanBeam, ParallelBeam

__all__ = ["Known", "RawScan", "RowReader", "as_panel", "central_plane", "fitted"]

Known = ParallelGeometry | FanGeometry | ConeGeometry
"""Scans that projections may be of."""

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
    values
        What the projections are; counts need flats or ``blank``. ``None`` where nobody said: they are judged
        by their looks, and taken for nepers where those allow it.
    blank
        Counts without sample, where a number is known instead of flats.
    angles_from
        Who told the angles; empty where nobody did and half a turn is assumed.
    row_mm
        Distance of the slices of a parallel beam, where it is not that of the bins.
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
    values: Values | None = None
    blank: float | None = None
    angles_from: str = "the file"
    row_mm: float | None = None
    cone: ConeGeometry | None = None
    files: tuple[Path, ...] = ()

    def __attrs_post_init__(self) -> None:
        """Check that the axis is anywhere near the detector."""
        width = self.geometry.detectors * self.geometry.detector_mm
        if abs(self.geometry.axis_mm) > width:
            raise FileFormatError(
                f"{self.path}: the axis projects {self.geometry.axis_mm:.4g} mm beside the middle of a "
                f"detector that is {width:.4g} mm wide; check the offsets, the centre and their units."
            )

    def raw(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows as they are stored, ``(rows, views, bins)``."""
        if not 0 <= start < stop <= self.rows:
            raise ParameterError(f"rows {start} to {stop} are asked for, and there are {self.rows}.")
        wanted = (stop - start, self.geometry.views, self.geometry.detectors)
        try:
            values = self.load(start, stop)
        except MemoryError as error:
            raise FileFormatError(
                f"{self.path}: {stop - start} rows of {wanted[1]} views and {wanted[2]} bins do not fit "
                "into the memory of this machine; if they cannot be that large, the file is damaged."
            ) from error
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
        if self.values is None:
            return self.judged().nepers(start, stop)
        stored = self.raw(start, stop)
        values = torch.from_numpy(np.ascontiguousarray(stored, np.float32))[:, None]
        if self.values == "counts":
            return self._corrected(values, start, stop)
        _finite(self.path, values)
        if self.values == "nepers":
            return values
        check_transmissions(self.path, stored)
        return line_integrals(values)

    def judged(self) -> Self:
        """Return the scan with its values known: as stated, or nepers where its middle row looks like them.

        Warns where what is said to be nepers hardly is; raises :class:`FileFormatError` where it looks like
        counts or transmissions, and nobody said what it is.
        """
        middle = self.rows // 2
        if self.values == "nepers":
            doubt_nepers(self.path, self.raw(middle, middle + 1), self.flats is not None)
        if self.values is not None:
            return self
        judge(self.path, self.raw(middle, middle + 1))
        return attrs.evolve(self, values="nepers")

    def told(
        self, values: Values | None = None, blank: float | None = None, angles_deg: Angles | None = None
    ) -> Self:
        """Return the scan with what a user says of it in place of what its files say.

        Parameters
        ----------
        values, blank
            What the numbers are; ``blank``, what a bin counts without the sample, makes them counts.
        angles_deg
            See :func:`wellposed_ct.files.angles.stated`.
        """
        check_stated(values, blank)
        changes: dict[str, Any] = {}
        if values is not None or blank is not None:
            changes["values"] = values or "counts"
        if blank is not None:
            changes |= {"blank": float(blank), "flats": None}
        if angles_deg is not None:
            angles = stated(angles_deg, self.geometry.views)
            cone = None if self.cone is None else self.cone.replace(angles=angles)
            changes |= {"geometry": self.geometry.replace(angles=angles), "cone": cone}
            named = isinstance(angles_deg, str | PathLike)
            changes["angles_from"] = str(angles_deg) if named else "the user"
        return attrs.evolve(self, **changes)

    def middle(self) -> Self:
        """Return the one slice of a cone beam that lies in the plane of its source: a fan beam.

        Between two rows, it is read between them.
        """
        assert self.cone is not None
        place = (self.rows - 1) / 2 - self.cone.plane_mm / self.cone.detector_mm[0]
        if not 0 <= place <= self.rows - 1 or self.cone.pitch_mm:
            raise FileFormatError(
                f"{self.path}: no row of the panel lies in the plane of the source, so that no slice can be "
                "made alone; reconstruct the volume (ct.fdk, or ct.sirt for a helix)."
            )
        if rows := self._rows_crossed(self.cone):
            warnings.warn(
                f"{self.path}: the panel is turned against the axis, and the middle slice crosses about "
                f"{rows:.2g} rows; it is read from one. The volume (ct.fdk) is exact.",
                UserWarning,
                stacklevel=2,
            )
        low = min(int(place), max(0, self.rows - 2))
        part = place - low

        def between(load: RowReader | None) -> RowReader | None:
            if load is None or self.rows == 1:
                return load

            def row(start: int, stop: int) -> NDArray[Any]:
                if part in (0.0, 1.0):
                    return load(low + int(part), low + int(part) + 1)
                two = load(low, low + 2).astype(np.float32)
                return np.asarray((1 - part) * two[:1] + part * two[1:])

            return row

        load = between(self.load)
        assert load is not None
        return attrs.evolve(
            self, rows=1, load=load, flats=between(self.flats), darks=between(self.darks), cone=None
        )

    @staticmethod
    def _rows_crossed(cone: ConeGeometry) -> float:
        """Return how many rows of the panel the source's plane crosses; 0 for less than one."""
        width = (cone.detector[1] - 1) * cone.detector_mm[1]
        found = abs(np.tan(cone.rotation[0])) * width / cone.detector_mm[0]
        return float(found) if found > 1 else 0.0

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed, in sentences."""
        if self.angles_from:
            return ()
        last = 180 - 180 / self.geometry.views
        return (
            f"{self.path}: tells no angles; half a turn in even steps is assumed, 0° to {last:.4g}° for "
            f"{self.geometry.views} views. Otherwise pass angles_deg (--angles START:STOP:N or FILE), or put "
            "an angles.txt or a geometry.toml beside it.",
        )

    def _corrected(self, values: Tensor, start: int, stop: int) -> Tensor:
        white, dark = self._white(values, start, stop), self._dark(start, stop)
        if self.blank is not None and dark is not None and self.blank <= (mean := float(dark.mean())):
            raise FileFormatError(
                f"{self.path}: blank = {self.blank:g}, and the darks are {mean:.4g} in the mean; a blank is "
                "what a bin counts without the sample, the dark current included, so state a larger one "
                "(blank=…, --blank …)."
            )
        try:
            return line_integrals(transmission(values, white, dark))
        except (ParameterError, SpaceError) as error:
            raise FileFormatError(f"{self.path}: {error}") from error

    def _white(self, values: Tensor, start: int, stop: int) -> Tensor:
        if self.flats is not None:
            return _frames(self.path, self.flats(start, stop))
        if self.blank is None:
            raise FileFormatError(
                f"{self.path}: holds counts, but no flat field to divide them by; add the frames taken "
                "without the sample, or state what a bin counts without it (blank=…, --blank …)."
            )
        return torch.full((1, values.shape[-1]), self.blank)

    def _dark(self, start: int, stop: int) -> Tensor | None:
        return None if self.darks is None else _frames(self.path, self.darks(start, stop))

    def physics(self, geometry: ParallelGeometry | FanGeometry | None = None) -> ParallelBeam | FanBeam:
        """Return the projector of a row."""
        scan = self.geometry if geometry is None else geometry
        return (
            FanBeam.from_geometry(scan) if isinstance(scan, FanGeometry) else ParallelBeam.from_geometry(scan)
        )

    def measurement(self, max_bytes: int) -> Measurement:
        """Load everything: a batch of one sinogram per row, or the projections of one cone beam."""
        bounded(self.path, (self.rows, self.geometry.views, self.geometry.detectors), 4, max_bytes)
        y = self.judged().nepers(0, self.rows)
        doubt_order(self.path, np.array(self.geometry.angles))
        for note in self.notes:
            warnings.warn(note, UserWarning, stacklevel=3)
        meta = {
            "source": self.path.name, "format": self.format, "geometry": repr(self.geometry),
            "pixel_mm": self.geometry.pixel_mm, "slice_mm": self.row_mm or self.geometry.detector_mm,
            "values": self.values or "nepers, as nobody said otherwise",
            "angles": self.angles_from or "assumed: half a turn in even steps",
        }  # fmt: skip
        if self.cone is None:
            return Measurement(y, self.physics(), meta=meta)
        meta |= {"geometry": repr(self.cone), "pixel_mm": list(self.cone.voxel_mm[1:])}
        meta |= {"slice_mm": self.cone.voxel_mm[0], "slice_direction": list(UPWARDS)}
        return Measurement(as_panel(y), ConeBeam.from_geometry(self.cone), meta=meta)


def as_panel(rows: Tensor) -> Tensor:
    """Return projections ``(1, 1, views, rows, bins)`` of rows ``(rows, 1, views, bins)``, top row last.

    A picture's first row is on top, and a panel's rows run upwards.
    """
    return rows.flip(0).permute(1, 2, 0, 3)[None]


def _frames(path: Path, values: NDArray[Any]) -> Tensor:
    if values.dtype.kind not in "fiu":
        raise FileFormatError(f"{path}: flats or darks are {values.dtype}; real numbers are expected.")
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))[:, None]


def _finite(path: Path, values: Tensor) -> Tensor:
    bad = int((~torch.isfinite(values)).sum())
    if bad:
        raise FileFormatError(
            f"{fspath(path)}: {bad} of {values.numel()} values are NaN or infinite; a count of zero has no "
            "logarithm: replace such values by their neighbours first."
        )
    return values


def fitted(
    source: Any, told: Any, views: int, rows: int, bins: int
) -> tuple[ParallelGeometry | FanGeometry, ConeGeometry | None]:
    """Return the plane of a geometry that someone told, and the geometry where it is a cone beam.

    Raises :class:`FileFormatError` where it is of another kind, or of other numbers than the projections.
    """
    if not isinstance(told, Known):
        raise FileFormatError(f"{source}: is a {type(told).__name__}; parallel, fan and cone beams are read.")
    cone = told if isinstance(told, ConeGeometry) else None
    if cone is not None and cone.detector[0] != rows:
        raise FileFormatError(f"{source}: pictures have {rows} rows, and the geometry {cone.detector[0]}.")
    plane = central_plane(told) if isinstance(told, ConeGeometry) else told
    if (plane.views, plane.detectors) != (views, bins):
        raise FileFormatError(
            f"{source}: the projections are {views} views of {bins} bins, and the geometry has {plane.views} "
            f"views of {plane.detectors} bins."
        )
    return plane, cone


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
