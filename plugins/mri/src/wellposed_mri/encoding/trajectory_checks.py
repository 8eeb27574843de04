"""A trajectory in the wrong unit is the commonest error of all: it is seen, and the factor is named."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wellposed.errors import DtypeError, ParameterError, SpaceError
from wellposed.spaces import require_tensor
from wellposed_mri.encoding.checks import hidden

SLACK = 1e-3
"""Rounding allowed at the edge of k-space, relative to it."""

BEYOND = 0.75
"""Cycles per field of view by which gradient delays and calibration may push a trajectory over the edge."""


def require_trajectory(trajectory: Tensor, shape: tuple[int, ...]) -> None:
    """Raise unless ``trajectory`` ``(…, d)`` is in cycles/FOV, within ±n/2 of the image ``shape``.

    Raises
    ------
    SpaceError
        Where the last axis is not one entry per image axis.
    ParameterError
        For values outside the image's k-space, for NaNs, and for values that look like cycles per pixel or
        radians.
    """
    require_real(trajectory)
    if trajectory.ndim < 2 or trajectory.shape[-1] != len(shape):
        raise SpaceError(
            f"the trajectory has shape {tuple(trajectory.shape)}, but (…, {len(shape)}) is expected: the "
            "last axis holds the coordinate along each image axis, rows first."
        )
    if trajectory.numel() == 0:
        raise SpaceError(f"the trajectory of shape {tuple(trajectory.shape)} holds no samples.")
    if hidden(trajectory):
        return
    values = trajectory.detach()
    if not bool(torch.isfinite(values).all()):
        raise ParameterError("the trajectory holds NaN or infinite coordinates.")
    reach = [float(values[..., d].abs().max()) for d in range(len(shape))]
    _require_unit(reach, shape)
    for axis, (seen, n) in enumerate(zip(reach, shape, strict=True)):
        if seen > n / 2 + BEYOND:
            fits = math.ceil(2 * seen)
            raise ParameterError(
                f"the trajectory reaches ±{seen:.4g} cycles/FOV on axis {axis}, but an image of {n} "
                f"pixels ends at ±{n / 2:g}; scale the trajectory, or reconstruct {fits} pixels."
            )


def require_real(trajectory: Tensor) -> None:
    """Raise :class:`DtypeError` for complex or whole numbers, before axes are counted."""
    require_tensor("trajectory", trajectory)
    if trajectory.is_complex() or not trajectory.is_floating_point():
        hint = (
            "split complex ones by torch.view_as_real, which puts the real part first: it must run along the "
            "rows"
            if trajectory.is_complex()
            else "pass trajectory.float()"
        )
        raise DtypeError(
            f"the trajectory is {str(trajectory.dtype).removeprefix('torch.')} of shape "
            f"{tuple(trajectory.shape)}, but real coordinates (…, 2) or (…, 3) are expected; {hint}."
        )


def _require_unit(reach: list[float], shape: tuple[int, ...]) -> None:
    largest, size = max(reach), max(shape)
    if size < 16 or largest == 0:
        return
    if largest <= 0.5 * (1 + SLACK):
        raise ParameterError(
            f"the trajectory reaches only ±{largest:.3g}: that is cycles per pixel, but cycles/FOV (up to "
            f"±{size / 2:g}) is expected; convert it by from_cycles_per_pixel(trajectory, shape)."
        )
    if abs(largest - math.pi) <= 0.02 * math.pi:
        raise ParameterError(
            f"the trajectory reaches ±{largest:.4g}: that is radians per pixel, but cycles/FOV (up to "
            f"±{size / 2:g}) is expected; use from_radians(trajectory, shape)."
        )
