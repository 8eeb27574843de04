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
from wellposed_mri.nufft.plans import FINEST_SMALL, LARGE_GRID, SMALL_GRID

PRECISE = 1e-12
"""Accuracy of the point-spread function, made once and in double precision."""


PAIRS_LIMIT = 2**29
"""Bytes that the kernels of all pairs of images may take: 8 segments of 512² pixels, for instance."""


def spectrum(trajectory: Tensor, shape: tuple[int, ...], index: int | None = None) -> Tensor:
    """Return the real spectrum on the doubled grid, ``(2n, …)`` float64, in FFT order.

    Of all points together, or of those of one trajectory, ``trajectory[index]``.
    """
    chosen = trajectory if index is None else trajectory[index]
    points = _radians(chosen, shape)
    ones = torch.ones(1, points.shape[0], dtype=torch.complex128)
    return _spectra(ones, points, shape, PRECISE)[0].real.contiguous().to(trajectory.device)


def pairs(weights: Tensor, trajectory: Tensor, shape: tuple[int, ...], accuracy: float) -> Tensor:
    """Return the spectra ``(L, L, 2n, …)`` of ``Σ_m conj(w_k[m])·w_l[m]·exp(iθ_m·δ)``, weights ``(L, M)``.

    Real where the weights are, in their precision.
    """
    count, points, w = len(weights), _radians(trajectory, shape), weights.detach().cpu().to(torch.complex128)
    found = weights.new_empty((count, count, *(2 * n for n in shape)))
    for k in range(count):
        spectra = _spectra(w[k].conj() * w[k:], points, shape, max(PRECISE, accuracy / 10))
        spectra = spectra if weights.is_complex() else spectra.real
        found[k, k:] = spectra
        found[k + 1 :, k] = spectra[1:].conj()
    return found


def _radians(trajectory: Tensor, shape: tuple[int, ...]) -> Tensor:
    sizes = torch.tensor(shape, dtype=torch.float64)
    return trajectory.detach().cpu().double().reshape(-1, len(shape)) / sizes * (2 * math.pi)


def _spectra(weights: Tensor, points: Tensor, shape: tuple[int, ...], accuracy: float) -> Tensor:
    """Return the spectra of point-spread functions weighted by ``(T, M)``, ``(T, 2n, …)``."""
    psf = Plans(tuple(2 * n for n in shape), accuracy).to_image(weights.contiguous(), points) / math.prod(
        shape
    )
    for axis, n in enumerate(shape, 1):
        psf.select(axis, 0).zero_()  # the difference −n never occurs, and would spoil the symmetry
        psf = psf.roll(-n, axis)
    transformed: Tensor = torch.fft.fftn(psf, dim=tuple(range(1, psf.ndim)))
    return transformed


def pays_off(shape: tuple[int, ...], trajectory: Tensor, accuracy: float, images: int = 1) -> bool:
    """Whether two FFTs of the doubled grid cost less than two non-uniform transforms.

    Counted in operations: 5·N log₂N for an FFT. The rest is measured, in single precision on one thread from
    64² to 320² and from 32³ to 48³: an FFT inside of a non-uniform transform costs a quarter more, a point as
    much as 500 operations and 4 for each of the w^d values of its kernel; to multiply one of several
    ``images`` by the kernel of a pair costs 0.08 of its two FFTs.
    """
    if min(shape) < 16:
        return False
    d, samples = len(shape), trajectory.shape[:-1].numel()
    pixels = math.prod(shape)
    # Padding one axis at a time saves a share of the 2^d-fold grid: 3/4 of it is left in 2-D, 7/12 in 3-D.
    doubled = 2**d * pixels * {2: 0.75, 3: 7 / 12}[d]
    grid = (SMALL_GRID if accuracy >= FINEST_SMALL[torch.complex64] else LARGE_GRID) ** d * pixels
    width = max(2, math.ceil(math.log10(10 / accuracy) * 1.4))
    fft = 5 * doubled * math.log2(2**d * pixels)
    nufft = 1.25 * 5 * grid * math.log2(grid) + samples * (500 + 4 * width**d)
    if images > 1:
        fft *= 1 + 0.08 * images
        if images**2 * 2**d * pixels * 8 > PAIRS_LIMIT:
            return False
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
    sizes = x.shape[-spectrum.ndim :]
    return _cropped(_padded(x, len(sizes)) * spectrum, sizes)


def convolve_pairs(x: Tensor, spectra: Tensor) -> Tensor:
    """Return ``Σ_l`` of images ``(…, L, *n)`` convolved with the pairs ``(L, L, 2n, …)``."""
    sizes = x.shape[2 - spectra.ndim :]
    return _cropped(_mixed(_padded(x, len(sizes)), spectra), sizes)


def _mixed(k: Tensor, spectra: Tensor) -> Tensor:
    from wellposed.linalg.blocks import unobserved

    axis = 1 - spectra.ndim
    if not unobserved(k, spectra):
        return torch.stack([(row * k).sum(axis) for row in spectra], axis)
    out = torch.empty_like(k)
    columns = k.unbind(axis)
    for row, into in zip(spectra, out.unbind(axis), strict=True):
        torch.mul(row[0], columns[0], out=into)
        for kernel, column in zip(row[1:], columns[1:], strict=True):
            into.addcmul_(kernel, column)  # in place: a tenth of the time of a sum of products
    return out


def _padded(x: Tensor, d: int) -> Tensor:
    """Return the FFTs on the doubled grid."""
    # The contiguous axis comes last and goes first, so that the strided transforms are the short ones.
    for axis in range(-d, 0):
        x = torch.fft.fft(x, n=2 * x.shape[axis], dim=axis)
    return x


def _cropped(x: Tensor, sizes: torch.Size) -> Tensor:
    """Return the inverse FFTs within the image."""
    for axis in range(-1, -len(sizes) - 1, -1):
        x = torch.fft.ifft(x, dim=axis).narrow(axis, 0, sizes[axis])
    return x
