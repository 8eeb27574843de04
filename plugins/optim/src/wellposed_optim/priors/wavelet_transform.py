"""Orthonormal wavelet transforms of images of any size, by periodised filter banks.

Periodisation keeps an even-length axis orthonormal for every filter length. An axis of odd length passes
its last entry on to the approximation untouched, which is orthonormal too, so nothing is ever padded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import pywt
import torch
from torch import Tensor
from torch.nn import functional as F

from wellposed.errors import ParameterError

Bands: TypeAlias = list[Tensor]
"""One level's details: high-pass along the last axis, along the one before, and along both."""


def filter_pair(wavelet: str) -> Tensor:
    """Return the orthonormal low- and high-pass filters as rows, ``(2, L)`` float64."""
    try:
        w = pywt.Wavelet(wavelet)
    except ValueError as error:
        raise ParameterError(f"{error}; pywt.wavelist(kind='discrete') names them.") from error
    if not w.orthogonal:
        raise ParameterError(f"{wavelet!r} is not orthogonal; choose a haar, db, sym or coif wavelet.")
    return torch.tensor([w.dec_lo[::-1], w.dec_hi[::-1]], dtype=torch.float64)


def split(x: Tensor, axis: int, filters: Tensor) -> tuple[Tensor, Tensor]:
    """Return the approximation and the detail of one axis (-1 or -2)."""
    n = x.shape[axis]
    even = n - n % 2
    if even == 0 or x.numel() == 0:
        return x.narrow(axis, 0, n - n // 2), x.narrow(axis, 0, n // 2)
    length = filters.shape[1]
    index = torch.arange(1 - length // 2, even + length // 2 - 1, device=x.device) % even
    taps = x.narrow(axis, 0, even).index_select(axis, index)
    flat = taps.reshape(-1, 1, *taps.shape[-2:])
    out = F.conv2d(flat, _kernel(filters, axis), stride=(1, 2) if axis == -1 else (2, 1))
    out = out.reshape(*x.shape[:-2], 2, *out.shape[-2:])
    low, high = out.select(-3, 0), out.select(-3, 1)
    return (torch.cat([low, x.narrow(axis, even, 1)], axis) if n % 2 else low), high


def merge(low: Tensor, high: Tensor, axis: int, filters: Tensor) -> Tensor:
    """Return the axis that :func:`split` took apart: its inverse and adjoint."""
    half = high.shape[axis]
    if half == 0 or high.numel() == 0:
        return torch.cat([low, high], axis)
    length, even = filters.shape[1], 2 * half
    pair = torch.stack([low.narrow(axis, 0, half), high], -3)
    flat = pair.reshape(-1, *pair.shape[-3:])
    wide = F.conv_transpose2d(flat, _kernel(filters, axis), stride=(1, 2) if axis == -1 else (2, 1))
    index = torch.arange(1 - length // 2, even + length // 2 - 1, device=low.device) % even
    shape = list(wide.shape)
    shape[axis] = even
    out = wide.new_zeros(shape).index_add(axis, index, wide)
    out = out.reshape(*low.shape[:-2], *out.shape[-2:])
    return torch.cat([out, low.narrow(axis, half, 1)], axis) if low.shape[axis] > half else out


def _kernel(filters: Tensor, axis: int) -> Tensor:
    return filters[:, None, None, :] if axis == -1 else filters[:, None, :, None]


def analyse(x: Tensor, filters: Tensor, levels: int) -> tuple[Tensor, list[Bands]]:
    """Return the coarsest approximation and each level's details, finest first; norms are kept."""
    details: list[Bands] = []
    for _ in range(levels):
        low, high = split(x, -1, filters)
        x, vertical = split(low, -2, filters)
        horizontal, diagonal = split(high, -2, filters)
        details.append([horizontal, vertical, diagonal])
    return x, details


def synthesise(approximation: Tensor, details: Sequence[Bands], filters: Tensor) -> Tensor:
    """Return the image whose :func:`analyse` these are."""
    x = approximation
    for horizontal, vertical, diagonal in reversed(details):
        low = merge(x, vertical, -2, filters)
        high = merge(horizontal, diagonal, -2, filters)
        x = merge(low, high, -1, filters)
    return x
