"""SAKE: k-space without any calibration region, completed by the low rank of its own neighbourhoods.

The patches of k-space, all coils together, lie in a space of few dimensions, because coils are smooth and
objects are bounded. With cyclic patches every step is cheap: their Gram matrix is the correlation of coil
images at a few lags, and projecting all patches onto their main directions, then averaging what they say of
each sample, is a small matrix for every pixel.
"""

from __future__ import annotations

import math
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.needs import needs
from wellposed_mri.fourier import centred_fft, centred_ifft
from wellposed_mri.reconstruction.acquired import acquired, combined
from wellposed_mri.reconstruction.asked import GRID
from wellposed_mri.reconstruction.common import PhaseEquivariant
from wellposed_mri.reconstruction.patches import apply_pixelwise, pixel_matrices, waves


@needs(GRID)
@attrs.frozen
class SAKE(PhaseEquivariant):
    """Complete k-space so that its patches span few dimensions (Shin et al. 2014), and combine coils.

    Cadzow's iteration: project the patches onto their ``rank`` main directions, average, put the data back.
    It is the LORAKS of support and coils (Haldar & Zhuo 2016) with an exact rank.

    Parameters
    ----------
    kernel
        Width of the patches along every image axis.
    rank
        Dimensions kept, in units of the patch's size ``kernel^dims``; at most the number of coils. ``None``
        takes 1.5, or half the number of coils where there are fewer than three.
    max_iterations, tolerance
        When to stop: iterations, and relative change of k-space.

    Notes
    -----
    Acquired samples are kept. Needs no calibration region, but irregular sampling. Carries no gradient.

    References
    ----------
    P. J. Shin et al., Magn. Reson. Med. 72 (2014) 959–970, doi:10.1002/mrm.24997; J. P. Haldar and J. Zhuo,
    Magn. Reson. Med. 75 (2016) 1499–1514, doi:10.1002/mrm.25717; cyclic patches: G. Ongie and M. Jacob, IEEE
    Trans. Comput. Imaging 3 (2017) 535–550, doi:10.1109/TCI.2017.2721819.
    """

    kernel: int = 6
    rank: float | None = None
    max_iterations: int = 100
    tolerance: float = 1e-3

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if self.kernel < 2 or self.max_iterations < 1 or self.tolerance < 0:
            raise ParameterError(
                f"kernel = {self.kernel} must be ≥ 2, max_iterations = {self.max_iterations} ≥ 1 and "
                f"tolerance = {self.tolerance} ≥ 0."
            )
        if self.rank is not None and not self.rank > 0:
            raise ParameterError(f"rank = {self.rank}, but it must be > 0.")

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the image ``(B, 1, *image)``."""
        return combined(self.complete(*acquired(y, physics)), physics)

    def complete(self, kspace: Tensor, sampled: Tensor) -> Tensor:
        """Return k-space ``(B, coils, …)`` with its missing samples filled; acquired ones do not change."""
        with torch.no_grad():
            found = [self._one(k, s) for k, s in zip(kspace, sampled, strict=True)]
        return torch.stack(found)

    def _one(self, kspace: Tensor, sampled: Tensor) -> Tensor:
        dims = tuple(range(1 - kspace.ndim, 0))
        taps = tuple(min(self.kernel, n // 2 + 1) for n in kspace.shape[1:])
        kept = self._kept(kspace.shape[0], math.prod(taps))
        filled = kspace
        for _ in range(self.max_iterations):
            images = centred_ifft(filled, dims)
            matrices = projection(images, taps, kept)
            cleaned = centred_fft(apply_pixelwise(matrices[None], images[None])[0], dims)
            old, filled = filled, torch.where(sampled, kspace, cleaned)
            if float((filled - old).norm()) <= self.tolerance * float(filled.norm()):
                break
        return filled

    def _kept(self, coils: int, size: int) -> int:
        share = min(1.5, coils / 2) if self.rank is None else self.rank
        kept = round(share * size)
        if not 1 <= kept < coils * size:
            raise ParameterError(
                f"rank = {share} keeps {kept} of the {coils * size} dimensions of patches ({coils} coils × "
                f"{size} samples), which says nothing; choose it between 0 and {coils}."
            )
        return kept


def projection(images: Tensor, taps: tuple[int, ...], kept: int) -> Tensor:
    """Return the pixels' matrices ``(coils, coils, *image)`` of projecting patches and averaging.

    Patches are cyclic, of ``taps`` samples of the k-space of ``images`` ``(coils, *image)``, projected
    onto their ``kept`` main directions.
    """
    coils, size = images.shape[0], math.prod(taps)
    lags, index = _lags(images, taps), lag_index(taps, images.device)
    count = math.prod(2 * k - 1 for k in taps)
    gram = lags.reshape(coils, coils, count)[:, :, index].movedim(2, 1).reshape(coils * size, coils * size)
    main = torch.linalg.eigh(gram)[1][:, -kept:]
    onto = (main @ main.mH).reshape(coils, size, coils, size).movedim(1, 2).flatten(2)
    # A patch's entry i is told by its entry j, j − i samples further on.
    kernels = onto.new_zeros(coils, coils, count).index_add(2, index.mT.flatten(), onto) / size
    odd = tuple(2 * k - 1 for k in taps)
    return pixel_matrices(kernels.reshape(coils, coils, *odd).to(images.dtype), tuple(images.shape[1:]))


def _lags(images: Tensor, taps: tuple[int, ...]) -> Tensor:
    """Return Σ_k X_a[k + d]·conj(X_b[k]) for lags d, ``(coils, coils, 2·taps − 1, …)`` complex128."""
    out = images[:, None] * images.conj()
    for n, k in zip(images.shape[1:], taps, strict=True):
        out = torch.tensordot(out, waves(n, 2 * k - 1, out).mT, dims=([2], [0]))
    return out.to(torch.complex128)


def lag_index(taps: tuple[int, ...], device: torch.device) -> Tensor:
    """Return the flat number of the lag i − j for all pairs of a patch's samples, ``(size, size)``."""
    places = torch.cartesian_prod(*[torch.arange(k, device=device) for k in taps]).reshape(-1, len(taps))
    lag = places[:, None] - places + torch.tensor(taps, device=device) - 1
    index = torch.zeros(lag.shape[:2], dtype=torch.long, device=device)
    for axis, k in enumerate(taps):
        index = index * (2 * k - 1) + lag[..., axis]
    return index
