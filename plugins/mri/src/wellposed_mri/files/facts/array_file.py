"""The facts of NumPy and MATLAB files: which array is which, and what its axes are."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from typing import Any

from wellposed.errors import FileFormatError
from wellposed_mri.files import array_axes, arrays
from wellposed_mri.files.array_reader import ArrayReader
from wellposed_mri.files.facts.cost import Size
from wellposed_mri.files.opening import bounded

Facts = dict[str, Any]
Shape = tuple[int, ...]


def array_facts(path: str | PathLike[str], reader: ArrayReader) -> tuple[Facts, Size]:
    """Return the facts of a file of arrays, and the size of what ``reader`` reads of it."""
    found = arrays.arrays(path, reader.max_bytes)
    key = array_axes.kspace_key(path, found, reader.kspace)
    shape = found[key].shape
    bounded(path, shape or (1,), 8, reader.max_bytes)
    dtype = found[key].dtype
    if dtype is not None:
        array_axes.require_complex(path, key, shape, dtype)
    points = array_axes.key_of(path, found, "trajectory", reader.trajectory)
    facts: Facts = {
        "format": "MATLAB" if Path(path).suffix.lower() == ".mat" else "NumPy",
        "trajectory": "cartesian" if points is None else points,
        "arrays": arrays.listing(found), "k-space": key,
    }  # fmt: skip
    if points is not None:
        return _along(path, facts, found, shape, points, reader)
    letters = array_axes.letters_of(path, shape, reader.axes)
    sizes = dict(zip(letters, shape, strict=True))
    image = tuple(sizes[c] for c in "dhw" if c in sizes)
    facts |= {
        "axes": letters, "slices": sizes.get("b", 1), "coils": sizes.get("c", 1), "image": list(image),
    }  # fmt: skip
    return facts, Size(facts["slices"], facts["coils"], image)


def _along(
    path: str | PathLike[str],
    facts: Facts,
    found: dict[str, arrays.Array],
    shape: Shape,
    points: str,
    reader: ArrayReader,
) -> tuple[Facts, Size]:
    """Return what a trajectory tells; its reach in cycles/FOV is the only hint at the image's size."""
    trajectory = array_axes.trajectory_of(path, points, found[points])
    reach, d = float(trajectory.abs().max()), trajectory.shape[-1]
    maps = array_axes.key_of(path, found, "sensitivities", reader.sensitivities)
    if reader.shape is not None:
        image = reader.shape
    elif maps is not None:
        image = found[maps].shape[-d:]
    elif reach > 4:
        image = (max(16, round(2 * reach)),) * d
    else:
        raise FileFormatError(
            f"{fspath(path)}: its trajectory {points!r} reaches ±{reach:.4g}, so the size of the image is "
            "not in the file; state it: --reader mri.array_reader:shape=[ROWS,COLUMNS]."
        )
    letters = array_axes.shot_letters(shape, len(trajectory), reader.axes)
    sizes = dict(zip(letters, shape, strict=False))
    facts |= {
        "axes": letters, "slices": sizes.get("b", 1), "coils": sizes.get("c", 1), "image": list(image),
        "shots": trajectory.shape[:-2].numel(), "samples": trajectory.shape[-2],
        "trajectory reach": round(reach, 4),
    }  # fmt: skip
    count = trajectory.shape[:-1].numel()
    return facts, Size(facts["slices"], facts["coils"], tuple(image), count)
