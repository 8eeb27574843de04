"""Translation-invariant wavelet shrinkage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from wellposed.errors import ParameterError
from wellposed.immutable import Immutable
from wellposed_optim.denoisers.images import as_planes, opponent, pad_symmetric, per_image
from wellposed_optim.priors.wavelet_transform import filter_pair

Shrink = Callable[[Tensor, Tensor, float], Tensor]
"""``shrink(band, pilot band, σ of the band)``."""


class WaveletDenoiser(Immutable):
    """Shrink an undecimated wavelet transform twice: hard thresholds, then a Wiener filter.

    The first estimate gives the power of every coefficient for the empirical Wiener filter of the second
    (Ghael, Sayeed & Baraniuk 1997). The undecimated transform equals averaging over all cyclic shifts
    (Coifman & Donoho 1995).

    Parameters
    ----------
    wavelet
        Name of an orthogonal wavelet in PyWavelets.
    levels
        Number of dyadic scales.
    threshold
        Hard threshold in units of the band's noise.
    """

    def __init__(self, wavelet: str = "db2", levels: int = 4, threshold: float = 3.0) -> None:
        super().__init__()
        if levels < 1:
            raise ParameterError(f"levels = {levels}, but it must be ≥ 1.")
        self.wavelet = wavelet
        self.levels = levels
        self.threshold = threshold
        self._filters: Tensor
        self.register_buffer("_filters", filter_pair(wavelet), persistent=False)

    def forward(self, x: Tensor, sigma: Any) -> Tensor:
        """Return ``x``, ``(B, C, H, W)``, without noise of standard deviation σ (scalar or ``(B,)``)."""
        return per_image(self._denoise, x, sigma)

    def _denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        planes, back = as_planes(x)
        image, crop = pad_symmetric(opponent(planes), 8)
        noisy = image[:, None]
        filters = self._filters.to(planes) / 2**0.5
        pilot = shrink_bands(noisy, noisy, filters, self._hard(sigma), self.levels)
        out = shrink_bands(noisy, pilot, filters, _wiener(sigma), self.levels)
        return back(opponent(crop(out[:, 0]), inverse=True))

    def _hard(self, sigma: Tensor) -> Shrink:
        return lambda band, pilot, gain: band * (band.abs() > self.threshold * gain * sigma)


def _wiener(sigma: Tensor) -> Shrink:
    def shrink(band: Tensor, pilot: Tensor, gain: float) -> Tensor:
        power, noise = pilot * pilot, (gain * sigma) ** 2
        return band * (power / (power + noise).clamp(min=torch.finfo(band.dtype).tiny))

    return shrink


def shrink_bands(
    x: Tensor, pilot: Tensor, filters: Tensor, shrink: Shrink, levels: int, dilation: int = 1
) -> Tensor:
    """Analyse ``(C, 1, H, W)`` by one level, shrink its details, recurse on its approximation, go back.

    Filters of norm 1/√2 make every level a tight frame, in which white noise halves with each level: the
    noise of a band has ``0.5/dilation`` times the σ of the pixels.
    """
    length = filters.shape[1]
    bank = torch.einsum("ai,bj->abij", filters, filters).reshape(4, 1, length, length)
    span = dilation * (length - 1)
    bands = F.conv2d(_wrap(x, 0, span), bank, dilation=dilation)
    pilots = bands if pilot is x else F.conv2d(_wrap(pilot, 0, span), bank, dilation=dilation)
    low = bands[:, :1]
    if levels > 1:
        below = low if pilot is x else pilots[:, :1]
        low = shrink_bands(low, below, filters, shrink, levels - 1, 2 * dilation)
    details = shrink(bands[:, 1:], pilots[:, 1:], 0.5 / dilation)
    both = _wrap(torch.cat([low, details], 1), span, 0)
    out = F.conv_transpose2d(both, bank, dilation=dilation)
    return out[..., span : span + x.shape[-2], span : span + x.shape[-1]]


def _wrap(x: Tensor, before: int, after: int) -> Tensor:
    """Continue the last two axes periodically, by more than a period where needed."""
    for axis in (-2, -1):
        n = x.shape[axis]
        x = x.index_select(axis, torch.arange(-before, n + after, device=x.device) % n)
    return x
