"""A finished volume as what the user asked for, whole or not at all, slice by slice, with its spacing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import attrs
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from wellposed.atomic import atomic_path
from wellposed.errors import OutputError, OutputExistsError, ParameterError
from wellposed_ct.files.dicom import SUFFIX as DICOM
from wellposed_ct.files.dicom_writer import DICOMWriter, volume_of
from wellposed_ct.files.folders import atomic_folder, require_replaceable
from wellposed_ct.files.nifti import write_nifti

__all__ = ["FORMATS", "VolumeWriter", "publish", "require_place"]


@attrs.frozen
class VolumeWriter:
    """Write slices or a volume as floats in 1/mm, with their spacing: NIfTI, TIFF, HDF5 or NumPy.

    ``meta["pixel_mm"]`` (a number, or row and column spacing) and ``["slice_mm"]`` are kept where the format
    has room for them; NIfTI also takes ``["orientation"]``, ``["position_mm"]`` and ``["slice_direction"]``,
    as :class:`DICOMWriter` does, so that both show the same.

    Parameters
    ----------
    overwrite
        Whether an existing file may be replaced.
    """

    overwrite: bool = False

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of files that this writes."""
        return VOLUMES

    def write(self, path: str | PathLike[str], image: Tensor, meta: Mapping[str, Any] | None = None) -> None:
        """Write slices ``(B, 1, H, W)``, or a volume ``(1, 1, D, H, W)``.

        Raises
        ------
        ParameterError
            Another shape, an ending that is not known, or complex or non-finite values.
        OutputExistsError
            ``path`` exists and ``overwrite`` is false.
        """
        publish(Path(path), volume_of(path, image), {} if meta is None else meta, overwrite=self.overwrite)


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
        ``.npy``; ``.h5`` (dataset ``volume``, with ``pixel_mm`` and ``slice_mm``); ``.nii`` and ``.nii.gz``;
        ``.tif`` of many pages; ``.dcm``, a file for one slice and a folder of that name for several; without
        an ending a folder of TIFF files.
    meta
        ``pixel_mm``, ``slice_mm``, ``water``, ``slice_direction``; ``history``, how it was made.
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
        data.attrs["history"] = str(meta.get("history", "wellposed"))
        for i, plane in enumerate(_planes(volume)):
            data[i] = plane


def _tiff(path: Path, volume: Volume, meta: Mapping[str, Any], overwrite: bool) -> None:
    import tifffile

    big, known = math.prod(volume.shape) * 4 > 2**31, _known(meta)
    with (
        atomic_path(path, overwrite=overwrite) as temporary,
        tifffile.TiffWriter(temporary, bigtiff=big) as file,
    ):
        for plane in _planes(volume):
            file.write(np.asarray(plane, np.float32), photometric="minisblack", **known)


def _tiffs(path: Path, volume: Volume, meta: Mapping[str, Any], overwrite: bool) -> None:
    import tifffile

    with atomic_folder(path, ".tif", overwrite=overwrite) as folder:
        for i, plane in enumerate(_planes(volume)):
            name = folder / f"slice_{i:05d}.tif"
            tifffile.imwrite(name, np.asarray(plane, np.float32), photometric="minisblack", **_known(meta))


def _dicom(path: Path, volume: Volume, meta: Mapping[str, Any], overwrite: bool) -> None:
    DICOMWriter(overwrite=overwrite).write_volume(path, volume, meta)


def _nifti(path: Path, volume: Volume, meta: Mapping[str, Any], overwrite: bool) -> None:
    write_nifti(path, _planes(volume), volume.shape, meta, overwrite)


def _known(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return what TIFF keeps of it: pixels per centimetre, and a line of text."""
    pixel = np.broadcast_to(np.asarray(meta.get("pixel_mm", 1.0), float), 2)
    rows, columns = (10 / pixel).tolist()
    text = f"{meta.get('history', 'wellposed')}; slices {meta.get('slice_mm', 1.0)} mm apart; values in 1/mm"
    return {
        "resolution": (columns, rows), "resolutionunit": "CENTIMETER", "metadata": None,
        "description": text.encode("ascii", "replace"), "software": "wellposed",
    }  # fmt: skip


_WRITERS: dict[str, Callable[[Path, Volume, Mapping[str, Any], bool], None]] = {
    ".npy": _npy,
    ".h5": _hdf5,
    ".hdf5": _hdf5,
    ".nii": _nifti,
    ".nii.gz": _nifti,
    ".tif": _tiff,
    ".tiff": _tiff,
    DICOM: _dicom,
    "": _tiffs,
}

VOLUMES = (".nii", ".nii.gz", ".tif", ".tiff", ".npy", ".h5", ".hdf5")
"""Endings that :class:`VolumeWriter` knows; DICOM has a writer of its own."""

FORMATS = tuple(_WRITERS)
"""Endings that :func:`publish` knows; none is a folder of TIFF files."""


def _format(path: Path) -> Callable[[Path, Volume, Mapping[str, Any], bool], None]:
    suffix = ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix.lower()
    if suffix not in _WRITERS:
        listed = ", ".join(s for s in FORMATS if s)
        raise ParameterError(
            f"Cannot write {path}: {suffix!r} is none of {listed}, or a folder without ending."
        )
    return _WRITERS[suffix]
