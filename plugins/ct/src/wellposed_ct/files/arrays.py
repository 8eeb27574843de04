"""Named arrays out of NumPy and MATLAB files that may come from a stranger: bounded, and never unpickled."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from wellposed.errors import FileFormatError

__all__ = ["SUFFIXES", "load_arrays"]

Arrays = Mapping[str, NDArray[Any]]


def load_arrays(path: str | PathLike[str], max_bytes: int) -> Arrays:
    """Return the arrays in ``path`` by name; one that has none is called ``sinogram``.

    Raises
    ------
    FileFormatError
        Not such a file, damaged, or larger than ``max_bytes`` when unpacked.
    OSError
        It cannot be opened.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _LOADERS:
        raise FileFormatError(f"{path}: {suffix or 'no ending'!r} is none of {', '.join(SUFFIXES)}.")
    with open(path, "rb"):
        pass
    try:
        return _LOADERS[suffix](path, max_bytes)
    except (FileFormatError, MemoryError):
        raise
    except Exception as error:  # damaged files make NumPy, zipfile and SciPy raise nearly anything
        raise FileFormatError(f"{path}: cannot be read as {suffix}: {str(error)[:200]}") from error


def _check(path: str | PathLike[str], size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise FileFormatError(
            f"{path}: holds {size / 2**20:.0f} MiB when unpacked, and at most {max_bytes / 2**20:.0f} MiB "
            "are read; raise max_bytes if the file is to be trusted."
        )


def _npz(path: str | PathLike[str], max_bytes: int) -> Arrays:
    with zipfile.ZipFile(path) as archive:
        _check(path, sum(info.file_size for info in archive.infolist()), max_bytes)
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _npy(path: str | PathLike[str], max_bytes: int) -> Arrays:
    with open(path, "rb") as stream:
        version = npy.read_magic(stream)
        reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = reader(stream)
        _check(path, int(np.prod(shape, dtype=object)) * dtype.itemsize, max_bytes)
    return {"sinogram": np.load(path, allow_pickle=False)}


def _mat(path: str | PathLike[str], max_bytes: int) -> Arrays:
    from scipy.io import loadmat, whosmat

    sizes = [int(np.prod(shape, dtype=object)) * 16 for _, shape, _ in whosmat(path)]
    _check(path, sum(sizes), max_bytes)
    found = loadmat(path)
    return {name: value for name, value in found.items() if isinstance(value, np.ndarray)}


_LOADERS: Mapping[str, Callable[[str | PathLike[str], int], Arrays]] = {
    ".npz": _npz,
    ".npy": _npy,
    ".mat": _mat,
}

SUFFIXES = tuple(_LOADERS)
"""Endings of files that can be read."""
