"""NIfTI-1 out: one header and the voxels, written whole or not at all."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from wellposed.atomic import write_bytes
from wellposed.errors import ParameterError

LAYOUT = "<i10s18sihcc8h3f4h8f3fhcc4f2i80s24s2h6f12f16s4s"
"""The 348 bytes of the NIfTI-1 header, little-endian, in the order of the standard."""

FLOAT32, MILLIMETRES, SCANNER = 16, 2, 1


@attrs.frozen
class NIfTIWriter:
    """Write magnitudes as float32 NIfTI-1, ``.nii`` or ``.nii.gz``.

    ``meta["voxel_mm"]``, sizes along (slices, rows, columns), becomes the voxel size, and
    ``meta["affine"]``, 4 × 4 from voxel (column, row, slice) to scanner millimetres (right, anterior,
    superior), the orientation; without it the file says that its orientation is unknown.

    Parameters
    ----------
    overwrite
        Whether an existing file may be replaced.
    """

    overwrite: bool = False

    def write(self, path: str | PathLike[str], image: Tensor, meta: Mapping[str, Any]) -> None:
        """Write ``image`` ``(B, C, H, W)``, samples and channels as slices, or a volume ``(1, 1, D, H, W)``.

        Raises
        ------
        ParameterError
            For an image of other axes, with more than 32767 pixels along one, or an impossible affine.
        OutputExistsError
            Where the file exists and ``overwrite`` is false.
        """
        voxels = _voxels(image)
        affine = meta.get("affine")
        header = _header(voxels.shape, _voxel_size(meta), None if affine is None else _affine(affine))
        data = header + b"\0" * 4 + voxels.transpose(2, 1, 0).tobytes(order="F")
        compressed = fspath(path).endswith(".gz")
        # mtime=0: the same image gives the same bytes
        write_bytes(path, gzip.compress(data, mtime=0) if compressed else data, overwrite=self.overwrite)


def _voxels(image: Tensor) -> np.ndarray:
    """Return float32 magnitudes ``(slices, rows, columns)``."""
    if image.ndim not in (4, 5) or (image.ndim == 5 and image.shape[:2].numel() != 1):
        raise ParameterError(
            f"an image of shape {tuple(image.shape)} is no volume; (B, C, H, W) or (1, 1, D, H, W) "
            "is expected."
        )
    values = image.detach().abs() if image.is_complex() else image.detach()
    volume = values.reshape(-1, *values.shape[-2:]).to(torch.float32).cpu().numpy()
    if max(volume.shape) > 32767:
        raise ParameterError(f"NIfTI-1 holds at most 32767 voxels along an axis, not {volume.shape}.")
    return volume


def _voxel_size(meta: Mapping[str, Any]) -> tuple[float, float, float]:
    z, y, x = (float(v) for v in meta.get("voxel_mm", (1.0, 1.0, 1.0)))
    return x, y, z


def _affine(values: Any) -> np.ndarray:
    affine = np.asarray(values, dtype=np.float64)
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
        raise ParameterError(f"affine must be an invertible 4 × 4 matrix, got {affine.tolist()}.")
    return affine


def _header(shape: tuple[int, ...], voxel: tuple[float, float, float], affine: np.ndarray | None) -> bytes:
    slices, rows, columns = shape
    known = affine is not None
    lines = np.eye(4)[:3] if affine is None else affine[:3]
    size = tuple(np.linalg.norm(lines[:, :3], axis=0)) if known else voxel
    return struct.pack(
        LAYOUT,
        348, b"", b"", 0, 0, b"r", b"\0",
        3, columns, rows, slices, 1, 1, 1, 1,
        0.0, 0.0, 0.0, 0, FLOAT32, 32, 0,
        1.0, *size, 1.0, 1.0, 1.0, 1.0,
        352.0, 1.0, 0.0, 0, b"\0", bytes([MILLIMETRES]),
        0.0, 0.0, 0.0, 0.0, 0, 0,
        b"wellposed", b"", 0, SCANNER if known else 0,
        0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
        *lines.ravel().tolist(), b"", b"n+1\0",
    )  # fmt: skip
