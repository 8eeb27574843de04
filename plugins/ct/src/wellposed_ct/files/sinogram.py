"""``ct.sinogram_reader``: NumPy and MATLAB files with a sinogram and the words of its geometry.

The one idea: a scan is a table of numbers plus a handful of named lengths. Names that laboratories use for
the same thing are listed once, below; lengths are millimetres.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from wellposed.errors import FileFormatError, ParameterError
from wellposed.measurement import Measurement
from wellposed_ct.files.angles import Angles, assumed
from wellposed_ct.files.arrays import SUFFIXES, load_arrays
from wellposed_ct.files.doubts import degrees_of
from wellposed_ct.files.scan import RawScan, RowReader
from wellposed_ct.files.values import Values, check_stated
from wellposed_ct.geometry import FanGeometry, ParallelGeometry
from wellposed_ct.geometry.angles import Ordered

__all__ = ["SUFFIXES", "SinogramReader", "open_sinogram"]

NAMES: Mapping[str, tuple[str, ...]] = {
    "sinogram": ("sinogram", "sino", "projections"),
    "angles": ("angles", "theta", "angles_rad"),
    "angles_deg": ("angles_deg", "angles_degrees", "theta_deg"),
    "detector_mm": ("detector_mm", "pixel_mm", "pixel_size_mm", "detector_pixel_mm"),
    "source_axis_mm": ("source_axis_mm", "dist_source_origin_mm", "distance_source_origin"),
    "source_detector_mm": ("source_detector_mm", "dist_source_detector_mm", "distance_source_detector"),
    "axis_mm": ("axis_mm",),
    "flats": ("flats", "flat", "whites", "white", "data_white"),
    "darks": ("darks", "dark", "data_dark"),
    "blank": ("blank", "white_level", "i0"),
}
"""What a file may call each quantity; the first name is ours."""

MAX_BYTES = 2**31


@attrs.frozen
class SinogramReader:
    """Read ``.npz``, ``.npy`` and ``.mat`` sinograms with their geometry.

    A file holds ``sinogram`` ``(views, detectors)`` or ``(channels, views, detectors)``, and ``angles``
    (radians) or ``angles_deg``; optionally ``detector_mm`` (distance of bins, 1 mm by default), ``axis_mm``,
    for a fan beam ``source_axis_mm`` and ``source_detector_mm``, and for counts ``flats`` and ``darks``
    ``([channels,] frames, detectors)`` or a number ``blank``. Names of the Helsinki challenge files are known
    too. An ``.npy`` file has no room for angles: half a turn is assumed, with a warning.

    Parameters
    ----------
    size
        Rows and columns of the image to reconstruct; by default as many as detector bins.
    pixel_mm
        Side of a pixel; by default that of a bin, seen at the rotation axis.
    values, blank, angles_deg
        What the numbers are and when they were taken, as in :class:`HDF5Reader`; line integrals (nepers)
        unless told, or unless they look like something else.
    max_bytes
        Largest array that is loaded.
    """

    size: tuple[int, int] | None = None
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
        return SUFFIXES

    def read(self, path: str | PathLike[str]) -> Measurement:
        """Read ``path``.

        Returns
        -------
        Measurement
            ``y`` is ``(1, C, views, detectors)`` float32 nepers; ``physics`` a
            :class:`~wellposed_ct.ParallelBeam` or :class:`~wellposed_ct.FanBeam`.

        Raises
        ------
        FileFormatError
            Damaged, too large, without a sinogram, with the wrong number of angles, or not finite; or of
            values that look like counts or transmissions, and nobody said what they are.
        """
        scan = open_sinogram(path, self.size, self.pixel_mm, self.max_bytes)
        found = scan.told(self.values, self.blank, self.angles_deg).measurement(4 * self.max_bytes)
        physics = type(found.physics).from_geometry(found.physics.geometry, scan.rows)
        assert isinstance(found.y, Tensor)
        return found.replace(y=found.y.transpose(0, 1), physics=physics)


def open_sinogram(
    path: str | PathLike[str],
    size: tuple[int, int] | None = None,
    pixel_mm: float | None = None,
    max_bytes: int = MAX_BYTES,
) -> RawScan:
    """Open a sinogram file, which is loaded; its channels are rows. See :class:`SinogramReader`."""
    path = Path(path)
    found = _renamed(load_arrays(path, max_bytes))
    sinogram = _sinogram(path, found)
    angles, source = _angles(path, found, sinogram.shape[1])
    lengths: dict[str, float] = {
        name: _number(path, name, found[name])
        for name in ("detector_mm", "source_axis_mm", "source_detector_mm", "axis_mm")
        if name in found
    }
    try:
        geometry = _geometry(angles, sinogram.shape[2], size, pixel_mm, lengths)
    except ParameterError as error:
        raise FileFormatError(f"{path}: {error}") from error
    flats, darks = (_frames(path, found, name, sinogram) for name in ("flats", "darks"))
    blank = _number(path, "blank", found["blank"]) if "blank" in found else None
    return RawScan(
        path, "sinogram", geometry, len(sinogram), lambda a, b: sinogram[a:b], flats, darks,
        values="counts" if flats is not None or blank is not None else None, blank=blank, angles_from=source,
    )  # fmt: skip


def _geometry(
    angles: NDArray[np.float64],
    detectors: int,
    size: tuple[int, int] | None,
    pixel_mm: float | None,
    lengths: dict[str, float],
) -> ParallelGeometry | FanGeometry:
    size = (detectors, detectors) if size is None else size
    detector_mm, axis_mm = lengths.get("detector_mm", 1.0), lengths.get("axis_mm", 0.0)
    fan = [name for name in ("source_axis_mm", "source_detector_mm") if name in lengths]
    if len(fan) == 1:
        raise ParameterError(f"has {fan[0]} alone; a fan beam needs source_axis_mm and source_detector_mm.")
    if fan:
        distances = (lengths["source_axis_mm"], lengths["source_detector_mm"])
        return FanGeometry(Ordered(angles), size, *distances, detectors, detector_mm, pixel_mm, axis_mm)
    pixel_mm = detector_mm if pixel_mm is None else pixel_mm
    return ParallelGeometry(Ordered(angles), size, detectors, pixel_mm, detector_mm, axis_mm)


def _renamed(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays that mean something, under our names."""
    lower = {name.lower(): array for name, array in arrays.items()}
    found = {}
    for ours, theirs in NAMES.items():
        known = [lower[name] for name in theirs if name in lower]
        if known:
            found[ours] = known[0]
    return found


def _sinogram(path: str | PathLike[str], found: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    if "sinogram" not in found:
        raise FileFormatError(f"{path}: holds no array called {', '.join(NAMES['sinogram'])}.")
    array = found["sinogram"]
    if array.dtype.kind not in "fiu" or array.ndim not in (2, 3) or 0 in array.shape:
        raise FileFormatError(
            f"{path}: the sinogram is {array.dtype} of shape {array.shape}; real numbers (views, detectors) "
            "or (channels, views, detectors) are expected."
        )
    return array if array.ndim == 3 else array[None]


def _frames(
    path: Path, found: Mapping[str, NDArray[Any]], name: str, sinogram: NDArray[Any]
) -> RowReader | None:
    """Return the reader of flats or darks: one for all channels, or each its own."""
    if name not in found:
        return None
    array = np.atleast_2d(found[name])
    frames = array if array.ndim == 3 else array[None]
    channels, _, bins = sinogram.shape
    if frames.ndim != 3 or frames.shape[2] != bins or len(frames) not in (1, channels):
        raise FileFormatError(
            f"{path}: {name} have shape {array.shape} and the sinogram {sinogram.shape}; ([channels,] "
            "frames, detectors) of the same detector are expected."
        )
    return lambda a, b: np.broadcast_to(frames, (channels, *frames.shape[1:]))[a:b]


def _angles(
    path: str | PathLike[str], found: Mapping[str, NDArray[Any]], views: int
) -> tuple[NDArray[np.float64], str]:
    """Return radians, and who told them; empty for what is assumed."""
    name = next((n for n in ("angles_deg", "angles") if n in found), None)
    if name is None:
        return assumed(views), ""
    array = found[name]
    if array.dtype.kind not in "fiu":
        raise FileFormatError(
            f"{path}: {name} are {array.dtype} of shape {array.shape}; numbers are expected."
        )
    angles = np.asarray(array, np.float64).ravel()
    if len(angles) != views:
        raise FileFormatError(
            f"{path}: {len(angles)} angles for {views} views; the sinogram's rows are views and its columns "
            "detector bins: transpose it if they are swapped."
        )
    return degrees_of(path, angles, views, "degrees" if name == "angles_deg" else "radians"), "the file"


def _number(path: str | PathLike[str], name: str, array: NDArray[Any]) -> float:
    if array.size != 1 or array.dtype.kind not in "fiu":
        raise FileFormatError(
            f"{path}: {name} is {array.dtype} of shape {array.shape}; one number is expected."
        )
    return float(array.reshape(()))
