"""The pack's one Fourier convention: centred and orthonormal, without ever moving data.

The zero frequency and the image's origin lie at index ``n // 2`` of every axis, and

    X[k] = n^(−1/2) · Σ_j x[j] · exp(−2πi (k − n//2)(j − n//2) / n).

Shifting data costs as much memory traffic as half of the transform. Written out, the shifts are factors on
either side of the plain FFT (signs ±1 on even axes), which operators fold into what they multiply by
anyway: coil maps on one side, the sampling mask on the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.spaces import require_tensor


def centred_fft(x: Tensor, dims: Sequence[int] = (-2, -1)) -> Tensor:
    """Return the centred orthonormal DFT of complex ``x`` over ``dims`` (negative axes)."""
    before, after = modulation(x, tuple(dims))
    transformed: Tensor = torch.fft.fftn(x * before, dim=tuple(dims), norm="ortho")
    return transformed * after


def centred_ifft(y: Tensor, dims: Sequence[int] = (-2, -1)) -> Tensor:
    """Return the inverse, which is the adjoint, of :func:`centred_fft`."""
    before, after = modulation(y, tuple(dims))
    transformed: Tensor = torch.fft.ifftn(y * after.conj(), dim=tuple(dims), norm="ortho")
    return transformed * before.conj()


def modulation(like: Tensor, dims: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return the factors before and after the plain FFT that centre it, in the precision of ``like``.

    They broadcast against tensors with the axes ``dims`` of ``like``, and are real where all are even.
    """
    require_tensor("the data", like)
    if not dims or any(not -like.ndim <= d < 0 for d in dims):
        raise ParameterError(f"dims={tuple(dims)} must be negative axes of a tensor of {like.ndim} axes.")
    return centring(tuple(int(like.shape[d]) for d in dims), dims, like)


def centring(sizes: tuple[int, ...], dims: tuple[int, ...], like: Tensor) -> tuple[Tensor, Tensor]:
    """Return :func:`modulation` for axes ``dims`` of ``sizes``, on the device of ``like``."""
    dtype = like.real.dtype if like.is_complex() else like.dtype
    if torch.compiler.is_compiling():  # which would warn that it looks through the cache
        return _factors(sizes, dims, dtype, like.device)
    return _modulation(sizes, dims, dtype, like.device)


@lru_cache(maxsize=32)
def _modulation(
    sizes: tuple[int, ...], dims: tuple[int, ...], dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    # Not in inference mode, whose tensors autograd refuses to save for a later backward pass.
    with torch.inference_mode(False):
        return _factors(sizes, dims, dtype, device)


def _factors(
    sizes: tuple[int, ...], dims: tuple[int, ...], dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    before, after = torch.ones((), dtype=torch.complex128), torch.ones((), dtype=torch.complex128)
    for n, d in zip(sizes, dims, strict=True):
        shape = (n,) + (1,) * (-d - 1)
        before = before * _phases(n, 0).reshape(shape)
        after = after * _phases(n, -(n // 2)).reshape(shape)
    if all(n % 2 == 0 for n in sizes):
        return before.real.to(device, dtype).contiguous(), after.real.to(device, dtype).contiguous()
    kind = torch.complex128 if dtype == torch.float64 else torch.complex64
    return before.to(device, kind), after.to(device, kind)


def _phases(n: int, shift: int) -> Tensor:
    """Return exp(2πi c (j + shift)/n) for c = n//2, exactly ±1 for even n."""
    turns = (n // 2) * (torch.arange(n) + shift) % n
    if n % 2 == 0:
        return (1 - 2 * (turns != 0).double()).to(torch.complex128)
    return torch.polar(torch.ones(n, dtype=torch.float64), 2 * torch.pi * turns.double() / n)
