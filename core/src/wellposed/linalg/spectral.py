"""Applying operators that are diagonal in Fourier space: the few lines every closed form shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from wellposed.linalg.blocks import blockwise
from wellposed.structure import FourierDiagonal


def fourier(x: Tensor, e: FourierDiagonal, sizes: Sequence[int] | None = None) -> Tensor:
    """Return the DFT of ``x`` over ``e.dims``: the half spectrum when ``e.half``.

    With ``sizes``, ``x`` is first extended to them by zeros at the end of each axis.
    """
    transform: Callable[..., Tensor] = torch.fft.rfftn if e.half else torch.fft.fftn
    return transform(x, s=sizes, dim=e.dims)


def inverse_fourier(
    s: Tensor, e: FourierDiagonal, like: Tensor, sizes: Sequence[int] | None = None
) -> Tensor:
    """Return the inverse DFT, with the sizes (unless given) and the kind, real or complex, of ``like``."""
    if e.half:
        real: Tensor = torch.fft.irfftn(s, s=sizes or [like.shape[d] for d in e.dims], dim=e.dims)
        return real
    x: Tensor = torch.fft.ifftn(s, dim=e.dims)
    return x if like.is_complex() else x.real


def apply_spectrum(e: FourierDiagonal, x: Tensor) -> Tensor:
    """Return F⁻¹ diag(spectrum) F x."""

    def apply(x: Tensor, spectrum: Tensor) -> Tensor:
        return inverse_fourier(fourier(x, e) * spectrum, e, x)

    return filtered(apply, e, (x,), (e.spectrum,))


def filtered(
    apply: Callable[..., Tensor], e: FourierDiagonal, data: tuple[Tensor, ...], weights: tuple[Tensor, ...]
) -> Tensor:
    """Return ``apply(*data, *weights)``, a few planes at a time where ``e.dims`` are the last axes.

    The weights broadcast against the transform of the data.
    """
    if not data[0].shape[0]:
        # Some FFT libraries refuse an empty batch.
        return apply(*(d.new_zeros(1, *d.shape[1:]) for d in data), *weights)[:0]
    n = len(e.dims)
    if sorted(e.dims) != list(range(-n, 0)) or any(
        d.ndim <= n or d.shape[:-n] != data[0].shape[:-n] for d in data
    ):
        return apply(*data, *weights)
    # A lazy conjugate would be resolved again for every block.
    return blockwise(apply, data, tuple(w.resolve_conj() for w in weights), n)
