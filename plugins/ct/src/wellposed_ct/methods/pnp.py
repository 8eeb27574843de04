"""``ct.pnp``: plug and play with any denoiser of pictures, on attenuation in its own units."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.native import uncompiled
from wellposed.needs import LINEAR, REAL, needs
from wellposed.protocols import Denoiser
from wellposed_ct.methods.tv import column_norm, first_image
from wellposed_optim import PnP, noise_level

__all__ = ["CTPnP"]


@needs(LINEAR, REAL)
@attrs.frozen(eq=False)
class CTPnP:
    """Half-quadratic splitting with a denoiser, started from filtered back-projection.

    Denoisers are made for pictures in [0, 1]. Tomography is linear, so sinogram and noise are divided by the
    brightest value of the first image, and the result is multiplied by it.

    Parameters
    ----------
    denoiser
        ``denoiser(x, sigma)`` for pictures in [0, 1]; BM3D of wellposed-optim where ``None``.
    iterations
        Rounds, ≥ 1.
    sigma_start
        First noise level of the denoiser.
    sigma_end
        Last noise level in units of σ/‖a‖, the noise of a pixel if all others were known (σ that of the
        sinogram, ‖a‖ the norm of a column of A).
    strength
        How much the denoiser is believed against the data.

    References
    ----------
    Zhang et al. (2021), doi:10.1109/TPAMI.2021.3088914.
    """

    denoiser: Denoiser | None = None
    iterations: int = 6
    sigma_start: float = 49 / 255
    sigma_end: float = 0.5
    strength: float = 0.23

    def __attrs_post_init__(self) -> None:
        """Check the choices, by making the method."""
        self._method(None, 1.0)

    def _method(self, noise: Tensor | None, column: float) -> PnP:
        last = self.sigma_end / column
        return PnP(self.denoiser, self.iterations, self.sigma_start, last, self.strength, noise)

    @uncompiled
    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return images of sinograms ``y``."""
        start = first_image(y, physics)
        top = start.detach().flatten(1).amax(1)
        top = torch.where(top > 0, top, torch.ones_like(top))
        wide = top.reshape(-1, *(1,) * (y.ndim - 1))
        noise = noise_level(y, physics) / top
        x: Tensor = self._method(noise, column_norm(physics, y) or 1.0)(y / wide, physics, x0=start / wide)
        return x * wide
