"""Fewer channels, chosen anew at every position along the readout (geometric-decomposition coil compression).

Along a fully sampled axis the scan falls apart into independent slices, each of which needs fewer virtual
coils than the whole. Those of neighbouring slices are turned into each other, so that they stay smooth.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed.errors import ParameterError, SpaceError
from wellposed_mri.fourier import centred_fft, centred_ifft
from wellposed_mri.maps.calibration import require_kspace


def geometric_compression(kspace: Tensor, channels: int, axis: int = -2) -> Tensor:
    """Return weights ``(n, channels, coils)``, one matrix per position along ``axis`` (Zhang et al. 2013).

    Every matrix has orthonormal rows, so white noise stays white. Apply them by :func:`compress_along`.

    Parameters
    ----------
    kspace
        ``(B, coils, …)``, fully sampled along ``axis``; elsewhere the calibration region is enough. All
        samples share the weights.
    channels
        Virtual coils that are kept.
    axis
        The readout, a negative axis.

    Raises
    ------
    ParameterError
        For a number of channels that is not between 1 and that of the coils, or an axis that is none.

    References
    ----------
    T. Zhang et al., Magn. Reson. Med. 69 (2013) 571–582, doi:10.1002/mrm.24267.
    """
    require_kspace(kspace, kspace.ndim - 2)
    coils = kspace.shape[1]
    if not 1 <= channels <= coils:
        raise ParameterError(f"channels = {channels}, but between 1 and the {coils} coils can be kept.")
    if not 2 - kspace.ndim <= axis < 0:
        raise ParameterError(f"axis = {axis}, but the image axes are {2 - kspace.ndim} … -1.")
    slices = centred_ifft(kspace, (axis,)).movedim((axis, 1), (0, 1)).flatten(2).to(torch.complex128)
    vectors = torch.linalg.eigh(slices @ slices.mH)[1]
    weights = vectors.flip(-1)[..., :channels].mH
    return _aligned(weights).to(kspace.dtype)


def _aligned(weights: Tensor) -> Tensor:
    """Turn every matrix within its row space so that it is as close as possible to the one before."""
    turned = [weights[0]]
    for matrix in weights[1:]:
        u, _, v = torch.linalg.svd(turned[-1] @ matrix.mH)
        turned.append(u @ v @ matrix)
    return torch.stack(turned)


def compress_along(data: Tensor, weights: Tensor, axis: int = -2, fourier: bool = True) -> Tensor:
    """Return the virtual coils ``(B, channels, …)`` of data ``(B, coils, …)``.

    Parameters
    ----------
    data
        k-space, or coil images or maps with ``fourier=False``.
    weights
        ``(n, channels, coils)`` from :func:`geometric_compression`.
    axis
        The axis of ``data`` along which the weights change.
    fourier
        Whether ``axis`` of ``data`` is in k-space.
    """
    if weights.ndim != 3 or weights.shape[2] != data.shape[1] or weights.shape[0] != data.shape[axis]:
        raise SpaceError(
            f"weights {tuple(weights.shape)} do not fit data {tuple(data.shape)} along axis {axis}; "
            "(positions, channels, coils) are expected."
        )
    images = centred_ifft(data, (axis,)) if fourier else data
    mixed = torch.einsum("nij,jn...->in...", weights, images.movedim((1, axis), (0, 1)))
    out = mixed.movedim((0, 1), (1, axis))
    return centred_fft(out, (axis,)) if fourier else out
