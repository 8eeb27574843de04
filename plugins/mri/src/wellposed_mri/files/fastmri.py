"""fastMRI's HDF5 volumes: k-space slice by slice, the mask of test files, and what to compare with."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from wellposed.errors import FileFormatError
from wellposed.measurement import Measurement
from wellposed_mri.files.ismrmrd.header import parse_header
from wellposed_mri.files.opening import bounded
from wellposed_mri.files.volume import centre

TARGETS = ("reconstruction_rss", "reconstruction_esc")
"""Root-sum-of-squares images of several coils, and emulated single-coil ones."""


ATTRIBUTES = ("acquisition", "max", "norm", "patient_id")


@attrs.frozen
class Volume:
    """What a file's heads say: nothing of its numbers is read.

    Parameters
    ----------
    shape
        Of the k-space: (slices, coils, rows, columns), a single coil counted as one.
    crop
        Rows and columns of the target, or of the reconstruction that the header announces.
    columns
        The acquired columns ``[first, after the last)``: what lies outside was padded with zeros.
    attributes
        ``acquisition``, ``max``, ``norm``, ``patient_id`` where the file has them.
    """

    shape: tuple[int, int, int, int]
    crop: tuple[int, int] | None
    columns: tuple[int, int]
    target: str | None
    voxel: tuple[float, float, float] | None
    attributes: Mapping[str, str | float]


def head(path: str | PathLike[str], file: Any) -> Volume:
    """Return the head of an open file; :class:`FileFormatError` where it is not fastMRI's."""
    stored = file["kspace"]
    if not hasattr(stored, "ndim"):
        raise FileFormatError(f"{fspath(path)}: its kspace is a group of other arrays, and not k-space.")
    if stored.ndim not in (3, 4) or stored.dtype.kind != "c":
        raise FileFormatError(
            f"{fspath(path)}: kspace has shape {stored.shape} of {stored.dtype}, but complex "
            "(slices, [coils,] rows, columns) is expected."
        )
    slices, *coils, rows, columns = stored.shape
    bounded(path, stored.shape, 0, 0)
    shape = (slices, coils[0] if coils else 1, rows, columns)
    target = next((name for name in TARGETS if name in file and file[name].ndim == 3), None)
    crop = None if target is None else tuple(file[target].shape[-2:])
    acquired, voxel = (0, columns), None
    if "ismrmrd_header" in file:
        encoding = parse_header(path, file["ismrmrd_header"][()])
        centre, last = encoding.centres[1], encoding.last[1]
        if centre is not None and last is not None:
            left = max(encoding.encoded[1] // 2 - centre, 0)
            acquired = (left, min(left + last + 1, columns))
        crop = crop or (encoding.reconstructed[2], encoding.reconstructed[1])
        voxel = _voxel(encoding)
    attributes = {
        k: _plain(file.attrs[k]) for k in ATTRIBUTES if k in file.attrs and not np.ndim(file.attrs[k])
    }
    fits = crop is not None and crop[0] <= rows and crop[1] <= columns
    return Volume(shape, (crop[0], crop[1]) if fits and crop else None, acquired, target, voxel, attributes)


def _voxel(encoding: Any) -> tuple[float, float, float] | None:
    # rows are the readout here, columns the phase encoding
    found = encoding.voxel
    return None if found is None else (found[0], found[2], found[1])


def read_volume(
    path: str | PathLike[str], file: Any, slices: tuple[int, int] | None, max_bytes: int
) -> tuple[Tensor, Tensor | None, dict[str, Any]]:
    """Return k-space ``(slices, coils, rows, columns)``, the file's own mask, and the meta data."""
    known = head(path, file)
    first, last = chosen_slices(path, known, slices)
    bounded(path, (last - first, *known.shape[1:]), 8, max_bytes)
    kspace = read_slices(file, first, last)
    meta: dict[str, Any] = {"format": "fastMRI", "slices": [first, last], **known.attributes}
    meta["slices_per_volume"] = last - first
    if known.crop is not None:
        meta["crop"] = list(known.crop)
    if known.voxel is not None:
        meta["voxel_mm"] = list(known.voxel)
    if known.target is not None:
        meta[known.target] = torch.from_numpy(file[known.target][first:last].astype("float32"))
    return kspace, stored_mask(path, file, known.shape[-1]), meta


def with_target(found: Measurement) -> Measurement:
    """Return the measurement with the file's own target as its reference, where it has one.

    The target is the magnitude of the centre, the crop of fastMRI; NaN stands for what lies outside.
    """
    target = next((found.meta[name] for name in TARGETS if name in found.meta), None)
    if target is None:
        return found
    slices, _, rows, columns = found.y.shape  # type: ignore[union-attr]
    whole = torch.full((slices, 1, rows, columns), float("nan"), dtype=torch.complex64)
    h, w = target.shape[-2:]
    if h > rows or w > columns:
        return found
    whole[:, 0, centre(rows, h), centre(columns, w)] = target.to(whole.dtype)
    return found.replace(reference=whole, meta={**found.meta, "reference_is_magnitude": True})


def chosen_slices(
    path: str | PathLike[str], known: Volume, slices: tuple[int, int] | None
) -> tuple[int, int]:
    """Return the range of ``slices``, all of them by default; :class:`FileFormatError` for others."""
    first, last = slices or (0, known.shape[0])
    if not 0 <= first < last <= known.shape[0]:
        raise FileFormatError(
            f"{fspath(path)}: slices {first} to {last} were asked for, and there are {known.shape[0]}."
        )
    return first, last


def read_slices(file: Any, first: int, last: int) -> Tensor:
    """Return k-space ``(slices, coils, rows, columns)`` complex64 of some slices."""
    kspace = torch.from_numpy(file["kspace"][first:last].astype("complex64"))
    return kspace[:, None] if kspace.ndim == 3 else kspace


def stored_mask(path: str | PathLike[str], file: Any, columns: int) -> Tensor | None:
    """Return the mask ``(1, 1, columns)`` that test files bring, or ``None``."""
    if "mask" not in file:
        return None
    stored = file["mask"]
    if stored.size != columns:
        raise FileFormatError(
            f"{fspath(path)}: its mask of shape {stored.shape} does not broadcast against {columns} columns "
            "of k-space; one value per column is expected."
        )
    return torch.from_numpy(stored[()].astype("float32")).reshape(1, 1, -1)


def _plain(value: Any) -> str | float:
    return value if isinstance(value, str) else float(value)
