"""Readers of whole raw scans, as registered components; :func:`open_scan` opens them without loading."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from wellposed.errors import FileFormatError
from wellposed.measurement import Measurement
from wellposed_ct.files.geometry_toml import read_geometry
from wellposed_ct.files.hdf5 import open_hdf5
from wellposed_ct.files.nikon import open_nikon
from wellposed_ct.files.opening import MAX_BYTES
from wellposed_ct.files.scan import RawScan
from wellposed_ct.files.sinogram import SinogramReader
from wellposed_ct.files.tiff import SUFFIXES as TIFF
from wellposed_ct.files.tiff import open_tiff

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
    max_bytes
        Largest stack of sinograms that is loaded.
    """

    size: Size = None
    pixel_mm: float | None = None
    max_bytes: int = MAX_BYTES

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of files that this reads."""
        return HDF5

    def read(self, path: str | PathLike[str]) -> Measurement:
        """Return nepers ``(rows, 1, views, bins)`` and their parallel beam.

        Raises :class:`~wellposed.errors.FileFormatError` for a file that is damaged, too large, or neither.
        """
        return open_hdf5(path, self.size, self.pixel_mm).measurement(self.max_bytes)


@attrs.frozen
class TIFFReader:
    """Read a folder of TIFF projections, or one of many pages, with the ``geometry.toml`` beside them.

    Parameters
    ----------
    max_bytes
        Largest stack of sinograms that is loaded.
    """

    max_bytes: int = MAX_BYTES

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of files that this reads."""
        return TIFF

    def read(self, path: str | PathLike[str]) -> Measurement:
        """Return nepers ``(rows, 1, views, bins)`` and their beam.

        Raises :class:`~wellposed.errors.FileFormatError` for files that are damaged, unequal or too large.
        """
        return open_tiff(path).measurement(self.max_bytes)


@attrs.frozen
class NikonReader:
    """Read a Nikon scan by its ``.xtekct``: its middle slice, or all of it.

    Parameters
    ----------
    size, pixel_mm
        Of a slice; by default as many pixels as bins, each a bin seen at the axis.
    volume
        Whether to read the whole cone beam.
    max_bytes
        Most projections that are loaded.
    """

    size: Size = None
    pixel_mm: float | None = None
    volume: bool = False
    max_bytes: int = MAX_BYTES

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of files that this reads."""
        return (".xtekct",)

    def read(self, path: str | PathLike[str]) -> Measurement:
        """Return nepers ``(1, 1, views, bins)`` of a fan, or ``(1, 1, views, rows, bins)`` of a cone beam.

        Raises :class:`~wellposed.errors.FileFormatError` for files that are damaged or do not fit together.
        """
        return open_nikon(path, self.size, self.pixel_mm, self.volume).measurement(self.max_bytes)


def open_scan(
    path: str | PathLike[str],
    geometry: str | PathLike[str] | None = None,
    max_bytes: int = MAX_BYTES,
    volume: bool = False,
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

    Raises
    ------
    FileFormatError
        No such format, damaged, or a geometry that does not fit.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    told = None if geometry is None else read_geometry(geometry)
    suffix = path.suffix.lower()
    if path.is_dir() or suffix in TIFF:
        return open_tiff(path, told)
    openers: dict[str, Callable[[Path], RawScan]] = dict.fromkeys(HDF5, open_hdf5)
    openers |= {".xtekct": lambda p: open_nikon(p, volume=volume)}
    openers |= dict.fromkeys(SinogramReader().suffixes, lambda p: _sinogram(p, max_bytes))
    if suffix not in openers:
        raise FileFormatError(
            f"{path}: {suffix or 'no ending'!r} is none of {', '.join([*openers, *TIFF])}, and no folder."
        )
    found = openers[suffix](path)
    if told is None:
        return found
    if (told.views, told.detectors) != (found.geometry.views, found.geometry.detectors):
        raise FileFormatError(
            f"{geometry}: has {told.views} views of {told.detectors} bins, and {path} "
            f"{found.geometry.views} of {found.geometry.detectors}."
        )
    return attrs.evolve(found, geometry=told)


def _sinogram(path: Path, max_bytes: int) -> RawScan:
    """Open a sinogram file; its channels are rows."""
    found = SinogramReader(max_bytes=max_bytes).read(path)
    values: NDArray[Any] = np.asarray(found.y[0])
    return RawScan(path, "sinogram", found.physics.geometry, len(values), lambda a, b: values[a:b])
