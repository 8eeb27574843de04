"""``ct.sinogram_reader``: NumPy and MATLAB files with a sinogram and the words of its geometry.

The one idea: a scan is a table of numbers plus a handful of named lengths. Names that laboratories use for
the same thing are listed once, below; lengths are millimetres.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray

from wellposed.errors import FileFormatError, ParameterError
from wellposed.measurement import Measurement
from wellposed_ct.files.arrays import SUFFIXES, load_arrays
from wellposed_ct.files.doubts import doubt_nepers, doubt_order
from wellposed_ct.geometry import FanGeometry, ParallelGeometry
from wellposed_ct.projectors import FanBeam, ParallelBeam

__all__ = ["SUFFIXES", "SinogramReader"]

NAMES: Mapping[str, tuple[str, ...]] = {
    "sinogram": ("sinogram", "sino", "projections"),
    "angles": ("angles", "theta", "angles_rad"),
    "angles_deg": ("angles_deg", "angles_degrees", "theta_deg"),
    "detector_mm": ("detector_mm", "pixel_mm", "pixel_size_mm", "detector_pixel_mm"),
    "source_axis_mm": ("source_axis_mm", "dist_source_origin_mm", "distance_source_origin"),
    "source_detector_mm": ("source_detector_mm", "dist_source_detector_mm", "distance_source_detector"),
    "axis_mm": ("axis_mm",),
}
"""What a file may call each quantity; the first name is ours."""

MAX_BYTES = 2**31


@attrs.frozen
class SinogramReader:
    """Read ``.npz``, ``.npy`` and ``.mat`` sinograms with their geometry.

    A file holds ``sinogram`` ``(views, detectors)`` or ``(channels, views, detectors)``, in nepers, and
    ``angles`` (radians) or ``angles_deg``; optionally ``detector_mm`` (distance of bins, 1 mm by default),
    ``axis_mm``, and for a fan beam ``source_axis_mm`` and ``source_detector_mm``. Names of the Helsinki
    challenge files are known too. An ``.npy`` file has no room for angles: half a turn is assumed.

    Parameters
    ----------
    size
        Rows and columns of the image to reconstruct; by default as many as detector bins.
    pixel_mm
        Side of a pixel; by default that of a bin, seen at the rotation axis.
    max_bytes
        Largest array that is loaded.
    """

    size: tuple[int, int] | None = None
    pixel_mm: float | None = None
    max_bytes: int = MAX_BYTES

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of files that this reads."""
        return SUFFIXES

    def read(self, path: str | PathLike[str]) -> Measurement:
        """Read ``path``.

        Returns
        -------
        Measurement
            ``y`` is ``(1, C, views, detectors)`` float32; ``physics`` a
            :class:`~wellposed_ct.ParallelBeam` or :class:`~wellposed_ct.FanBeam`.

        Raises
        ------
        FileFormatError
            Damaged, too large, without a sinogram, with the wrong number of angles, or not finite.
        """
        found = _renamed(load_arrays(path, self.max_bytes))
        sinogram = _sinogram(path, found)
        angles = _angles(path, found, sinogram.shape[1])
        doubt_nepers(path, sinogram, found["sinogram"].dtype.kind in "iu")
        doubt_order(path, angles)
        lengths: dict[str, float] = {
            name: _number(path, name, found[name])
            for name in ("detector_mm", "source_axis_mm", "source_detector_mm", "axis_mm")
            if name in found
        }
        try:
            physics = self._physics(sinogram, angles, lengths)
        except ParameterError as error:
            raise FileFormatError(f"{path}: {error}") from error
        meta = {
            "source": Path(fspath(path)).name, "format": "sinogram", "geometry": repr(physics.geometry),
            "pixel_mm": physics.pixel_mm,
        }  # fmt: skip
        return Measurement(torch.from_numpy(sinogram[None]), physics, meta=meta)

    def _physics(
        self, sinogram: NDArray[np.float32], angles: NDArray[np.float64], lengths: dict[str, float]
    ) -> ParallelBeam | FanBeam:
        channels, _, detectors = sinogram.shape
        size = (detectors, detectors) if self.size is None else self.size
        detector_mm, axis_mm = lengths.get("detector_mm", 1.0), lengths.get("axis_mm", 0.0)
        fan = [name for name in ("source_axis_mm", "source_detector_mm") if name in lengths]
        if len(fan) == 1:
            raise ParameterError(
                f"has {fan[0]} alone; a fan beam needs source_axis_mm and source_detector_mm."
            )
        if fan:
            distances = (lengths["source_axis_mm"], lengths["source_detector_mm"])
            scan = FanGeometry(angles, size, *distances, detectors, detector_mm, self.pixel_mm, axis_mm)
            return FanBeam.from_geometry(scan, channels)
        pixel_mm = detector_mm if self.pixel_mm is None else self.pixel_mm
        plain = ParallelGeometry(angles, size, detectors, pixel_mm, detector_mm, axis_mm)
        return ParallelBeam.from_geometry(plain, channels)


def _renamed(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays that mean something, under our names."""
    lower = {name.lower(): array for name, array in arrays.items()}
    found = {}
    for ours, theirs in NAMES.items():
        known = [lower[name] for name in theirs if name in lower]
        if known:
            found[ours] = known[0]
    return found


def _sinogram(path: str | PathLike[str], found: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    if "sinogram" not in found:
        raise FileFormatError(f"{path}: holds no array called {', '.join(NAMES['sinogram'])}.")
    array = found["sinogram"]
    if array.dtype.kind not in "fiu" or array.ndim not in (2, 3) or 0 in array.shape:
        raise FileFormatError(
            f"{path}: the sinogram is {array.dtype} of shape {array.shape}; real numbers (views, detectors) "
            "or (channels, views, detectors) are expected."
        )
    values = np.ascontiguousarray(array if array.ndim == 3 else array[None], np.float32)
    if bad := int((~np.isfinite(values)).sum()):
        raise FileFormatError(
            f"{path}: {bad} of {values.size} values of the sinogram are NaN or infinite; a count of zero has "
            "no logarithm: replace such values by their neighbours first."
        )
    return values


def _angles(path: str | PathLike[str], found: Mapping[str, NDArray[Any]], views: int) -> NDArray[np.float64]:
    if "angles_deg" in found:
        angles = np.deg2rad(np.asarray(found["angles_deg"], np.float64).ravel())
    elif "angles" in found:
        angles = np.asarray(found["angles"], np.float64).ravel()
    else:
        angles = np.arange(views) * math.pi / views
    if len(angles) != views:
        raise FileFormatError(
            f"{path}: {len(angles)} angles for {views} views; the sinogram's rows are views and its columns "
            "detector bins: transpose it if they are swapped."
        )
    return angles


def _number(path: str | PathLike[str], name: str, array: NDArray[Any]) -> float:
    if array.size != 1 or array.dtype.kind not in "fiu":
        raise FileFormatError(
            f"{path}: {name} is {array.dtype} of shape {array.shape}; one number is expected."
        )
    return float(array.reshape(()))
