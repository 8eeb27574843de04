"""Which array of a file is which, and what its axes are: stated, or as usual; never guessed silently."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wellposed.errors import FileFormatError, ParameterError
from wellposed_mri.files.arrays import SINGLE, Array, listing
from wellposed_mri.files.scan import smallest

USUAL = {
    "kspace": ("kspace", "ksp", "k", "kdata", "k_space", "rawdata", "data", SINGLE),
    "sensitivities": ("sensitivities", "maps", "smaps", "sens", "csm", "coil_maps"),
    "mask": ("mask", "sampling", "samp"),
    "trajectory": ("trajectory", "traj", "coord", "ktraj"),
}
"""Names that arrays go by where none is stated, in any case of letters."""

LETTERS = {
    "b": "slices",
    "c": "coils",
    "d": "depth",
    "h": "rows",
    "w": "columns",
    "s": "shots",
    "m": "samples",
}
IMAGE, SHOTS = "bcdhw", "bcsm"
BY_AXES = {2: "hw", 3: "chw", 4: "bchw", 5: "bcdhw"}


def require_letters(axes: str | None) -> None:
    """Raise :class:`ParameterError` for axes that are not a letter each."""
    if axes is None:
        return
    once = len(set(axes)) == len(axes)
    if not once or not (set(axes) <= set(IMAGE) or set(axes) <= set(SHOTS)):
        meant = ", ".join(f"{letter} {name}" for letter, name in LETTERS.items())
        raise ParameterError(f"axes = {axes!r}, but it is a letter per axis, each once: {meant}.")


def key_of(
    path: str | PathLike[str], found: Mapping[str, Array], role: str, stated: str | None
) -> str | None:
    """Return the name of the array for ``role``: the stated one, or one of the usual ones, or ``None``."""
    if stated is not None:
        if stated not in found:
            raise FileFormatError(
                f"{fspath(path)}: holds no array {stated!r} for {role}; it holds {listing(found)}."
            )
        return stated
    lower = {name.lower(): name for name in found}
    return next((lower[name] for name in USUAL[role] if name in lower), None)


def kspace_key(path: str | PathLike[str], found: Mapping[str, Array], stated: str | None = None) -> str:
    """Return the name of k-space; a file's only array is it, whatever its name."""
    if not found:
        raise FileFormatError(
            f"{fspath(path)}: holds no array of numbers; cells, structures and texts are not read, so save "
            "k-space as an array of its own."
        )
    key = key_of(path, found, "kspace", stated)
    if key is None and len(found) == 1:
        key = next(iter(found))
    if key is None:
        raise FileFormatError(
            f"{fspath(path)}: holds {listing(found)}; which one is k-space? Pass kspace='NAME' (on the "
            "command line --reader mri.array_reader:kspace=NAME)."
        )
    return key


def complex_values(path: str | PathLike[str], key: str, array: Array) -> np.ndarray:
    """Return the array as complex64; real ones are refused with what is likely meant."""
    values = array.load()
    require_complex(path, key, values.shape, values.dtype)
    return values.astype(np.complex64)


def require_complex(
    path: str | PathLike[str], key: str, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> None:
    """Raise :class:`FileFormatError` for real numbers, with what is likely meant."""
    if dtype.kind == "c":
        return
    pairs = {-1: "a[..., 0] + 1j * a[..., 1]", 0: "a[0] + 1j * a[1]"}
    for axis, line in pairs.items():
        if dtype.kind == "f" and len(shape) > 2 and shape[axis] == 2:
            raise FileFormatError(
                f"{fspath(path)}: {key!r} is real with shape {shape}; real and imaginary parts seem to be "
                f"its {'last' if axis else 'first'} axis. Save it as complex numbers: {line}."
            )
    raise FileFormatError(
        f"{fspath(path)}: {key!r} of shape {shape} is {dtype}, but k-space and coil maps are complex; save "
        "them before magnitudes are taken. An image has nothing left to reconstruct."
    )


def _real(path: str | PathLike[str], what: str, array: Array) -> np.ndarray:
    """Return an array of real numbers."""
    values = array.load()
    if values.dtype.kind not in "fiub":
        hint = "; split it into real numbers first" if values.dtype.kind == "c" else ""
        raise FileFormatError(
            f"{fspath(path)}: {what} of shape {values.shape} is {values.dtype}, but real numbers are "
            f"expected{hint}."
        )
    return np.ascontiguousarray(values)


def letters_of(path: str | PathLike[str], shape: tuple[int, ...], stated: str | None) -> str:
    """Return what the axes of Cartesian k-space are: as stated, or as usual for so many of them."""
    letters = stated or BY_AXES.get(len(shape), "")
    if not letters:
        raise FileFormatError(
            f"{fspath(path)}: an array of shape {shape} is no k-space; (rows, columns), (coils, rows, "
            "columns) or (slices, coils, [depth,] rows, columns) is expected."
        )
    if len(letters) != len(shape):
        raise FileFormatError(
            f"{fspath(path)}: an array of shape {shape} has {len(shape)} axes, and axes = "
            f"{letters!r} names {len(letters)}; give a letter for each, such as "
            f"{BY_AXES.get(len(shape), 'bchw')!r}."
        )
    return letters


def shot_letters(shape: tuple[int, ...], shots: int, stated: str | None) -> str:
    """Return what the axes of data along a trajectory of so many shots are: as stated, or as usual."""
    return stated or {1: "m", 2: "sm" if shots > 1 else "cm", 3: "csm"}.get(len(shape), SHOTS)


def ordered(path: str | PathLike[str], values: np.ndarray, letters: str, order: str) -> Tensor:
    """Return the array with its axes in ``order``; slices and coils are there in any case."""
    letters = letters_of(path, values.shape, letters)
    moved = values.transpose([letters.index(c) for c in order if c in letters])
    for place, c in enumerate(c for c in order if c != "d" or c in letters):
        if c not in letters:
            moved = np.expand_dims(moved, place)
    return torch.from_numpy(np.ascontiguousarray(moved))


def mask_like(path: str | PathLike[str], array: Array, kspace: Tensor, centred: bool) -> Tensor:
    """Return a file's mask for k-space ``(slices, coils, *image)``, as small as it can be."""
    values = torch.from_numpy(_real(path, "the mask", array)).float()
    image = kspace.shape[2:]
    if values.ndim == 2 and 1 in values.shape and values.numel() == image[-1]:
        values = values.reshape(1, -1)  # MATLAB has no vectors, only columns and rows
    try:
        wide = (kspace.shape[0], 1, *image) if values.ndim > len(image) else image
        full = torch.broadcast_to(values, wide).reshape(-1, 1, *image)
    except RuntimeError as error:
        raise FileFormatError(
            f"{fspath(path)}: a mask of shape {tuple(array.shape)} does not broadcast against k-space "
            f"{tuple(kspace.shape)} (slices, coils, rows, columns); one value per column, or (rows, "
            "columns), is expected."
        ) from error
    return smallest(full if centred else torch.fft.fftshift(full, tuple(range(2, full.ndim))))


def trajectory_of(path: str | PathLike[str], key: str, array: Array) -> Tensor:
    """Return a file's trajectory ``(shots, samples, d)`` in the file's own unit."""
    values = torch.from_numpy(_real(path, f"the trajectory {key!r}", array).astype(np.float32))
    if values.ndim < 2 or values.shape[-1] not in (2, 3):
        raise FileFormatError(
            f"{fspath(path)}: the trajectory {key!r} has shape {tuple(values.shape)}, but (shots, samples, "
            "2 or 3) is expected: the last axis holds the coordinates, rows first."
        )
    return values.reshape(-1, *values.shape[-2:])
