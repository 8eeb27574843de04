"""Files do not say in what unit their trajectory is: it is told by how far it reaches, or by the user."""

from __future__ import annotations

import math
from os import PathLike, fspath
from typing import Literal, get_args

import torch
from torch import Tensor

from wellposed.errors import FileFormatError, ParameterError
from wellposed_mri.trajectories import from_cycles_per_pixel, from_radians

Unit = Literal["auto", "cycles/pixel", "cycles/FOV", "radians/pixel"]
SLACK = 1e-3


def require_unit(unit: str) -> None:
    """Raise :class:`ParameterError` for a unit that is none."""
    if unit not in get_args(Unit):
        raise ParameterError(f"trajectory_unit = {unit!r}, but it is one of {', '.join(get_args(Unit))}.")


def in_cycles_per_fov(
    path: str | PathLike[str], trajectory: Tensor, size: tuple[int, ...], unit: Unit = "auto"
) -> tuple[Tensor, Unit]:
    """Return a file's trajectory ``(…, d)`` in cycles/FOV for an image of ``size``, and its unit.

    Up to ±0.5 it is taken for cycles per pixel, up to ±π (within 2 %) for radians per pixel, up to ±n/2 for
    cycles/FOV.

    Raises
    ------
    FileFormatError
        For NaNs, and for values beyond the image's k-space in any unit.
    """
    if not bool(torch.isfinite(trajectory).all()):
        raise FileFormatError(f"{fspath(path)}: the trajectory holds NaN or infinite numbers.")
    reach = [float(trajectory[..., d].abs().max()) for d in range(len(size))]
    if unit == "auto":
        unit = _recognised(path, reach, size)
    try:
        if unit == "cycles/pixel":
            return from_cycles_per_pixel(trajectory, size), unit
        if unit == "radians/pixel":
            return from_radians(trajectory, size), unit
    except ParameterError as error:
        raise FileFormatError(f"{fspath(path)}: {error}") from error
    return trajectory, unit


def _recognised(path: str | PathLike[str], reach: list[float], size: tuple[int, ...]) -> Unit:
    largest = max(reach)
    if largest <= 0.5 * (1 + SLACK):
        return "cycles/pixel"
    if abs(largest - math.pi) <= 0.02 * math.pi:
        return "radians/pixel"
    if all(r <= n / 2 * (1 + SLACK) for r, n in zip(reach, size, strict=True)):
        return "cycles/FOV"
    ends = " × ".join(f"±{n / 2:g}" for n in size)
    raise FileFormatError(
        f"{fspath(path)}: the trajectory reaches ±{largest:.4g}, which is neither cycles per pixel (±0.5), "
        f"nor radians per pixel (±3.142), nor cycles/FOV of the image {size} ({ends}); is the matrix size "
        "in the header right? Else scale the trajectory."
    )
