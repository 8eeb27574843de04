"""DICOM CT series in: slices sorted by where they lie, Hounsfield units turned into 1/mm.

HU = 1000·(μ/μ_water − 1); the attenuation of water depends on the energy and is stated, never guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray

from wellposed.errors import FileFormatError
from wellposed.measurement import Measurement
from wellposed_ct.files.opening import MAX_BYTES, bounded, readable

__all__ = ["SUFFIX", "WATER", "DICOMReader", "from_hounsfield", "to_hounsfield"]

SUFFIX = ".dcm"

WATER = 0.0193
"""Attenuation of water at 70 keV, 1/mm (NIST XCOM); clinical scanners are calibrated near it."""

NEEDED = ("Rows", "Columns", "PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient")


def to_hounsfield(mu: Any, water: float = WATER) -> Any:
    """Return Hounsfield units of attenuation (1/mm)."""
    return 1000 * (mu / water - 1)


def from_hounsfield(hu: Any, water: float = WATER) -> Any:
    """Return attenuation (1/mm) of Hounsfield units."""
    return water * (1 + hu / 1000)


@attrs.frozen
class DICOMReader:
    """Read a CT slice, or a folder that holds one CT series, as attenuation in 1/mm.

    Parameters
    ----------
    water
        Attenuation of water, 1/mm, that 0 HU stands for.
    max_bytes
        Largest volume that is loaded.
    """

    water: float = WATER
    max_bytes: int = MAX_BYTES

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of files that this reads."""
        return (SUFFIX,)

    def read(self, path: str | PathLike[str]) -> Measurement:
        """Read ``path``, a file or a folder.

        Returns
        -------
        Measurement
            ``y`` is ``(1, 1, H, W)``, or ``(1, 1, D, H, W)`` for a series, float32 in 1/mm, without physics;
            ``meta`` holds ``pixel_mm`` (row and column spacing), ``slice_mm``, ``orientation`` (DICOM's six
            cosines), ``position_mm`` of the first slice, and ``water``.

        Raises
        ------
        FileFormatError
            No CT slices, several series, unequal or missing slices, damaged, or too large.
        """
        path = Path(path)
        with readable(path, "DICOM series"):
            return self._read(path)

    def _read(self, path: Path) -> Measurement:
        files = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
        heads = _one_series(
            path, [(p, h) for p in files if (h := _head(p, lenient=path.is_dir())) is not None]
        )
        heads, step = _ordered(path, heads)
        first = heads[0][1]
        shape = (len(heads), int(first.Rows), int(first.Columns))
        bounded(path, shape, 4, self.max_bytes)
        volume = np.stack([_hounsfield(p, shape[1:]) for p, _ in heads])
        y = torch.from_numpy(from_hounsfield(volume, self.water).astype(np.float32))[None, None]
        meta = {
            "source": path.name, "format": "DICOM", "water": self.water,
            "pixel_mm": [float(v) for v in first.PixelSpacing], "slice_mm": step,
            "orientation": [float(v) for v in first.ImageOrientationPatient],
            "position_mm": [float(v) for v in first.ImagePositionPatient],
        }  # fmt: skip
        return Measurement(y if len(heads) > 1 else y[:, :, 0], meta=meta)


Head = tuple[Path, Any]


def _head(path: Path, lenient: bool) -> Any:
    """Return a file's header without its pixels; ``None`` for what is no CT slice of a folder."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        with readable(path, "DICOM file"):
            found = pydicom.dcmread(path, stop_before_pixels=True)
    except FileFormatError as error:
        if lenient and isinstance(error.__cause__, InvalidDicomError):
            return None
        raise
    if lenient and getattr(found, "Modality", "CT") != "CT":
        return None
    if missing := [name for name in NEEDED if name not in found]:
        raise FileFormatError(f"{path}: has no {', '.join(missing)}; a CT slice of one frame is expected.")
    if int(getattr(found, "NumberOfFrames", 1) or 1) != 1:
        raise FileFormatError(
            f"{path}: holds {found.NumberOfFrames} frames; convert it to one file per slice."
        )
    return found


def _one_series(path: Path, heads: Sequence[Head]) -> list[Head]:
    if not heads:
        raise FileFormatError(f"{path}: holds no DICOM CT slice.")
    series = {str(getattr(h, "SeriesInstanceUID", "")) for _, h in heads}
    if len(series) > 1:
        raise FileFormatError(f"{path}: holds {len(series)} series; give each a folder of its own.")
    kinds = {(int(h.Rows), int(h.Columns), *map(float, h.PixelSpacing)) for _, h in heads}
    if len(kinds) > 1:
        raise FileFormatError(f"{path}: slices differ in size or spacing: {sorted(kinds)[:3]}.")
    return list(heads)


def _ordered(path: Path, heads: list[Head]) -> tuple[list[Head], float]:
    """Return slices along the normal of their plane, and their distance."""
    first = heads[0][1]
    across, down = np.array(first.ImageOrientationPatient, float).reshape(2, 3)
    normal = np.cross(across, down)
    places = np.array([float(normal @ np.array(h.ImagePositionPatient, float)) for _, h in heads])
    order = np.argsort(places)
    steps = np.diff(places[order])
    if len(steps) == 0:
        return heads, float(getattr(first, "SliceThickness", None) or 1.0)
    usual = float(np.median(steps))
    if usual <= 1e-6 or np.abs(steps - usual).max() > 0.02 * usual + 1e-3:
        raise FileFormatError(
            f"{path}: slices lie {steps.min():.4g} to {steps.max():.4g} mm apart; some are missing."
        )
    return [heads[i] for i in order], usual


def _hounsfield(path: Path, shape: tuple[int, ...]) -> NDArray[np.float32]:
    import pydicom

    with readable(path, "DICOM file"):
        found = pydicom.dcmread(path)
        pixels = found.pixel_array
        if pixels.shape != shape:
            raise FileFormatError(f"{path}: has {pixels.shape} pixels, and {shape} are announced.")
        slope, shift = (
            float(getattr(found, n, d)) for n, d in (("RescaleSlope", 1), ("RescaleIntercept", 0))
        )
        return np.asarray(pixels * slope + shift, np.float32)
