"""NIfTI-1 out: one header and the voxels, written whole or not at all."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any

import attrs
import numpy as np
from torch import Tensor

from wellposed.atomic import write_bytes
from wellposed.errors import ParameterError
from wellposed_mri.files.volume import Volumes, volumes_of

LAYOUT = "<i10s18sihcc8h3f4h8f3fhcc4f2i80s24s2h6f12f16s4s"
"""The 348 bytes of the NIfTI-1 header, little-endian, in the order of the standard."""

FLOAT32, MILLIMETRES, SCANNER = 16, 2, 1


@attrs.frozen
class NIfTIWriter:
    """Write magnitudes as float32 NIfTI-1, ``.nii`` or ``.nii.gz``.

    ``meta["affine"]``, 4 × 4 from voxel (column, row, slice) to scanner millimetres (right, anterior,
    superior), becomes the orientation; without it the file says that its orientation is unknown, and
    ``meta["voxel_mm"]`` gives the sizes along (slices, rows, columns). ``meta["crop"]`` cuts out the centre,
    and ``meta["slices_per_volume"]`` tells several volumes apart, which become the fourth axis.

    Parameters
    ----------
    overwrite
        Whether an existing file may be replaced.
    """

    overwrite: bool = False

    def write(self, path: str | PathLike[str], image: Tensor, meta: Mapping[str, Any]) -> None:
        """Write ``image`` ``(B, C, H, W)``, samples and channels as slices, or ``(B, C, D, H, W)``.

        Raises
        ------
        ParameterError
            For an image of other axes, with more than 32767 pixels along one, or an impossible affine.
        OutputExistsError
            Where the file exists and ``overwrite`` is false.
        """
        found = volumes_of(image, meta)
        if max(found.values.shape) > 32767:
            raise ParameterError(
                f"NIfTI-1 holds at most 32767 voxels along an axis, not {found.values.shape}."
            )
        data = _header(found) + b"\0" * 4 + found.values.astype("<f4").tobytes()
        compressed = fspath(path).endswith(".gz")
        # mtime=0: the same image gives the same bytes
        write_bytes(path, gzip.compress(data, mtime=0) if compressed else data, overwrite=self.overwrite)


def _header(found: Volumes) -> bytes:
    volumes, slices, rows, columns = found.values.shape
    known = found.affine is not None
    lines = np.eye(4)[:3] if found.affine is None else found.affine[:3]
    return struct.pack(
        LAYOUT,
        348, b"", b"", 0, 0, b"r", b"\0",
        3 if volumes == 1 else 4, columns, rows, slices, volumes, 1, 1, 1,
        0.0, 0.0, 0.0, 0, FLOAT32, 32, 0,
        1.0, *reversed(found.voxel), 1.0, 1.0, 1.0, 1.0,
        352.0, 1.0, 0.0, 0, b"\0", bytes([MILLIMETRES]),
        0.0, 0.0, 0.0, 0.0, 0, 0,
        b"wellposed", b"", 0, SCANNER if known else 0,
        0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
        *lines.ravel().tolist(), b"", b"n+1\0",
    )  # fmt: skip
