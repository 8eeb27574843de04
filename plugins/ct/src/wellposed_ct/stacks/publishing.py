"""A finished stack as what the user asked for, whole or not at all, slice by slice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from wellposed.atomic import atomic_path
from wellposed.errors import OutputError, OutputExistsError, ParameterError
from wellposed_ct.files.dicom import SUFFIX as DICOM
from wellposed_ct.files.dicom_writer import DICOMWriter
from wellposed_ct.files.folders import atomic_folder, require_replaceable

__all__ = ["FORMATS", "publish", "require_place"]


class Volume(Protocol):
    """Slices one by one: an array, or what reads them from the disk."""

    @property
    def shape(self) -> tuple[int, ...]:
        """``(slices, H, W)``."""
        ...

    def __len__(self) -> int:
        """Return how many slices there are."""
        ...

    def __getitem__(self, index: int, /) -> NDArray[Any]:
        """Return one slice ``(H, W)``."""
        ...


def publish(path: Path, volume: Volume, meta: Mapping[str, Any], *, overwrite: bool = False) -> None:
    """Write ``(slices, H, W)`` in 1/mm, which may lie on disk, to ``path``.

    Parameters
    ----------
    path
        ``.npy``; ``.h5`` (dataset ``volume``, with ``pixel_mm`` and ``slice_mm``); ``.tif`` of many pages;
        ``.dcm``, a file for one slice and a folder of that name for several; without an ending a folder of
        TIFF files.
    meta
        ``pixel_mm``, ``slice_mm``, ``water``.
    overwrite
        Whether what is there may be replaced.
    """
    _format(path)(path, volume, meta, overwrite)


def require_place(path: Path, slices: int, overwrite: bool) -> None:
    """Raise now what :func:`publish` would raise after the work."""
    kind = _format(path)
    if kind is _tiffs or (kind is _dicom and slices > 1):
        require_replaceable(path, ".tif" if kind is _tiffs else DICOM, overwrite)
        return
    if not path.parent.is_dir():
        raise OutputError(f"Cannot write {path}: the folder {path.parent} does not exist; create it.")
    if path.is_dir():
        raise OutputError(f"{path} is a folder; give the name of a file inside it.")
    if path.exists() and not overwrite:
        raise OutputExistsError(
            f"{path} exists already and is left as it is; pass overwrite=True or another name."
        )


def _planes(volume: Volume) -> Iterator[NDArray[Any]]:
    return (volume[i] for i in range(len(volume)))


def _npy(path: Path, volume: Volume, meta: Mapping[str, Any], overwrite: bool) -> None:
    with atomic_path(path, overwrite=overwrite) as temporary, open(temporary, "wb") as stream:
        np.lib.format.write_array_header_1_0(
            stream, {"descr": "<f4", "fortran_order": False, "shape": volume.shape}
        )
        for plane in _planes(volume):
            stream.write(np.ascontiguousarray(plane, "<f4").tobytes())


def _hdf5(path: Path, volume: Volume, meta: Mapping[str, Any], overwrite: bool) -> None:
    import h5py

    with atomic_path(path, overwrite=overwrite) as temporary, h5py.File(temporary, "w") as file:
        data = file.create_dataset("volume", volume.shape, np.float32, chunks=(1, *volume.shape[1:]))
        data.attrs["units"] = "1/mm"
        for name in ("pixel_mm", "slice_mm"):
            data.attrs[name] = meta.get(name, 1.0)
        for i, plane in enumerate(_planes(volume)):
            data[i] = plane


def _tiff(path: Path, volume: Volume, meta: Mapping[str, Any], overwrite: bool) -> None:
    import tifffile

    big, known = math.prod(volume.shape) * 4 > 2**31, _resolution(meta)
    with (
        atomic_path(path, overwrite=overwrite) as temporary,
        tifffile.TiffWriter(temporary, bigtiff=big) as file,
    ):
        for plane in _planes(volume):
            file.write(np.asarray(plane, np.float32), photometric="minisblack", contiguous=True, **known)


def _tiffs(path: Path, volume: Volume, meta: Mapping[str, Any], overwrite: bool) -> None:
    import tifffile

    with atomic_folder(path, ".tif", overwrite=overwrite) as folder:
        for i, plane in enumerate(_planes(volume)):
            name = folder / f"slice_{i:05d}.tif"
            tifffile.imwrite(
                name, np.asarray(plane, np.float32), photometric="minisblack", **_resolution(meta)
            )


def _dicom(path: Path, volume: Volume, meta: Mapping[str, Any], overwrite: bool) -> None:
    DICOMWriter(overwrite=overwrite).write_volume(path, volume, meta)


def _resolution(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return pixels per centimetre, as TIFF counts them."""
    per_cm = 10 / float(meta.get("pixel_mm", 1.0))
    return {"resolution": (per_cm, per_cm), "resolutionunit": "CENTIMETER"}


_WRITERS: dict[str, Callable[[Path, Volume, Mapping[str, Any], bool], None]] = {
    ".npy": _npy,
    ".h5": _hdf5,
    ".hdf5": _hdf5,
    ".tif": _tiff,
    ".tiff": _tiff,
    DICOM: _dicom,
    "": _tiffs,
}

FORMATS = tuple(_WRITERS)
"""Endings that :func:`publish` knows; none is a folder of TIFF files."""


def _format(path: Path) -> Callable[[Path, Volume, Mapping[str, Any], bool], None]:
    suffix = path.suffix.lower()
    if suffix not in _WRITERS:
        listed = ", ".join(s for s in FORMATS if s)
        raise ParameterError(
            f"Cannot write {path}: {suffix!r} is none of {listed}, or a folder without ending."
        )
    return _WRITERS[suffix]
