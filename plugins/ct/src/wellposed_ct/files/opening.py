"""Opening files that may come from strangers: bounded, and damaged ones end in one sentence."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from wellposed.errors import FileFormatError, WellposedError

__all__ = ["MAX_BYTES", "bounded", "opened", "readable"]

MAX_BYTES = 8 * 2**30
"""Largest array that a reader allocates unless told otherwise: 8 GiB."""


@contextmanager
def readable(path: str | PathLike[str], what: str) -> Iterator[None]:
    """Turn whatever a library says of a damaged file into one :class:`FileFormatError`."""
    if not Path(path).exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), fspath(path))
    try:
        yield
    except (WellposedError, MemoryError):
        raise
    except Exception as error:  # damaged files make libraries raise nearly anything
        raise FileFormatError(
            f"{fspath(path)}: not a readable {what}, or a damaged one: {str(error)[:200]}"
        ) from error


@contextmanager
def opened(path: str | PathLike[str]) -> Iterator[Any]:
    """Open an HDF5 file for reading."""
    import h5py

    with readable(path, "HDF5 file"), h5py.File(path, "r") as file:
        yield file


def bounded(path: str | PathLike[str], shape: tuple[int, ...], item: int, limit: int) -> None:
    """Raise :class:`FileFormatError` where an array of ``shape`` is empty or exceeds ``limit`` bytes."""
    size = math.prod(shape) * item
    if min(shape, default=1) < 1:
        raise FileFormatError(f"{fspath(path)}: announces an array of {shape}, which is empty.")
    if size > limit:
        raise FileFormatError(
            f"{fspath(path)}: {shape} take {size / 2**30:.3g} GiB, and at most {limit / 2**30:.3g} GiB are "
            "read at once; pass max_bytes=… if the file is trusted, or use `wellposed ct reconstruct`, which "
            "reads row by row."
        )
