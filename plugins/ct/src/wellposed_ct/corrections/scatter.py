"""Scatter: a blurred copy of what passes lies over it, and is found by blurring."""

from __future__ import annotations

import math
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError

__all__ = ["Scatter", "remove_scatter"]


def remove_scatter(
    passed: Tensor, amplitude: float, width: float, planar: bool = False, iterations: int = 8
) -> Tensor:
    """Return the primary transmission T of a measured one, ``T + amplitude·(g ∗ T)``, by fixed-point steps.

    Parameters
    ----------
    passed
        Measured transmission ``(…, bins)``, or with ``planar`` projections ``(…, rows, bins)``.
    amplitude
        Scatter over primary in a wide open field, in [0, 1).
    width
        Standard deviation of the Gaussian kernel g, in bins. Borders are taken to continue.
    planar
        Whether rows scatter into each other too.
    iterations
        The error falls by ``amplitude`` in each.

    References
    ----------
    Love & Kruger (1987), Scatter estimation for a digital radiographic system using convolution filtering,
    doi:10.1118/1.596126.
    """
    if not (0 <= amplitude < 1 and math.isfinite(width) and width > 0):
        raise ParameterError(
            f"amplitude = {amplitude} must be in [0, 1) and width = {width} a length > 0 bins."
        )
    axes = (-2, -1) if planar else (-1,)
    primary = passed / (1 + amplitude)
    for _ in range(iterations):
        primary = passed - amplitude * _blurred(primary, width, axes)
    return primary


def _blurred(x: Tensor, width: float, axes: tuple[int, ...]) -> Tensor:
    """Return ``x`` convolved with a Gaussian along ``axes``; mirrored ends make it diagonal in cosines."""
    for axis in axes:
        n = x.shape[axis]
        frequency = torch.arange(n + 1, device=x.device, dtype=x.dtype) * (math.pi / n)
        # of the mirrored axis of 2n: the transform of a sampled Gaussian
        gain = torch.exp(-0.5 * (width * frequency) ** 2)
        shape = [1] * x.ndim
        shape[axis] = n + 1
        wide = torch.fft.rfft(torch.cat([x, x.flip(axis)], axis), dim=axis) * gain.reshape(shape)
        x = torch.fft.irfft(wide, n=2 * n, dim=axis).narrow(axis, 0, n)
    return x


@attrs.frozen
class Scatter:
    """Subtract scatter from nepers; one slice knows only its own row, so the kernel runs along the bins.

    The flat field is taken to hold the scatter of an open field too, so that air is 0 nepers throughout.
    Where air is not 0 nepers, subtract that of air first.

    Parameters
    ----------
    amplitude, width
        As in :func:`remove_scatter`.
    floor
        Least primary transmission that is believed.
    """

    amplitude: float = 0.1
    width: float = 30.0
    floor: float = 1e-4

    def __call__(self, y: Tensor, physics: Any) -> tuple[Tensor, Any]:
        """Return nepers of the primary radiation alone, and ``physics`` as it is."""
        primary = remove_scatter(torch.exp(-y), self.amplitude, self.width)
        # an open field holds scatter too; the flat field did as well, so air stays at zero nepers
        return -torch.log((primary * (1 + self.amplitude)).clamp(min=self.floor)), physics
