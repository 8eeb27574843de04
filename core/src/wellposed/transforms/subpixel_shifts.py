"""Translations by fractions of a pixel: multiplication by a phase in Fourier space."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.random import per_sample
from wellposed.transforms.base import GroupTransform, match_batch


@attrs.frozen(eq=False)
class SubpixelShift:
    """Pixels to move down and right: floats ``(n, 2)``."""

    pixels: Tensor


def _positive(instance: object, attribute: object, value: float) -> None:
    if not 0 < value < float("inf"):
        raise ParameterError(f"SubpixelShifts: max_shift={value} must be finite and > 0; give it in pixels")


@attrs.frozen
class SubpixelShifts(GroupTransform[SubpixelShift]):
    """Cyclic shifts by any fraction of a pixel, by Fourier interpolation.

    The group laws are exact, and the action is an isometry, for every image. It *is* the shift of the
    trigonometric interpolant where one exists without doubt: for images of odd size, and for images of
    even size without energy at the Nyquist frequency. That frequency has no real shift by half a pixel
    (+1, −1, +1 … would have to become zero), so it is left alone: damping it by cos πd, as is
    common, would break the group laws.

    Parameters
    ----------
    max_shift
        Largest shift that is drawn, in pixels along either axis.
    """

    max_shift: float = attrs.field(default=1.0, validator=_positive)

    def sample(self, generator: torch.Generator | None = None, n: int = 1) -> SubpixelShift:
        """Draw uniformly from ±max_shift."""
        draws = per_sample(lambda g: torch.rand(2, generator=g, dtype=torch.float64), n, generator)
        return SubpixelShift(self.max_shift * (2 * draws - 1))

    def act(self, x: Tensor, g: SubpixelShift) -> Tensor:
        """Return the shifted images; differentiable in the shift too."""
        pixels = match_batch(g.pixels, x, "SubpixelShifts")
        for axis in (-2, -1):
            x = _shift(x, pixels[:, axis], axis)
        return x

    def inverse(self, g: SubpixelShift) -> SubpixelShift:
        """Return the shift back."""
        return SubpixelShift(-g.pixels)

    def compose(self, g: SubpixelShift, h: SubpixelShift) -> SubpixelShift:
        """Return the sum of the shifts."""
        return SubpixelShift(g.pixels + h.pixels)

    def identity(self) -> SubpixelShift:
        """Return the shift by nothing."""
        return SubpixelShift(torch.zeros(1, 2, dtype=torch.float64))


def _shift(x: Tensor, pixels: Tensor, axis: int) -> Tensor:
    size, real = x.shape[axis], x.dtype.to_real()
    frequencies = torch.fft.fftfreq(size, device=x.device, dtype=real)
    nyquist = torch.arange(size, device=x.device) * 2 == size
    angle = -2 * torch.pi * pixels.to(real)[:, None] * torch.where(nyquist, 0.0, frequencies)
    along = [1] * x.ndim
    along[0], along[axis] = angle.shape
    phase = torch.polar(torch.ones_like(angle), angle).reshape(along)
    if x.is_complex():
        shifted: Tensor = torch.fft.ifft(torch.fft.fft(x, dim=axis) * phase, dim=axis)
    else:
        half = phase.narrow(axis, 0, size // 2 + 1)
        shifted = torch.fft.irfft(torch.fft.rfft(x, dim=axis) * half, n=size, dim=axis)
    return shifted
