"""Receive arrays: making their noise white, and fewer channels of many."""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed.errors import ParameterError, SpaceError
from wellposed_mri.encoding.checks import require_finite
from wellposed_mri.maps.calibration import require_kspace


def noise_covariance(noise: Tensor) -> Tensor:
    """Return the covariance of the coils' noise, ``(coils, coils)``, from a noise scan ``(coils, samples…)``.

    Raises
    ------
    ParameterError
        If there are fewer samples than coils, or numbers that are NaN.
    """
    require_finite("noise", noise)
    if noise.ndim < 2:
        raise SpaceError(f"noise has shape {tuple(noise.shape)}, but (coils, samples…) is expected.")
    flat = noise.flatten(1)
    if not noise.is_complex() or flat.shape[1] < flat.shape[0]:
        raise ParameterError(
            f"a noise scan of shape {tuple(noise.shape)} ({noise.dtype}) cannot tell the covariance of "
            f"{flat.shape[0]} coils; complex (coils, samples) with more samples than coils are needed."
        )
    return flat @ flat.mH / flat.shape[1]


def whiten(kspace: Tensor, covariance: Tensor) -> Tensor:
    """Return k-space ``(B, coils, …)`` whose noise is white with unit variance: L⁻¹y for covariance LL*.

    Parameters
    ----------
    kspace
        ``(B, coils, …)``, complex.
    covariance
        ``(coils, coils)`` of the noise, positive definite.

    References
    ----------
    K. P. Pruessmann et al., Magn. Reson. Med. 46 (2001) 638–651, appendix, doi:10.1002/mrm.1241.
    """
    coils = kspace.shape[1]
    if covariance.shape != (coils, coils):
        raise SpaceError(f"the covariance has shape {tuple(covariance.shape)}, but there are {coils} coils.")
    factor, failed = torch.linalg.cholesky_ex(covariance.to(torch.complex128))
    if bool(failed.any()):
        raise ParameterError(
            "the noise covariance is not positive definite: a coil is dead or two are the same; "
            "leave it out, or take a longer noise scan."
        )
    inverse = torch.linalg.inv(factor).to(kspace.dtype)
    return torch.einsum("ij,bj...->bi...", inverse, kspace)


def compression(kspace: Tensor, channels: int) -> Tensor:
    """Return weights ``(channels, coils)`` that keep the most signal (Buehrer et al. 2007).

    The rows are orthonormal, so white noise stays white. Apply them to k-space or to coil images by
    :func:`compress`.

    Parameters
    ----------
    kspace
        ``(B, coils, …)``; all samples share the weights.
    channels
        Virtual coils that are kept.

    References
    ----------
    M. Buehrer et al., Magn. Reson. Med. 57 (2007) 1131–1139, doi:10.1002/mrm.21237.
    """
    require_kspace(kspace, kspace.ndim - 2)
    coils = kspace.shape[1]
    if not 1 <= channels <= coils:
        raise ParameterError(f"channels = {channels}, but between 1 and the {coils} coils can be kept.")
    flat = kspace.movedim(1, 0).flatten(1).to(torch.complex128)
    vectors = torch.linalg.eigh(flat @ flat.mH)[1]
    weights: Tensor = vectors.flip(-1)[:, :channels].mH
    return weights.to(kspace.dtype)


def compress(data: Tensor, weights: Tensor) -> Tensor:
    """Return the virtual coils ``(B, channels, …)`` of k-space, coil images or maps ``(B, coils, …)``."""
    if weights.ndim != 2 or weights.shape[1] != data.shape[1]:
        raise SpaceError(f"weights {tuple(weights.shape)} do not fit data of {data.shape[1]} coils.")
    return torch.einsum("ij,bj...->bi...", weights, data)
