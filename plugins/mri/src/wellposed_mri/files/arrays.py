"""Arrays by name from ``.npy``, ``.npz`` and ``.mat`` of every version: their shapes first, then one of them.

Shapes are read from headers, so that nothing is allocated before it is known how large it is; nothing is
unpickled.
"""

from __future__ import annotations

import errno
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from wellposed.errors import FileFormatError, WellposedError
from wellposed_mri.files.matlab_elements import require_whole
from wellposed_mri.files.opening import MAX_BYTES, bounded

SUFFIXES = (".npy", ".npz", ".mat")
SINGLE = "array"
"""The name of the one array in a ``.npy`` file."""


@attrs.frozen(eq=False)
class Array:
    """An array in a file: what its header says (``dtype`` where it is told so), and how to read it."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any] | None
    load: Callable[[], np.ndarray]


def arrays(path: str | PathLike[str], max_bytes: int = MAX_BYTES) -> dict[str, Array]:
    """Return the numeric arrays in a file by name, not yet read; MATLAB's axes are in MATLAB's order.

    Raises
    ------
    FileFormatError
        For a damaged file, or one with an array of more than ``max_bytes`` when that is read.
    """
    if not Path(path).exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), fspath(path))
    with one_sentence(path):
        suffix = Path(path).suffix.lower()
        found = {".npy": _npy, ".npz": _npz}.get(suffix, _mat)(path)
        return {name: attrs.evolve(a, load=_guarded(path, a, max_bytes)) for name, a in found.items()}


@contextmanager
def one_sentence(path: str | PathLike[str]) -> Iterator[None]:
    """Turn whatever a library says of a damaged file into one :class:`FileFormatError`."""
    try:
        with np.errstate(all="ignore"):
            yield
    except (WellposedError, FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # scipy's reader raises whatever damaged bytes lead it to
        what = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise FileFormatError(f"{fspath(path)}: damaged, or not what its ending says: {what}") from error


def _guarded(path: str | PathLike[str], array: Array, max_bytes: int) -> Callable[[], np.ndarray]:
    def load() -> np.ndarray:
        bounded(path, array.shape or (1,), 16, max_bytes)
        with one_sentence(path):
            return array.load()

    return load


def _npy(path: str | PathLike[str]) -> dict[str, Array]:
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    return {SINGLE: Array(mapped.shape, mapped.dtype, lambda: np.array(mapped))}


def _npz(path: str | PathLike[str]) -> dict[str, Array]:
    found: dict[str, Array] = {}
    with zipfile.ZipFile(path) as archive:
        for entry in archive.namelist():
            if not entry.endswith(".npy"):
                continue
            with archive.open(entry) as member:
                version = np.lib.format.read_magic(member)
                if version == (1, 0):
                    shape, _, dtype = np.lib.format.read_array_header_1_0(member)
                else:
                    shape, _, dtype = np.lib.format.read_array_header_2_0(member)
            name = entry.removesuffix(".npy")
            found[name] = Array(shape, dtype, _from_npz(path, name))
    return found


def _from_npz(path: str | PathLike[str], name: str) -> Callable[[], np.ndarray]:
    def load() -> np.ndarray:
        with np.load(path, allow_pickle=False) as archive:
            values: np.ndarray = archive[name]
            return values

    return load


def _mat(path: str | PathLike[str]) -> dict[str, Array]:
    import h5py

    return _mat_hdf5(path) if h5py.is_hdf5(path) else _mat_old(path)


def _mat_old(path: str | PathLike[str]) -> dict[str, Array]:
    from scipy.io import loadmat, whosmat

    require_whole(path)

    def loader(name: str) -> Callable[[], np.ndarray]:
        def load() -> np.ndarray:
            values: np.ndarray = np.asarray(loadmat(path, variable_names=[name])[name])
            return values

        return load

    numeric = ("double", "single", "int", "uint", "logical")
    return {
        name: Array(tuple(shape), None, loader(name))
        for name, shape, kind in whosmat(fspath(path))
        if kind.startswith(numeric)
    }


def _mat_hdf5(path: str | PathLike[str]) -> dict[str, Array]:
    import h5py

    def loader(name: str) -> Callable[[], np.ndarray]:
        def load() -> np.ndarray:
            with h5py.File(path, "r") as file:
                values = file[name][()]
            if values.dtype.names == ("real", "imag"):
                values = values["real"] + 1j * values["imag"]
            # HDF5 counts rows first, MATLAB columns
            return np.ascontiguousarray(values.transpose())

        return load

    with h5py.File(path, "r") as file:
        return {
            name: Array(tuple(reversed(data.shape)), None, loader(name))
            for name, data in file.items()
            if isinstance(data, h5py.Dataset) and data.dtype.kind in "fiucbV"
        }


def listing(found: Mapping[str, Any]) -> str:
    """Return ``name (shape), …`` for messages."""
    return ", ".join(f"{n} {a.shape}" for n, a in list(found.items())[:12]) or "no array"
