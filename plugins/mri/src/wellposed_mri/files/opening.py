"""Opening files that may come from strangers: bounded, and damaged ones end in one sentence."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from wellposed.errors import FileFormatError, WellposedError

MAX_BYTES = 8 * 2**30
"""Largest array that a reader allocates unless told otherwise: 8 GiB."""


DAMAGE = (
    OSError, KeyError, ValueError, TypeError, RuntimeError, IndexError, OverflowError, MemoryError,
    AttributeError,
)  # fmt: skip
"""What h5py and NumPy raise on damaged bytes."""


@contextmanager
def opened(path: str | PathLike[str]) -> Iterator[Any]:
    """Open an HDF5 file for reading; whatever the library says of a damaged one is one FileFormatError."""
    import h5py

    if not Path(path).exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), fspath(path))
    try:
        # damaged numbers overflow when they are converted, which is no news here
        with np.errstate(all="ignore"), h5py.File(path, "r") as file:
            yield file
    except WellposedError:
        raise
    except DAMAGE as error:
        what = " ".join(str(error).split())[:160]
        raise FileFormatError(
            f"{fspath(path)}: not a readable HDF5 file, or a damaged one: {what}"
        ) from error


def bounded(path: str | PathLike[str], shape: tuple[int, ...], item: int, limit: int) -> None:
    """Raise :class:`FileFormatError` where an array of ``shape`` is empty, or exceeds ``limit`` bytes."""
    if min(shape, default=1) < 1:
        raise FileFormatError(f"{fspath(path)}: announces an array of {shape}, which is empty.")
    size = item
    for n in shape:
        size *= n
    if size > limit:
        raise FileFormatError(
            f"{fspath(path)}: announces an array of {shape}, {size / 2**30:.3g} GiB, and at most "
            f"{limit / 2**30:.3g} GiB is read; pass max_bytes=… if the file is trusted."
        )
