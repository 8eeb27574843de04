"""Rings by wavelet and Fourier transforms: stripes live in one band, at frequency zero along the views."""

from __future__ import annotations

import math
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_optim.priors.wavelet_transform import analyse, filter_pair, synthesise

__all__ = ["WaveletRings", "remove_rings_wavelet"]


def remove_rings_wavelet(
    y: Tensor, sigma: float = 0.5, levels: int | None = None, wavelet: str = "db5"
) -> Tensor:
    """Return ``y`` without stripes along the views, by the method of Münch et al. (2009).

    Where the wavelet transform is high across the bins and low along the views, frequencies near zero along
    the views are damped by ``1 − exp(−k²/2σ²)``.

    Parameters
    ----------
    y
        ``(…, V, D)``, nepers.
    sigma
        How many frequencies, counted from zero, are damped; more for stripes that fade along the views.
    levels
        Of the transform, 1 to 10: stripes up to 2^levels bins wide are found. By default as many as leave
        32 bins.
    wavelet
        An orthogonal one, by its name in PyWavelets.

    References
    ----------
    Münch, Trtik, Marone, Stampanoni (2009), doi:10.1364/OE.17.008567.
    """
    if levels is None:
        levels = max(1, min(10, int(math.log2(max(2, y.shape[-1] / 32)))))
    if not (sigma > 0 and 1 <= levels <= 10):
        raise ParameterError(f"sigma = {sigma} must be > 0 and levels = {levels} from 1 to 10.")
    views, bins = y.shape[-2:]
    flat = _grown(y.reshape(-1, 1, views, bins), 2**levels)
    filters = filter_pair(wavelet).to(y)
    rest, details = analyse(flat, filters, levels)
    damped = [[_damp(across, sigma), along, both] for across, along, both in details]
    back = synthesise(rest, damped, filters)
    top, left = (back.shape[-2] - views) // 2, (back.shape[-1] - bins) // 2
    return back[..., top : top + views, left : left + bins].reshape(y.shape)


def _grown(y: Tensor, step: int) -> Tensor:
    """Return ``y`` mirrored at its sides to multiples of ``step``: a periodic transform sees no jump."""
    sizes = [-(-(n + 2 * step) // step) * step for n in y.shape[-2:]]
    for axis, size in zip((-2, -1), sizes, strict=True):
        n = y.shape[axis]
        index = torch.arange(size, device=y.device) - (size - n) // 2
        # mirrored at the ends, as often as it takes: |k| folded into 0 … n−1
        folded = index.remainder(2 * n)
        y = y.index_select(axis, torch.where(folded < n, folded, 2 * n - 1 - folded))
    return y


def _damp(band: Tensor, sigma: float) -> Tensor:
    spectrum = torch.fft.rfft(band, dim=-2)
    k = torch.arange(spectrum.shape[-2], device=band.device, dtype=band.dtype)
    keep = 1 - torch.exp(-(k**2) / (2 * sigma**2))
    kept: Tensor = torch.fft.irfft(spectrum * keep[:, None], n=band.shape[-2], dim=-2)
    return kept


@attrs.frozen
class WaveletRings:
    """Remove ring artefacts by wavelet and Fourier filters; see :func:`remove_rings_wavelet`."""

    sigma: float = 0.5
    levels: int | None = None
    wavelet: str = "db5"

    def __call__(self, y: Tensor, physics: Any) -> tuple[Tensor, Any]:
        """Return ``y`` without stripes, and ``physics`` as it is."""
        return remove_rings_wavelet(y, self.sigma, self.levels, self.wavelet), physics
