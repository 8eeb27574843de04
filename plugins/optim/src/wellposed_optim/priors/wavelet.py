"""Sparsity of wavelet details."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_optim.parameters import per_sample
from wellposed_optim.priors.base import Prior
from wellposed_optim.priors.l1 import soft_threshold
from wellposed_optim.priors.wavelet_transform import analyse, filter_pair, synthesise


class WaveletL1(Prior):
    """g(x) = ‖detail coefficients of x‖₁ in an orthonormal wavelet basis; the approximation is free.

    The transform is orthonormal on images of any size, so the prox is exact: threshold and transform back.

    Parameters
    ----------
    wavelet
        Name of an orthogonal wavelet in PyWavelets, e.g. "haar", "db4", "sym8".
    levels
        Number of dyadic scales.
    shift
        Cyclic shift of the image before the transform, ``(rows, columns)``: a shifted basis is orthonormal
        too, and averaging results over shifts (cycle spinning; Coifman & Donoho 1995) removes artefacts.
    spin
        Let algorithms shift the basis in every iteration, which approaches the translation-invariant
        solution (Kamilov, Bostan & Unser 2012) and forgoes convergence to a point.
    """

    def __init__(
        self, wavelet: str = "db4", levels: int = 4, shift: tuple[int, int] = (0, 0), spin: bool = False
    ) -> None:
        super().__init__()
        if levels < 1:
            raise ParameterError(f"levels = {levels}, but it must be ≥ 1.")
        self.wavelet = wavelet
        self.levels = levels
        self.shift = shift
        self.spin = spin
        self._filters: Tensor
        self.register_buffer("_filters", filter_pair(wavelet), persistent=False)

    def _taps(self, x: Tensor) -> Tensor:
        return self._filters.to(device=x.device, dtype=x.dtype)

    def weight_for(self, sigma: float | Tensor) -> float | Tensor:
        """Return 1.6·σ^1.4, fitted to photographs under camera-shake blur with σ from 0.005 to 0.05."""
        return 1.6 * sigma**1.4

    def value(self, x: Tensor) -> Tensor:
        """Return the sum of magnitudes of all details per sample, ``(B,)``."""
        _, details = analyse(torch.roll(x, self.shift, (-2, -1)), self._taps(x), self.levels)
        sums = [band.abs().flatten(1).sum(1) for level in details for band in level]
        return torch.stack(sums).sum(0)

    def prox(self, x: Tensor, gamma: float | Tensor) -> Tensor:
        """Return ``x`` with every detail soft-thresholded by γ."""
        return self._prox(x, gamma, self.shift)

    def prox_sequence(self) -> Callable[[Tensor, Any], Tensor]:
        """Return the prox, or with ``spin`` one whose basis moves from call to call."""
        if not self.spin:
            return self.prox
        # Odd strides visit every shift of the coarsest grid, far from the last one each time.
        counter = itertools.count()
        return lambda x, gamma: self._prox(x, gamma, (5 * (k := next(counter)), 11 * k + k // 16))

    def _prox(self, x: Tensor, gamma: float | Tensor, shift: tuple[int, int]) -> Tensor:
        g, filters = per_sample(gamma, x), self._taps(x)
        low, details = analyse(torch.roll(x, shift, (-2, -1)), filters, self.levels)
        shrunk = [[soft_threshold(band, g) for band in level] for level in details]
        back = (-shift[0], -shift[1])
        return torch.roll(synthesise(low, shrunk, filters), back, (-2, -1))
