"""What acceleration costs in noise, exactly, for regular patterns (Pruessmann et al. 1999, eq. 23).

A regular pattern folds the image: each pixel mixes with R − 1 others, and SENSE solves an R × R system. Its
inverse tells the noise of every pixel.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_mri.encoding import MultiCoilMRI
from wellposed_mri.encoding.checks import full_maps
from wellposed_mri.encoding.multicoil import leading_axes
from wellposed_mri.reconstruction.common import operator_of

MOST = 64
"""The largest acceleration for which the systems are solved."""


def g_factor(physics: Any) -> Tensor:
    """Return how much noisier SENSE is than √R would explain, ``(B, 1, *image)``, ≥ 1; 0 where the maps are.

    For white noise (:func:`~wellposed_mri.whiten` first) and least squares without regularisation the
    standard deviation of a pixel is σ·g·√R/√(Σ|maps|²).

    Parameters
    ----------
    physics
        ``mri.multicoil`` with one map set and a regular pattern: every n-th row, column, or both, shifted.

    Raises
    ------
    ParameterError
        For any other pattern, a calibration region included: its noise is estimated by
        :func:`~wellposed_mri.pseudo_replica`.

    References
    ----------
    K. P. Pruessmann et al., Magn. Reson. Med. 42 (1999) 952–962,
    doi:10.1002/(SICI)1522-2594(199911)42:5<952::AID-MRM16>3.0.CO;2-S.
    """
    operator = operator_of(physics)
    if not isinstance(operator, MultiCoilMRI):
        raise ParameterError(f"a g-factor is that of mri.multicoil, not of {type(operator).__name__}.")
    maps = full_maps(operator.maps.detach(), operator.dims)
    if maps.shape[1] != 1:
        raise ParameterError(f"a g-factor is that of one image, but the maps have {maps.shape[1]} sets.")
    coils, image = maps[:, 0], tuple(maps.shape[3:])
    masks = _masks(operator, image)
    return torch.stack(
        [_g(coils[min(b, len(coils) - 1)], masks[min(b, len(masks) - 1)])
         for b in range(max(len(coils), len(masks)))]
    )[:, None]  # fmt: skip


def _masks(operator: MultiCoilMRI, image: tuple[int, ...]) -> Tensor:
    if operator.mask is None:
        return torch.ones(1, *image, dtype=torch.float64)
    full = leading_axes(operator.mask.detach() != 0, len(image) + 2)
    if full.shape[1] > 1:
        raise ParameterError("the mask differs from coil to coil, which no g-factor describes.")
    return full[:, 0].expand(full.shape[0], *image).double()


def _g(coils: Tensor, mask: Tensor) -> Tensor:
    """Return g of one sample: from the inverse of the pixels that fold onto each other."""
    dims = tuple(range(-mask.ndim, 0))
    psf = torch.fft.ifftn(torch.fft.ifftshift(mask), dim=dims)
    places = (psf.abs() > 1e-9 * psf.abs().max()).nonzero()
    folds = len(places)
    if folds > MOST or abs(float(mask.mean()) * folds - 1) > 1e-6:
        raise ParameterError(
            f"the mask is no regular pattern (it folds {folds} pixels onto each other, sampling one in "
            f"{1 / float(mask.mean()):.3g}); estimate the noise by wellposed_mri.pseudo_replica."
        )
    sizes = torch.tensor(mask.shape)
    axes = tuple(range(1, mask.ndim + 1))
    shifted = [coils.roll(tuple((-p).tolist()), axes).to(torch.complex128) for p in places]
    system = coils.new_empty((*mask.shape, folds, folds), dtype=torch.complex128)
    for i, j in torch.cartesian_prod(torch.arange(folds), torch.arange(folds)).reshape(-1, 2).tolist():
        lag = psf[tuple(((places[i] - places[j]) % sizes).tolist())]
        system[..., i, j] = (shifted[i].conj() * shifted[j]).sum(0) * lag
    own = int((places == 0).all(1).nonzero()[0])
    noise = torch.linalg.pinv(system, hermitian=True, rtol=1e-10)[..., own, own].real
    power = shifted[own].abs().square().sum(0)
    found: Tensor = (noise * power / folds).clamp(min=0).sqrt().to(coils.real.dtype)
    return found
