"""Applying operators that are diagonal in Fourier space: the few lines every closed form shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from wellposed.linalg.blocks import BLOCK, blockwise
from wellposed.structure import FourierDiagonal


def fourier(x: Tensor, e: FourierDiagonal, sizes: Sequence[int] | None = None) -> Tensor:
    """Return the DFT of ``x`` over ``e.dims``: the half spectrum when ``e.half``.

    With ``sizes``, ``x`` is first extended to them by zeros at the end of each axis.
    """
    if not _axis_by_axis(x, e):
        transform: Callable[..., Tensor] = torch.fft.rfftn if e.half else torch.fft.fftn
        return transform(x, s=sizes, dim=e.dims)
    lengths = sizes or [x.shape[d] for d in e.dims]
    x = (torch.fft.rfft if e.half else torch.fft.fft)(x, lengths[-1], e.dims[-1])
    for n, d in zip(lengths[:-1], e.dims[:-1], strict=True):
        x = torch.fft.fft(x, n, d)
    return x


def inverse_fourier(
    s: Tensor, e: FourierDiagonal, like: Tensor, sizes: Sequence[int] | None = None
) -> Tensor:
    """Return the inverse DFT, with the sizes (unless given) and the kind, real or complex, of ``like``."""
    lengths = sizes or [like.shape[d] for d in e.dims]
    if _axis_by_axis(s, e):
        for d in e.dims[:-1]:
            s = torch.fft.ifft(s, dim=d)
        last = e.dims[-1]
        s = torch.fft.irfft(s, lengths[-1], last) if e.half else torch.fft.ifft(s, dim=last)
    else:
        s = torch.fft.irfftn(s, s=lengths, dim=e.dims) if e.half else torch.fft.ifftn(s, dim=e.dims)
    return s if e.half or like.is_complex() else s.real


def _axis_by_axis(x: Tensor, e: FourierDiagonal) -> bool:
    """Whether to transform one axis after the other: where the threads cannot take equally many planes.

    MKL then splits planes between threads, and their barriers cost 8 ms on a busy machine where one axis
    after the other takes 0.2 ms (one plane of 256 × 256, two threads); on an idle one there is little in it.
    """
    if torch.compiler.is_compiling() or not x.is_cpu:
        return False
    threads = torch.get_num_threads()
    if threads == 1:
        return False
    plane = x.shape[e.dims[0] :].numel()
    return plane > 0 and x.numel() // plane % threads != 0


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
    if data[0].numel() * data[0].element_size() <= BLOCK:
        return apply(*data, *weights)  # asking how to cut it would take as long as a small transform
    n = len(e.dims)
    if sorted(e.dims) != list(range(-n, 0)) or any(
        d.ndim <= n or d.shape[:-n] != data[0].shape[:-n] for d in data
    ):
        return apply(*data, *weights)
    # A lazy conjugate would be resolved again for every block.
    return blockwise(apply, data, tuple(w.resolve_conj() for w in weights), n)
