"""Translation-invariant wavelet shrinkage."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from wellposed.errors import ParameterError
from wellposed.immutable import Immutable
from wellposed_optim.denoisers.images import as_planes, opponent, pad_symmetric, per_image
from wellposed_optim.priors.l1 import soft_threshold
from wellposed_optim.priors.wavelet_transform import filter_pair


class WaveletDenoiser(Immutable):
    """Shrink every band of an undecimated wavelet transform by BayesShrink (Chang, Yu & Vetterli 2000).

    The threshold of a band is σ²/σ_x, with σ_x² the band's variance less the noise. The undecimated
    transform equals averaging over all cyclic shifts (Coifman & Donoho 1995).

    Parameters
    ----------
    wavelet
        Name of an orthogonal wavelet in PyWavelets.
    levels
        Number of dyadic scales.
    """

    def __init__(self, wavelet: str = "sym4", levels: int = 4) -> None:
        super().__init__()
        if levels < 1:
            raise ParameterError(f"levels = {levels}, but it must be ≥ 1.")
        self.wavelet = wavelet
        self.levels = levels
        self._filters: Tensor
        self.register_buffer("_filters", filter_pair(wavelet), persistent=False)

    def forward(self, x: Tensor, sigma: Any) -> Tensor:
        """Return ``x`` of shape ``(B, C, H, W)`` without noise of standard deviation σ (scalar or ``(B,)``)."""
        return per_image(self._denoise, x, sigma)

    def _denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        planes, back = as_planes(x)
        filters = self._filters.to(planes) / 2**0.5
        image, crop = pad_symmetric(opponent(planes), filters.shape[1] << (self.levels - 1), 1)
        out = _shrink(image[:, None], filters, sigma, 1, self.levels)
        return back(opponent(crop(out[:, 0]), inverse=True))


def _shrink(x: Tensor, filters: Tensor, sigma: Tensor, dilation: int, levels: int) -> Tensor:
    """Analyse one level of ``(C, 1, H, W)``, shrink its details, recurse on its approximation, go back.

    Filters are scaled by 1/√2, so every level is a tight frame and noise shrinks with each level.
    """
    bank = torch.einsum("ai,bj->abij", filters, filters).reshape(4, 1, filters.shape[1], filters.shape[1])
    span = dilation * (filters.shape[1] - 1)
    bands = F.conv2d(F.pad(x, (0, span, 0, span), mode="constant"), bank, dilation=dilation)
    noise = sigma * bank.flatten(1).norm(dim=1)
    details = [bayes_shrink(bands[:, k : k + 1], noise[k] * _gain(dilation)) for k in (1, 2, 3)]
    low = bands[:, :1]
    low = _shrink(low, filters, sigma, 2 * dilation, levels - 1) if levels > 1 else low
    out = F.conv_transpose2d(torch.cat([low, *details], 1), bank, dilation=dilation)
    return out[..., : x.shape[-2], : x.shape[-1]]


def _gain(dilation: int) -> float:
    """Return the noise that the levels above let through: each low-pass halves it."""
    return 1.0 / dilation


def bayes_shrink(band: Tensor, noise: Tensor) -> Tensor:
    """Soft-threshold a band by σ²/σ_x, with σ_x from the band's own variance."""
    variance = (band * band).mean()
    signal = (variance - noise * noise).clamp(min=torch.finfo(band.dtype).tiny).sqrt()
    return soft_threshold(band, noise * noise / signal)
