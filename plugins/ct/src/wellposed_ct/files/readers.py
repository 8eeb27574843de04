"""Readers of whole raw scans, as registered components; :func:`open_scan` opens them without loading."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from wellposed.errors import FileFormatError
from wellposed.measurement import Measurement
from wellposed_ct.files.angles import Angles
from wellposed_ct.files.geometry_toml import read_geometry
from wellposed_ct.files.hdf5 import open_hdf5
from wellposed_ct.files.nikon import open_nikon
from wellposed_ct.files.opening import MAX_BYTES
from wellposed_ct.files.scan import RawScan, fitted
from wellposed_ct.files.sinogram import SUFFIXES as SINOGRAM
from wellposed_ct.files.sinogram import open_sinogram
from wellposed_ct.files.tiff import SUFFIXES as TIFF
from wellposed_ct.files.tiff import open_tiff
from wellposed_ct.files.values import Values, check_stated

__all__ = ["HDF5Reader", "NikonReader", "TIFFReader", "open_scan"]

Size: TypeAlias = tuple[int, int] | None

HDF5 = (".h5", ".hdf5", ".nxs", ".hdf")


@attrs.frozen
class HDF5Reader:
    """Read DXchange and NXtomo files: flat- and dark-corrected, one sample per detector row.

    Parameters
    ----------
    size
        Rows and columns of a slice; by default as many as detector bins.
    pixel_mm
        Distance of bins; by default what the file says, or 1 mm.
    values
        What the numbers are: ``counts`` (with flats in the file, or ``blank``), ``transmission`` or
        ``nepers``; by default counts where there are flats, else nepers unless they look like others.
    blank
        What a bin counts without the sample.
    angles_deg
        In place of the file's angles: ``START:STOP:N`` (STOP excluded), a file with one a line, or numbers;
        degrees.
    max_bytes
        Largest stack of sinograms that is loaded.
    """

    size: Size = None
    pixel_mm: float | None = None
    values: Values | None = None
    blank: float | None = None
    angles_deg: Angles | None = None
    max_bytes: int = MAX_BYTES

    def __attrs_post_init__(self) -> None:
        """Check what is stated."""
        check_stated(self.values, self.blank)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of files that this reads."""
        return HDF5

    def read(self, path: str | PathLike[str]) -> Measurement:
        """Return nepers ``(rows, 1, views, bins)`` and their parallel beam.

        Files that tell the distances of source and detector are cone beams: ``(1, 1, views, rows, bins)``.
        Raises :class:`~wellposed.errors.FileFormatError` for a file that is damaged, too large, or neither.
        """
        found = open_hdf5(path, self.size, self.pixel_mm)
        return found.told(self.values, self.blank, self.angles_deg).measurement(self.max_bytes)


@attrs.frozen
class TIFFReader:
    """Read a folder of TIFF projections, or one of many pages, with the ``geometry.toml`` beside them.

    Parameters
    ----------
    values
        What the numbers are: ``counts`` (with flats in the file, or ``blank``), ``transmission`` or
        ``nepers``; by default counts where there are flats, else nepers unless they look like others.
    blank
        What a bin counts without the sample.
    angles_deg
        In place of the file's angles: ``START:STOP:N`` (STOP excluded), a file with one a line, or numbers;
        degrees.
    max_bytes
        Largest stack of sinograms that is loaded.
    """

    values: Values | None = None
    blank: float | None = None
    angles_deg: Angles | None = None
    max_bytes: int = MAX_BYTES

    def __attrs_post_init__(self) -> None:
        """Check what is stated."""
        check_stated(self.values, self.blank)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of files that this reads."""
        return TIFF

    def read(self, path: str | PathLike[str]) -> Measurement:
        """Return nepers ``(rows, 1, views, bins)`` and their beam.

        Raises :class:`~wellposed.errors.FileFormatError` for files that are damaged, unequal or too large.
        """
        found = open_tiff(path, angles_deg=self.angles_deg).told(self.values, self.blank)
        return found.measurement(self.max_bytes)


@attrs.frozen
class NikonReader:
    """Read a Nikon scan by its ``.xtekct``: its middle slice, or all of it.

    Parameters
    ----------
    size, pixel_mm
        Of a slice; by default as many pixels as bins, each a bin seen at the axis.
    volume
        Whether to read the whole cone beam.
    values
        What the numbers are: ``counts`` (with flats in the file, or ``blank``), ``transmission`` or
        ``nepers``; by default counts where there are flats, else nepers unless they look like others.
    blank
        What a bin counts without the sample.
    angles_deg
        In place of the file's angles: ``START:STOP:N`` (STOP excluded), a file with one a line, or numbers;
        degrees.
    max_bytes
        Most projections that are loaded.
    """

    size: Size = None
    pixel_mm: float | None = None
    volume: bool = False
    values: Values | None = None
    blank: float | None = None
    angles_deg: Angles | None = None
    max_bytes: int = MAX_BYTES

    def __attrs_post_init__(self) -> None:
        """Check what is stated."""
        check_stated(self.values, self.blank)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of files that this reads."""
        return (".xtekct",)

    def read(self, path: str | PathLike[str]) -> Measurement:
        """Return nepers ``(1, 1, views, bins)`` of a fan, or ``(1, 1, views, rows, bins)`` of a cone beam.

        Raises :class:`~wellposed.errors.FileFormatError` for files that are damaged or do not fit together.
        """
        found = open_nikon(path, self.size, self.pixel_mm, self.volume)
        return found.told(self.values, self.blank, self.angles_deg).measurement(self.max_bytes)


def open_scan(
    path: str | PathLike[str],
    geometry: str | PathLike[str] | None = None,
    max_bytes: int = MAX_BYTES,
    volume: bool = False,
    *,
    values: Values | None = None,
    blank: float | None = None,
    angles_deg: Angles | None = None,
) -> RawScan:
    """Open a scan of any format that this pack reads: HDF5, TIFF file or folder, ``.xtekct``, or a sinogram.

    Parameters
    ----------
    path
        A file, or a folder of TIFF projections.
    geometry
        A TOML file with the geometry of a row, in place of what the scan says.
    max_bytes
        Largest sinogram file (NumPy, MATLAB) that is loaded; the others are read by rows.
    volume
        Whether ``.xtekct`` is opened as a cone beam, not as the fan beam of its middle row.
    values, blank, angles_deg
        As in :class:`HDF5Reader`; they come before what the files say.

    Raises
    ------
    FileFormatError
        No such format, damaged, or a geometry or angles that do not fit.
    """
    check_stated(values, blank)
    found = _opened(path, geometry, max_bytes, volume, angles_deg)
    return found.told(values, blank)


def _opened(
    path: str | PathLike[str],
    geometry: str | PathLike[str] | None,
    max_bytes: int,
    volume: bool,
    angles_deg: Angles | None,
) -> RawScan:
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    told = None if geometry is None else read_geometry(geometry)
    suffix = path.suffix.lower()
    if path.is_dir() or suffix in TIFF:
        return open_tiff(path, told, angles_deg)
    openers: dict[str, Callable[[Path], RawScan]] = dict.fromkeys(HDF5, open_hdf5)
    openers |= {".xtekct": lambda p: open_nikon(p, volume=volume)}
    openers |= dict.fromkeys(SINOGRAM, lambda p: open_sinogram(p, max_bytes=max_bytes))
    if suffix not in openers:
        raise FileFormatError(
            f"{path}: {suffix or 'no ending'!r} is none of {', '.join([*openers, *TIFF])}, and no folder."
        )
    found = openers[suffix](path)
    if angles_deg is not None:
        found = found.told(angles_deg=angles_deg)
    return found if told is None else _taken_by(found, told, geometry, keep=angles_deg is not None)


def _taken_by(scan: RawScan, told: Any, source: Any, keep: bool) -> RawScan:
    """Return a scan with another geometry, but its own angles where they are to be kept."""
    panel = (scan.geometry.views, scan.rows, scan.geometry.detectors)
    plane, cone = fitted(source, told.replace(angles=scan.geometry.angles) if keep else told, *panel)
    said = scan.angles_from if keep else "the geometry"
    return attrs.evolve(scan, geometry=plane, cone=cone, angles_from=said)
