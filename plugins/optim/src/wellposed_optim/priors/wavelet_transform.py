"""Orthonormal wavelet transforms of images of any size, by periodised filter banks.

Periodisation keeps an even-length axis orthonormal for every filter length. An axis of odd length passes
its last entry on to the approximation untouched, which is orthonormal too, so nothing is ever padded.

The way back is a banded matrix that is applied a block at a time, a small dense matrix on overlapping
windows: libraries multiply matrices several times as fast as they scatter. Complex images are two real ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import pywt
import torch
from torch import Tensor
from torch.nn import functional as F

from wellposed.errors import ParameterError

BLOCK = 16
"""Coefficients of either kind per block: many, for windows overlap by half a filter's length."""

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
    """Return the approximation and the detail of one axis (-1 or -2), of a real tensor."""
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
    half, length = high.shape[axis], filters.shape[1]
    if half == 0 or high.numel() == 0:
        return torch.cat([low, high], axis)
    margin = length // 4
    sources = torch.arange(BLOCK + 2 * margin, device=low.device) - margin
    places = torch.arange(2 * BLOCK, device=low.device)[:, None] - 2 * sources + length // 2 - 1
    parts = [
        _times(_at(f, places), _windows(band, half, axis, -margin, BLOCK, len(sources)), axis)
        for f, band in zip(filters, (low, high), strict=True)
    ]
    out = _joined(parts[0] + parts[1], axis, 2 * half)
    return torch.cat([out, low.narrow(axis, half, 1)], axis) if low.shape[axis] > half else out


def _kernel(filters: Tensor, axis: int) -> Tensor:
    return filters[:, None, None, :] if axis == -1 else filters[:, None, :, None]


def _at(row: Tensor, places: Tensor) -> Tensor:
    """Return the entries of a filter at ``places``, zero beyond its ends."""
    inside = torch.where((places >= 0) & (places < len(row)), places, len(row))
    return F.pad(row, (0, 1))[inside]


def _windows(x: Tensor, period: int, axis: int, start: int, step: int, width: int) -> Tensor:
    """Return windows of the first ``period`` entries of an axis, cyclically: the axis becomes two."""
    blocks = -(-period // step)
    first = start + step * torch.arange(blocks, device=x.device)
    index = (first[:, None] + torch.arange(width, device=x.device)) % period
    taken = x.index_select(axis, index.flatten())
    end = taken.ndim + axis
    return taken.reshape(*taken.shape[:end], blocks, width, *taken.shape[end + 1 :])


def _times(matrix: Tensor, windows: Tensor, axis: int) -> Tensor:
    return matrix @ windows if axis == -2 else windows @ matrix.mT


def _joined(blocks: Tensor, axis: int, size: int) -> Tensor:
    """Return blocks one after the other, as one axis of ``size``."""
    flat = blocks.flatten(-3, -2) if axis == -2 else blocks.flatten(-2)
    return flat.narrow(axis, 0, size)


def analyse(x: Tensor, filters: Tensor, levels: int) -> tuple[Tensor, list[Bands]]:
    """Return the coarsest approximation and each level's details, finest first; norms are kept."""
    if x.is_complex():
        rest, parts = analyse(_planes(x), _real(filters), levels)
        return _complex(rest), [[_complex(band) for band in level] for level in parts]
    details: list[Bands] = []
    for _ in range(levels):
        low, high = split(x, -1, filters)
        x, vertical = split(low, -2, filters)
        horizontal, diagonal = split(high, -2, filters)
        details.append([horizontal, vertical, diagonal])
    return x, details


def synthesise(approximation: Tensor, details: Sequence[Bands], filters: Tensor) -> Tensor:
    """Return the image whose :func:`analyse` these are."""
    if approximation.is_complex():
        parts = [[_planes(band) for band in level] for level in details]
        return _complex(synthesise(_planes(approximation), parts, _real(filters)))
    x = approximation
    for horizontal, vertical, diagonal in reversed(details):
        low = merge(x, vertical, -2, filters)
        high = merge(horizontal, diagonal, -2, filters)
        x = merge(low, high, -1, filters)
    return x


def _planes(x: Tensor) -> Tensor:
    """Return real and imaginary part along a new first axis: real filters treat them alike."""
    return torch.stack([x.real, x.imag])


def _complex(planes: Tensor) -> Tensor:
    return torch.complex(planes[0], planes[1])


def _real(filters: Tensor) -> Tensor:
    return filters.real if filters.is_complex() else filters
