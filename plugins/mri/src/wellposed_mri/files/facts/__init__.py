"""What a raw file holds, from its headers alone, and what reconstructing it will take."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from typing import Any

from wellposed.errors import ParameterError
from wellposed_mri.files import arrays, bart
from wellposed_mri.files.array_reader import ArrayReader
from wellposed_mri.files.bart import BARTReader
from wellposed_mri.files.facts.array_file import array_facts
from wellposed_mri.files.facts.bart_file import bart_facts
from wellposed_mri.files.facts.cost import cost
from wellposed_mri.files.facts.hdf5_file import hdf5_facts
from wellposed_mri.files.hdf5 import HDF5Reader

Reader = ArrayReader | BARTReader | HDF5Reader

__all__ = ["describe"]


def describe(path: str | PathLike[str], reader: Any = None) -> dict[str, Any]:
    """Return the facts about a raw file by name, as ``reader`` would read it (by its ending if left out).

    Only headers and trajectories are read; then a few iterations on noise of the same size are timed.

    Raises
    ------
    FileFormatError
        For a damaged file, or one that is no raw data.
    ParameterError
        For a reader that is not one of this pack's.
    """
    chosen = _reader_of(path) if reader is None else reader
    if isinstance(chosen, BARTReader):
        facts, size = bart_facts(path, chosen)
    elif isinstance(chosen, ArrayReader):
        facts, size = array_facts(path, chosen)
    elif isinstance(chosen, HDF5Reader):
        facts, size = hdf5_facts(path, chosen)
    else:
        raise ParameterError(
            f"{fspath(path)}: {type(chosen).__name__} does not read raw MRI files; use mri.hdf5_reader, "
            "mri.bart_reader or mri.array_reader."
        )
    return facts if size is None else {**facts, **cost(size, chosen.maps == "espirit")}


def _reader_of(path: str | PathLike[str]) -> Reader:
    suffix = Path(path).suffix.lower()
    if suffix in bart.SUFFIXES:
        return BARTReader()
    return ArrayReader() if suffix in arrays.SUFFIXES else HDF5Reader()
