"""What every raw file comes to: data, how they were sampled, and a physics with maps of the data's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from typing import Any, Literal

import torch
from torch import Tensor

from wellposed.errors import DtypeError, FileFormatError, ParameterError, SpaceError
from wellposed.measurement import Measurement
from wellposed_mri.encoding import CartesianMRI, MultiCoilMRI, NonCartesianMRI
from wellposed_mri.fourier import centred_fft
from wellposed_mri.maps import ESPIRiT, RSSMaps
from wellposed_mri.trajectories import pipe_menon

Maps = Literal["espirit", "rss", "none"]
CHOICES = ("espirit", "rss", "none")

FEWEST = 8
"""Columns that an image has at least."""


def require_choice(maps: str) -> None:
    """Raise :class:`ParameterError` for an unknown way of making maps."""
    if maps not in CHOICES:
        raise ParameterError(f"maps = {maps!r}, but it is one of {', '.join(CHOICES)}.")


def sizes(values: Any) -> tuple[int, ...] | None:
    """Return the size of an image as it is kept: a tuple of whole numbers."""
    if values is None:
        return None
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ParameterError(f"shape = {values!r}, but rows and columns are expected: shape=[48, 48].")
    return tuple(int(n) for n in values)


def require_sizes(shape: tuple[int, ...] | None) -> None:
    """Raise :class:`ParameterError` unless the size of an image is stated in full, or not at all."""
    if shape is not None and (len(shape) not in (2, 3) or min(shape) < 2):
        raise ParameterError(
            f"shape = {list(shape)}, but the image's rows and columns (or depth, rows and columns) are "
            "expected."
        )


def measurement(
    path: str | PathLike[str],
    kspace: Tensor,
    mask: Tensor,
    maps: Maps | Tensor,
    meta: Mapping[str, Any],
    calibration: Tensor | None = None,
) -> Measurement:
    """Return the measurement of Cartesian k-space ``(B, coils, *image)`` sampled where ``mask`` is 1.

    Maps are tensors of their own, or made of ``calibration``, k-space of the same size, or else of the data.
    """
    require_numbers(path, kspace)
    _require_image(path, kspace)
    dims = kspace.ndim - 2
    if isinstance(maps, Tensor):
        _require_maps(path, maps, kspace)
    try:
        if kspace.shape[1] == 1 and not isinstance(maps, Tensor):
            physics: Any = CartesianMRI(mask, tuple(kspace.shape[2:]))
        elif isinstance(maps, Tensor):
            physics = MultiCoilMRI(maps, mask, dims)
        elif maps == "none":
            physics = None
        else:
            physics = MultiCoilMRI(
                _method(maps, dims)(kspace if calibration is None else calibration), mask, dims
            )
        return Measurement(kspace, physics, meta={"source": fspath(path), **meta})
    except (ParameterError, SpaceError, DtypeError) as error:
        raise FileFormatError(f"{fspath(path)}: {error}{_hint(str(error))}") from error


def shot_measurement(
    path: str | PathLike[str],
    data: Tensor,
    trajectory: Tensor,
    image: tuple[int, ...],
    maps: Maps | Tensor,
    meta: Mapping[str, Any],
) -> Measurement:
    """Return the measurement of shots ``(B, coils, shots, samples)`` along a trajectory in cycles/FOV."""
    require_numbers(path, data)
    try:
        if isinstance(maps, Tensor):
            chosen: Tensor | None = maps
        elif data.shape[1] == 1:
            chosen = torch.ones(1, *image, dtype=data.dtype)
        elif maps == "none":
            chosen = None
        else:
            chosen = _method(maps, len(image))(gridded(data, trajectory, image))
        physics = None if chosen is None else NonCartesianMRI(chosen, trajectory)
        return Measurement(data, physics, meta={"source": fspath(path), **meta})
    except (ParameterError, SpaceError, DtypeError) as error:
        raise FileFormatError(f"{fspath(path)}: {error}") from error


def gridded(data: Tensor, trajectory: Tensor, image: tuple[int, ...]) -> Tensor:
    """Return Cartesian k-space ``(B, coils, *image)`` of shots, by gridding: right where sampling is dense.

    The centre of k-space is what coil maps are made of, and there radial lines and spirals are dense.
    """
    one = torch.ones(1, *image, dtype=data.dtype)
    uniform = NonCartesianMRI(one, trajectory)
    weighted = data * pipe_menon(trajectory, image)
    images = uniform.A_adjoint(weighted.reshape(-1, 1, *weighted.shape[2:]))
    return centred_fft(images.reshape(*data.shape[:2], *image), tuple(range(-len(image), 0)))


def require_numbers(path: str | PathLike[str], values: Tensor) -> None:
    """Raise :class:`FileFormatError` for NaNs, and where there is nothing but zeros."""
    if not bool(torch.isfinite(torch.view_as_real(values)).all()):
        raise FileFormatError(f"{fspath(path)}: the k-space holds NaN or infinite numbers.")
    dead = ~(values != 0).flatten(2).any(2).any(0)
    if bool(dead.all()):
        raise FileFormatError(f"{fspath(path)}: the k-space is zero in every coil; nothing was measured.")


def _require_image(path: str | PathLike[str], kspace: Tensor) -> None:
    """Raise where the coils seem to be the last axis: nobody images a few columns."""
    rows, columns = kspace.shape[-2:]
    if columns < FEWEST <= rows:
        raise FileFormatError(
            f"{fspath(path)}: k-space (slices, coils, …, rows, columns) of {tuple(kspace.shape)} would be an "
            f"image of {rows} × {columns} pixels; are the coils its last axis? Arrays are read by "
            "axes='hwc', on the command line --reader mri.array_reader:axes=hwc."
        )


def _require_maps(path: str | PathLike[str], maps: Tensor, kspace: Tensor) -> None:
    wanted, seen = tuple(kspace.shape[1:]), (maps.shape[-kspace.ndim + 1 :])
    if tuple(seen) != wanted:
        raise FileFormatError(
            f"{fspath(path)}: coil maps of {tuple(seen)} (coils, …, rows, columns) do not fit k-space of "
            f"{wanted}; are they of the same scan, and in the same order of axes?"
        )


def _hint(message: str) -> str:
    if "calibration" in message:
        return " Or read it with maps='none'."
    if "movedim" in message:
        return " On the command line: --reader mri.array_reader:axes=hwc."
    return ""


def _method(maps: str, dims: int) -> Any:
    return ESPIRiT(dims=dims) if maps == "espirit" else RSSMaps(dims=dims)


def sampled(kspace: Tensor) -> Tensor:
    """Return the mask of positions where any coil is not zero, as small as it can be."""
    return smallest((kspace != 0).any(1, keepdim=True).float())


def smallest(mask: Tensor) -> Tensor:
    """Return a mask ``(B, 1, *image)`` with the axes along which it does not change shortened to one.

    An axis of samples that all share one mask is left out.
    """
    for axis in range(mask.ndim):
        first = mask.narrow(axis, 0, 1)
        if bool((mask == first).all()):
            mask = first
    return mask[0] if mask.shape[0] == 1 else mask
