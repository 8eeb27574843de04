"""What acceleration costs in noise, exactly: the diagonal of (A*A)⁻¹ (Pruessmann et al. 1999, eq. 23).

A regular pattern folds the image: each pixel mixes with R − 1 others, and SENSE solves an R × R system. Any
other pattern of whole lines mixes the pixels of a line, and there is a system for each line.
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

WORK, LINES, RIDGE = 2e11, 16, 1e-10
"""The most operations for systems of lines, how many are solved at a time, and what is added to ‖A‖²."""


def g_factor(physics: Any) -> Tensor:
    """Return how much noisier SENSE is than √R would explain, ``(B, 1, *image)``, ≥ 1; 0 where the maps are.

    For white noise (:func:`~wellposed_mri.whiten` first) and least squares without regularisation the
    standard deviation of a pixel is σ·g·√R/√(Σ|maps|²).

    Parameters
    ----------
    physics
        ``mri.multicoil`` with one map set and a regular pattern: every n-th row, column, or both, shifted; or
        with any pattern of whole lines, a calibration region included, where R is lines over acquired lines.

    Raises
    ------
    ParameterError
        For any other pattern, and for line patterns of large volumes: their noise is estimated by
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
        return _g_of_lines(coils, mask)
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


def _g_of_lines(coils: Tensor, mask: Tensor) -> Tensor:
    """Return g of one sample whose mask changes along one axis: from the inverse for each line along it."""
    changing = [axis for axis in range(mask.ndim) if bool((mask != mask.narrow(axis, 0, 1)).any())]
    axis = changing[0] if changing else 0
    length = mask.shape[axis]
    lines = coils.movedim(axis + 1, -1).flatten(1, -2).movedim(1, 0).to(torch.complex128)
    if len(changing) != 1 or len(lines) * length**3 > WORK:
        raise ParameterError(
            f"the mask of {tuple(mask.shape)}, sampling one in {1 / float(mask.mean()):.3g}, is no regular "
            "pattern, nor whole lines of an image; estimate the noise by wellposed_mri.pseudo_replica."
        )
    pattern = mask.movedim(axis, -1).reshape(-1, length)[0]
    psf = torch.fft.ifft(torch.fft.ifftshift(pattern))
    steps = torch.arange(length)
    mixing = psf[(steps[:, None] - steps) % length]
    found = torch.cat([_g_of_systems(part, mixing) for part in torch.split(lines, LINES)])
    g = found / (length / pattern.sum()).sqrt()
    rest = [n for i, n in enumerate(mask.shape) if i != axis]
    return g.reshape(*rest, length).movedim(-1, axis).to(coils.real.dtype)


def _g_of_systems(lines: Tensor, mixing: Tensor) -> Tensor:
    """Return √([(A*A)⁻¹]ᵢᵢ Σ|maps|²) of lines ``(n, coils, length)``, zero where no coil sees anything."""
    power = lines.abs().square().sum(1)
    system = (lines.mH @ lines) * mixing
    # unseen pixels have nothing to solve for; the ridge keeps more folds than coils finite
    ridge = RIDGE * power.amax(1, keepdim=True).clamp(min=1e-300)
    system = system + torch.diag_embed(torch.where(power > 0, ridge, 1.0)).to(system)
    noise = torch.cholesky_inverse(torch.linalg.cholesky(system)).diagonal(dim1=-2, dim2=-1).real
    return (noise * power).clamp(min=0).sqrt()
