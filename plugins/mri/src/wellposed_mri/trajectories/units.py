"""Other libraries' conventions, in and out: every factor and every axis order in one place.

| library | unit, range | layout |
|---|---|---|
| here | cycles/FOV, ±n/2 | (…, samples, d), rows first |
| SigPy | cycles/FOV, ±n/2 | (…, samples, d), rows first |
| mri-nufft | cycles/pixel, ±1/2 | (…, samples, d), rows first |
| torchkbnufft | radians/pixel, ±π | (d, samples), rows first |
| BART | cycles/FOV, ±n/2 | (3, samples, shots, …), columns (x) first |
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wellposed.errors import ParameterError, SpaceError
from wellposed.spaces import require_tensor
from wellposed_mri.encoding.checks import hidden

LENIENT = 1.1
"""Gradient delays push trajectories a little over the edge; beyond it the unit is another."""


def from_cycles_per_pixel(trajectory: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return cycles/FOV from cycles per pixel ``(…, d)`` (mri-nufft) for images of ``shape``."""
    return _within(trajectory, 0.5, "cycles per pixel") * _sizes(trajectory, shape)


def to_cycles_per_pixel(trajectory: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return cycles per pixel from cycles/FOV ``(…, d)``."""
    return trajectory / _sizes(trajectory, shape)


def from_mrinufft(samples: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return cycles/FOV from mri-nufft's ``samples`` ``(…, d)`` in cycles per pixel, rows first."""
    return from_cycles_per_pixel(samples, shape)


def to_mrinufft(trajectory: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return mri-nufft's ``samples`` ``(shots·samples, d)`` in cycles per pixel; shots follow one another."""
    return to_cycles_per_pixel(trajectory, shape).reshape(-1, len(shape))


def from_sigpy(coord: Tensor) -> Tensor:
    """Return cycles/FOV from SigPy's ``coord`` ``(…, d)``: the same numbers, in a tensor of their own."""
    return coord.clone()


def to_sigpy(trajectory: Tensor) -> Tensor:
    """Return SigPy's ``coord`` ``(…, d)`` from cycles/FOV: the same numbers, in a tensor of their own."""
    return trajectory.clone()


def from_radians(trajectory: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return cycles/FOV from radians per pixel ``(…, d)``."""
    return _within(trajectory, math.pi, "radians per pixel") * _sizes(trajectory, shape) / (2 * math.pi)


def to_radians(trajectory: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return radians per pixel from cycles/FOV ``(…, d)``."""
    return trajectory * (2 * math.pi) / _sizes(trajectory, shape)


def from_torchkbnufft(omega: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return cycles/FOV ``(samples, d)`` from torchkbnufft's ``omega`` ``(d, samples)``."""
    return from_radians(omega.mT, shape)


def to_torchkbnufft(trajectory: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return torchkbnufft's ``omega`` ``(d, samples)``; shots follow one another."""
    return to_radians(trajectory, shape).reshape(-1, len(shape)).mT.contiguous()


def from_bart(trajectory: Tensor, dims: int = 2) -> Tensor:
    """Return cycles/FOV ``(…, samples, dims)`` from BART's trajectory ``(3, samples, shots, …)``.

    BART counts x along columns first; for ``dims=2`` its z coordinate must be zero.
    """
    require_tensor("trajectory", trajectory)
    if trajectory.ndim < 2 or trajectory.shape[0] != 3:
        raise SpaceError(
            f"a BART trajectory is (3, samples, …), but this has shape {tuple(trajectory.shape)}."
        )
    if dims == 2 and bool((trajectory[2] != 0).any()):
        raise SpaceError("the BART trajectory has z coordinates; pass dims=3.")
    order = list(range(trajectory.ndim - 1, 0, -1))
    return trajectory.permute(*order, 0)[..., :dims].flip(-1)


def to_bart(trajectory: Tensor) -> Tensor:
    """Return BART's ``(3, samples, shots, …)`` of a trajectory ``(…, samples, d)``."""
    full = torch.nn.functional.pad(trajectory.flip(-1), (0, 3 - trajectory.shape[-1]))
    order = list(range(full.ndim - 1, -1, -1))
    return full.permute(*order)


def _within(trajectory: Tensor, end: float, unit: str) -> Tensor:
    """Return the trajectory; :class:`ParameterError` where it leaves k-space in its unit."""
    require_tensor("trajectory", trajectory)
    if hidden(trajectory) or trajectory.numel() == 0:
        return trajectory
    reached = float(trajectory.detach().abs().max())
    if reached > end * LENIENT:
        raise ParameterError(
            f"the trajectory reaches ±{reached:.4g}, but in {unit} k-space ends at ±{end:.4g}; is it in "
            "another unit (cycles/FOV end at ±n/2, radians per pixel at ±π, cycles per pixel at ±0.5)?"
        )
    return trajectory


def _sizes(trajectory: Tensor, shape: tuple[int, ...]) -> Tensor:
    require_tensor("trajectory", trajectory)
    if trajectory.shape[-1] != len(shape):
        raise SpaceError(
            f"the trajectory has {trajectory.shape[-1]} coordinates in its last axis, but images of {shape} "
            f"have {len(shape)} axes."
        )
    return torch.tensor(shape, dtype=trajectory.dtype, device=trajectory.device)
