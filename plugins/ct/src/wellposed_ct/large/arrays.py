"""Arrays that stay on disk: ``.npy`` files, mapped, of which a task touches its own part."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Source", "create", "opened"]

Source = NDArray[Any] | str | PathLike[str]
"""An array, or the path of a ``.npy`` file."""


def opened(source: Source, mode: str = "r") -> NDArray[Any]:
    """Return the array of a source; a file is mapped, not read. ``mode`` ``r+`` writes through."""
    if isinstance(source, str | PathLike):
        found: NDArray[Any] = np.load(source, mmap_mode="r+" if mode == "r+" else "r", allow_pickle=False)
        return found
    return source


def create(path: str | PathLike[str], shape: tuple[int, ...], dtype: Any = np.float32) -> Path:
    """Make a ``.npy`` file of zeros and return its path; the file takes room as it is written."""
    target = Path(path)
    np.lib.format.open_memmap(target, "w+", np.dtype(dtype), shape).flush()
    return target
