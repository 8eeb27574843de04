"""A denoiser in place of a proximal operator: plug and play (Venkatakrishnan et al. 2013)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from wellposed.errors import StructureError
from wellposed.protocols import Denoiser
from wellposed_optim.contract import check_denoiser, checked
from wellposed_optim.priors.base import Prior


class DenoiserPrior(Prior):
    """The prior that a denoiser implies: prox_{γg}(x) = denoiser(x, √γ).

    Removing Gaussian noise of variance γ by maximum a posteriori is the prox of γ·(−log p), so any denoiser
    defines one. Whether an algorithm converges with it depends on the denoiser.

    Parameters
    ----------
    denoiser
        ``denoiser(x, sigma)`` for images ``(B, C, H, W)``.
    """

    convex: ClassVar[bool] = False

    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__()
        check_denoiser(denoiser)
        self.denoiser = denoiser

    def value(self, x: Tensor) -> Tensor:
        """Raise :class:`StructureError`: a denoiser's prior is known by its prox only."""
        raise StructureError(
            "the prior that a denoiser implies has no known value; run without history=True."
        )

    def prox(self, x: Tensor, gamma: float | Tensor) -> Tensor:
        """Return ``denoiser(x, √γ)``."""
        sigma = torch.as_tensor(gamma, dtype=x.real.dtype, device=x.device).sqrt()
        return checked(self.denoiser(x, sigma), x, "denoiser(x, sigma)")

    def weight_for(self, sigma: float | Tensor) -> float | Tensor:
        """Return σ²: the weight of −log p under Gaussian noise."""
        return sigma * sigma
