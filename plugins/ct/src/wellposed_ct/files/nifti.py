"""NIfTI-1 out: one header with spacing and orientation, then the slices, one at a time."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wellposed.atomic import atomic_path
from wellposed.errors import ParameterError
from wellposed_ct.files.place import Place

__all__ = ["write_nifti"]

LAYOUT = "<i10s18sihcc8h3f4h8f3fhcc4f2i80s24s2h6f12f16s4s"
"""The 348 bytes of the header, little-endian, in the order of the standard (nifti.nimh.nih.gov)."""

FLOAT32, MILLIMETRES, SCANNER = 16, 2, 1

MOST = 32767


def write_nifti(
    path: Path,
    planes: Iterable[NDArray[Any]],
    shape: tuple[int, ...],
    meta: Mapping[str, Any],
    overwrite: bool,
) -> None:
    """Write slices of a volume ``shape`` ``(slices, rows, columns)``, 1/mm, as ``.nii`` or ``.nii.gz``.

    Raises :class:`ParameterError` where an axis is longer than the format knows.
    """
    if max(shape) > MOST:
        raise ParameterError(
            f"Cannot write {path}: NIfTI-1 holds at most {MOST} voxels along an axis: {shape}."
        )
    with atomic_path(path, overwrite=overwrite) as temporary, open(temporary, "wb") as raw:
        # mtime=0 and no name: the same volume gives the same bytes
        packed = path.suffix == ".gz"
        stream = gzip.GzipFile("", "wb", fileobj=raw, mtime=0, compresslevel=4) if packed else raw
        stream.write(_header(shape, meta) + b"\0" * 4)
        for plane in planes:
            stream.write(np.ascontiguousarray(plane, "<f4").tobytes())
        if packed:
            stream.close()


def _header(shape: tuple[int, ...], meta: Mapping[str, Any]) -> bytes:
    slices, rows, columns = shape
    place = Place.of(meta, shape)
    y, x, z = place.spacing
    note = str(meta.get("history", "wellposed")).encode("ascii", "replace")[:79]
    return struct.pack(
        LAYOUT,
        348, b"", b"", 0, 0, b"r", b"\0",
        3, columns, rows, slices, 1, 1, 1, 1,
        0.0, 0.0, 0.0, 0, FLOAT32, 32, 0,
        1.0, x, y, z, 1.0, 1.0, 1.0, 1.0,
        352.0, 1.0, 0.0, 0, b"\0", bytes([MILLIMETRES]),
        0.0, 0.0, 0.0, 0.0, 0, 0,
        note, b"", 0, SCANNER,
        0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
        *place.affine().ravel().tolist(), b"", b"n+1\0",
    )  # fmt: skip
