"""A*A of a non-uniform transform is a convolution: two FFTs of the doubled grid, however many samples.

The point-spread function at the differences of pixels, −(n−1) … n−1, is all that A*A knows of a trajectory.
Axes are padded one at a time, so that the first and last transforms work on half of the lines.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wellposed_mri.encoding.kernels import batch_of, blocks_of, rows_of
from wellposed_mri.nufft import Plans

PRECISE = 1e-12
"""Accuracy of the point-spread function, made once and in double precision."""


def spectrum(trajectory: Tensor, shape: tuple[int, ...], index: int | None = None) -> Tensor:
    """Return the real spectrum on the doubled grid, ``(2n, …)`` float64, in FFT order.

    Of all points together, or of those of one trajectory, ``trajectory[index]``.
    """
    doubled = tuple(2 * n for n in shape)
    sizes = torch.tensor(shape, dtype=torch.float64)
    chosen = trajectory if index is None else trajectory[index]
    points = chosen.detach().double().reshape(-1, len(shape)) / sizes * (2 * math.pi)
    ones = torch.ones(1, points.shape[0], dtype=torch.complex128)
    psf = Plans(doubled, PRECISE).to_image(ones, points)[0] / math.prod(shape)
    for axis, n in enumerate(shape):
        psf.select(axis, 0).zero_()  # the difference −n never occurs, and would spoil the symmetry
        psf = psf.roll(-n, axis)
    transformed: Tensor = torch.fft.fftn(psf)
    return transformed.real.contiguous()


def pays_off(shape: tuple[int, ...], trajectory: Tensor, accuracy: float) -> bool:
    """Whether two FFTs of the doubled grid cost less than two non-uniform transforms.

    Counted in operations: 5·N log₂N for an FFT, and per point a kernel of w^d values, each worth about as
    much as 4 operations of an FFT.
    """
    if min(shape) < 16:
        return False
    d, samples = len(shape), trajectory.shape[:-1].numel()
    pixels = math.prod(shape)
    # Padding one axis at a time saves a share of the 2^d-fold grid: 3/4 of it is left in 2-D, 7/12 in 3-D.
    doubled = 2**d * pixels * {2: 0.75, 3: 7 / 12}[d]
    grid = 1.25**d * pixels
    width = max(2, math.ceil(math.log10(10 / accuracy) * 1.4))
    fft = 5 * doubled * math.log2(2**d * pixels)
    nufft = 5 * grid * math.log2(grid) + 4 * samples * width**d
    return bool(fft < nufft)


def normal(x: Tensor, maps: Tensor, conjugate: Tensor, spectrum: Tensor) -> Tensor:
    """Return ``Σ_c conjugate_c · T(maps_c · x)``, ``(B, S, *n)``, T the convolution with ``spectrum``."""
    from wellposed.linalg.blocks import unobserved

    if not unobserved(x, maps, conjugate, spectrum) or x.numel() == 0:
        return _normal(x, maps, conjugate, spectrum)
    batch, coils = batch_of(x, maps), maps.shape[2]
    out = x.new_zeros((batch, x.shape[1], *x.shape[2:]))
    for b, c in blocks_of(batch, coils, x, growth=2):
        out[b] += _normal(rows_of(x, b), rows_of(maps, b)[:, :, c], rows_of(conjugate, b)[:, :, c], spectrum)
    return out


def _normal(x: Tensor, maps: Tensor, conjugate: Tensor, spectrum: Tensor) -> Tensor:
    if maps.shape[1] == 1:
        return (convolve(maps[:, 0] * x, spectrum) * conjugate[:, 0]).sum(1, keepdim=True)
    images = convolve((maps * x.unsqueeze(2)).sum(1), spectrum)
    return (images.unsqueeze(1) * conjugate).sum(2)


def convolve(x: Tensor, spectrum: Tensor) -> Tensor:
    """Return images ``(…, *n)`` convolved with the point-spread function of ``spectrum``, ``(2n, …)``."""
    d = spectrum.ndim
    sizes = x.shape[-d:]
    # The contiguous axis comes last and goes first, so that the strided transforms are the short ones.
    for axis in range(-d, 0):
        x = torch.fft.fft(x, n=2 * sizes[axis], dim=axis)
    x = x * spectrum
    for axis in range(-1, -d - 1, -1):
        x = torch.fft.ifft(x, dim=axis).narrow(axis, 0, sizes[axis])
    return x
