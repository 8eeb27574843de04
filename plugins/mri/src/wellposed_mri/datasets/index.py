"""Which slices a folder holds: the heads of its files, read once and kept in a file if wished."""

from __future__ import annotations

import json
from os import PathLike, fspath
from pathlib import Path

from wellposed.atomic import write_text
from wellposed.errors import FileFormatError, ParameterError
from wellposed_mri.files.fastmri import head
from wellposed_mri.files.opening import opened


def slices_of(folder: str | PathLike[str], cache: str | PathLike[str] | None) -> tuple[tuple[str, int], ...]:
    """Return (file name, number of slices) of every ``.h5`` in ``folder``, by name.

    Parameters
    ----------
    folder
        Where the files are.
    cache
        A JSON file that keeps the counts. Files whose size or time changed are looked at again.

    Raises
    ------
    ParameterError
        For a folder that is none, or holds no ``.h5``.
    FileFormatError
        For a file that is not fastMRI's.
    """
    paths = sorted(Path(folder).glob("*.h5")) if Path(folder).is_dir() else []
    if not paths:
        raise ParameterError(f"{fspath(folder)}: is no folder with .h5 files of k-space.")
    known = {} if cache is None else _kept(cache)
    counts = {path.name: _count(path, known.get(path.name)) for path in paths}
    if cache is not None and counts != known:
        write_text(cache, json.dumps(counts), overwrite=True)
    return tuple((name, entry[0]) for name, entry in counts.items())


def _kept(cache: str | PathLike[str]) -> dict[str, list[int]]:
    try:
        found = json.loads(Path(cache).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise FileFormatError(
            f"{fspath(cache)}: is no index of slices; remove it, and it is made anew."
        ) from error
    usable = isinstance(found, dict) and all(
        isinstance(v, list) and len(v) == 3 and all(isinstance(n, int) for n in v) for v in found.values()
    )
    return found if usable else {}


def _count(path: Path, known: list[int] | None) -> list[int]:
    """Return [slices, size, time] of a file, from the cache where it has not changed."""
    status = path.stat()
    stamp = [status.st_size, status.st_mtime_ns]
    if known is not None and known[1:] == stamp:
        return known
    with opened(path) as file:
        if "kspace" not in file:
            raise FileFormatError(f"{path}: holds no kspace; is it a fastMRI file?")
        return [head(path, file).shape[0], *stamp]
