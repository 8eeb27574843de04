"""Ramp filters for filtered back-projection, discretised where they belong: in space.

Sampling |f| in frequency loses its mean and shifts every value (cupping). The band-limited ramp has the
impulse response h₀ = 1/4d², h_odd = −1/(πnd)², h_even = 0 (Kak & Slaney 1988, eq. 3.61); its transform on a
grid of at least twice the detector is what the sinogram is multiplied with.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from wellposed.errors import ParameterError

__all__ = ["WINDOWS", "Window", "filter_rows", "ramp_spectrum", "window_values"]

Window = Literal["ramp", "shepp-logan", "cosine", "hamming", "hann"]
WINDOWS: tuple[Window, ...] = ("ramp", "shepp-logan", "cosine", "hamming", "hann")


def window_values(window: Window, relative: Tensor) -> Tensor:
    """Return the window at frequencies relative to Nyquist, in [0, 1]; 0 above."""
    inside = relative <= 1
    f = relative.clamp(max=1)
    match window:
        case "ramp":
            values = torch.ones_like(f)
        case "shepp-logan":
            values = torch.sinc(f / 2)
        case "cosine":
            values = torch.cos(math.pi * f / 2)
        case "hamming":
            values = 0.54 + 0.46 * torch.cos(math.pi * f)
        case "hann":
            values = 0.5 + 0.5 * torch.cos(math.pi * f)
        case _:
            raise ParameterError(f"window = {window!r} must be one of {', '.join(WINDOWS)}.")
    return torch.where(inside, values, torch.zeros_like(values))


def ramp_spectrum(
    length: int, spacing_mm: float, window: Window = "ramp", cutoff: float = 1.0, arc: float = 0.0
) -> Tensor:
    """Return the filter for ``rfft`` of ``length`` samples, 1/mm, float64 ``(length // 2 + 1,)``.

    ``cutoff`` is where the window ends, relative to Nyquist, in (0, 1]. With ``arc``, radians, samples are
    equally spaced in angle: the response is that of the ramp times (γ/sin γ)² (Kak & Slaney 1988, eq. 3.106).
    """
    n = torch.arange(length)
    n = torch.minimum(n, length - n)  # the response is even, and its index wraps
    response = torch.where(n % 2 == 1, -1 / (math.pi * n.to(torch.float64).clamp(min=1)) ** 2, 0.0)
    response[0] = 0.25
    gamma = (n * arc).to(torch.float64).clamp(max=math.pi / 2)  # farther apart are no two rays of a fan
    response = response / torch.sinc(gamma / math.pi) ** 2
    ramp = torch.fft.rfft(response).real / spacing_mm
    relative = torch.arange(len(ramp), dtype=torch.float64) / (length / 2) / cutoff
    spectrum: Tensor = ramp * window_values(window, relative)
    return spectrum


def filter_rows(
    y: Tensor, spacing_mm: float, window: Window = "ramp", cutoff: float = 1.0, arc: float = 0.0
) -> Tensor:
    """Return every detector row of ``(…, D)`` convolved with the ramp; rows are padded, nothing wraps."""
    if not y.numel():  # transforms refuse an empty batch
        return y
    bins = y.shape[-1]
    length = next_fast_len(2 * bins, real=True)
    spectrum = ramp_spectrum(length, spacing_mm, window, cutoff, arc).to(y)
    result: Tensor = torch.fft.irfft(torch.fft.rfft(y, length) * spectrum, length)[..., :bins]
    return result
