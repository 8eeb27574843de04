"""Total variation as a denoiser."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wellposed.immutable import Immutable
from wellposed_optim.priors import TotalVariation


class TVDenoiser(Immutable):
    """argmin over u of ½‖u − x‖² + strength·σ·TV(u).

    Parameters
    ----------
    strength
        λ/σ; 0.9 is best on natural images for σ from 0.02 to 0.2.
    prior
        The total variation to use; isotropic, vectorial in colour where ``None``.
    """

    def __init__(self, strength: float = 0.9, prior: TotalVariation | None = None) -> None:
        super().__init__()
        self.strength = strength
        self.prior = TotalVariation(colour="vectorial", tolerance=1e-3) if prior is None else prior

    def forward(self, x: Tensor, sigma: Any) -> Tensor:
        """Return ``x``, ``(B, C, H, W)``, without noise of standard deviation σ (scalar or ``(B,)``)."""
        return self.prior.prox(x, self.strength * torch.as_tensor(sigma, device=x.device))
