"""Images for NumPy and MATLAB: complex, whole, and with what is known of their place."""

from __future__ import annotations

import io
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np
from torch import Tensor

from wellposed.atomic import write_bytes
from wellposed.errors import ParameterError
from wellposed_mri.files.volume import require_image

PLACE = ("affine", "voxel_mm")


@attrs.frozen
class ArrayWriter:
    """Write complex images as ``.npy``, ``.npz`` or ``.mat``, uncropped and with their phase.

    NumPy's have the axes that images have here, ``(B, C, H, W)`` or ``(B, C, D, H, W)``, samples being
    slices; MATLAB's have rows and columns first: ``(H, W, slices)`` or ``(H, W, D, samples)``, map sets last.
    ``.npz`` and ``.mat`` hold ``image`` and, where they are known, ``affine`` and ``voxel_mm`` (see
    :class:`~wellposed_mri.NIfTIWriter`).

    Parameters
    ----------
    overwrite
        Whether an existing file may be replaced.
    """

    overwrite: bool = False
    suffixes: ClassVar[tuple[str, ...]] = (".npy", ".npz", ".mat")

    def write(self, path: str | PathLike[str], image: Tensor, meta: Mapping[str, Any]) -> None:
        """Write ``image`` in the format that the ending of ``path`` tells.

        Raises
        ------
        ParameterError
            For an image of other axes, or another ending.
        OutputExistsError
            Where the file exists and ``overwrite`` is false.
        """
        require_image(image)
        formats = {".npy": _npy, ".npz": _npz, ".mat": _mat}
        suffix = Path(path).suffix.lower()
        if suffix not in formats:
            raise ParameterError(f"{path}: arrays are written as .npy, .npz or .mat, not {suffix!r}.")
        place = {key: np.asarray(meta[key], dtype=np.float64) for key in PLACE if meta.get(key) is not None}
        buffer = io.BytesIO()
        formats[suffix](buffer, image.detach().resolve_conj().cpu().numpy(), place)
        write_bytes(path, buffer.getvalue(), overwrite=self.overwrite)


def _npy(file: io.BytesIO, image: np.ndarray, place: Mapping[str, np.ndarray]) -> None:
    np.save(file, image, allow_pickle=False)


def _npz(file: io.BytesIO, image: np.ndarray, place: Mapping[str, np.ndarray]) -> None:
    np.savez_compressed(file, allow_pickle=False, image=image, **place)


def _mat(file: io.BytesIO, image: np.ndarray, place: Mapping[str, np.ndarray]) -> None:
    from scipy.io import savemat

    # (B, C, [D,] H, W) to (H, W, [D,] B, C); MATLAB drops the ones at the end itself
    space = tuple(range(image.ndim - 2, image.ndim))
    order = (*space, *range(2, image.ndim - 2), 0, 1)
    savemat(file, {"image": image.transpose(order), **place}, do_compression=True)
