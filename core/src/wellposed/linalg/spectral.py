"""Applying operators that are diagonal in Fourier space: the few lines every closed form shares."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from wellposed.structure import FourierDiagonal


def fourier(x: Tensor, e: FourierDiagonal) -> Tensor:
    """Return the DFT of ``x`` over ``e.dims``: the half spectrum when ``e.half``."""
    transform: Callable[..., Tensor] = torch.fft.rfftn if e.half else torch.fft.fftn
    return transform(x, dim=e.dims)


def inverse_fourier(s: Tensor, e: FourierDiagonal, like: Tensor) -> Tensor:
    """Return the inverse DFT, with the sizes and the kind (real or complex) of ``like``."""
    if e.half:
        real: Tensor = torch.fft.irfftn(s, s=[like.shape[d] for d in e.dims], dim=e.dims)
        return real
    x: Tensor = torch.fft.ifftn(s, dim=e.dims)
    return x if like.is_complex() else x.real


def apply_spectrum(e: FourierDiagonal, x: Tensor) -> Tensor:
    """Return F⁻¹ diag(spectrum) F x."""
    return inverse_fourier(fourier(x, e) * e.spectrum, e, x)
