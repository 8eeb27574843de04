"""Sparsity of the image itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wellposed_optim.parameters import per_sample
from wellposed_optim.priors.base import Prior


def soft_threshold(x: Tensor, threshold: Tensor | float) -> Tensor:
    """Shrink the magnitude of every entry by ``threshold``, stopping at zero; complex keeps its phase."""
    if x.is_complex():
        size = x.abs()
        tiny = torch.finfo(size.dtype).tiny
        return x * ((size - threshold).clamp(min=0) / size.clamp(min=tiny))
    return (
        x - torch.clamp(x, -threshold, threshold)
        if isinstance(threshold, float)
        else _soft_real(x, threshold)
    )


def _soft_real(x: Tensor, threshold: Tensor) -> Tensor:
    return x - torch.minimum(torch.maximum(x, -threshold), threshold)


class L1(Prior):
    """g(x) = ‖x‖₁, the sum of magnitudes."""

    def weight_for(self, sigma: float | Tensor) -> float | Tensor:
        """Return σ²/0.1: the maximum a posteriori weight for Laplacian pixels of scale 0.1."""
        return 10.0 * sigma * sigma

    def value(self, x: Tensor) -> Tensor:
        """Return ‖x‖₁ per sample, ``(B,)``."""
        return x.abs().flatten(1).sum(1)

    def prox(self, x: Tensor, gamma: float | Tensor) -> Tensor:
        """Return the soft threshold of ``x`` by γ."""
        return soft_threshold(x, per_sample(gamma, x))

    def dual_prox(self, v: Tensor, weight: float | Tensor, step: Any) -> Tensor:
        """Return the projection of ``v`` onto magnitudes of at most λ."""
        return v - soft_threshold(v, per_sample(weight, v))
