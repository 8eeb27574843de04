"""Plug and play: the physics and a denoiser take turns, from coarse to fine (Zhang et al. 2021, DPIR)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wellposed.protocols import Denoiser
from wellposed_optim.algorithms.base import Callback, relative_change
from wellposed_optim.algorithms.result import Result
from wellposed_optim.contract import check_denoiser, checked
from wellposed_optim.denoisers import BM3D
from wellposed_optim.noise_estimate import noise_level
from wellposed_optim.parameters import Method, keep, per_sample, positive, refuse_overrides, whole
from wellposed_optim.start import initial_image


class PnP(Method):
    """Half-quadratic splitting with any denoiser on a falling noise schedule; a reconstructor.

    Each round solves argmin ‖A x − y‖²/(2σ²) + ‖x − z‖²·strength/(2σ_k²) by ``physics.prox_l2``, then
    denoises at σ_k, which falls geometrically from ``sigma_start`` to the noise level.

    Parameters
    ----------
    denoiser
        ``denoiser(x, sigma)``; own :class:`~wellposed_optim.denoisers.BM3D` where ``None``.
    iterations
        Rounds.
    sigma_start
        First σ_k, in units of the image.
    sigma_end
        Last σ_k in units of the noise level of ``y``.
    strength
        How much the denoiser is believed against the data (λ of DPIR).
    noise
        σ of the noise in ``y``, a number or per sample ``(B,)``; ``None`` asks the physics or the data.
    """

    def __init__(
        self,
        denoiser: Denoiser | None = None,
        iterations: int = 6,
        sigma_start: float = 49 / 255,
        sigma_end: float = 1.0,
        strength: float = 0.23,
        noise: float | Tensor | None = None,
    ) -> None:
        super().__init__()
        whole("iterations", iterations)
        for name, value in (("sigma_start", sigma_start), ("sigma_end", sigma_end), ("strength", strength)):
            positive(name, value)
        if noise is not None:
            positive("noise", noise)
        if denoiser is not None:
            check_denoiser(denoiser)
        self.denoiser = BM3D(radius=8) if denoiser is None else denoiser
        self.iterations = iterations
        self.sigma_start = sigma_start
        self.sigma_end = sigma_end
        self.strength = strength
        keep(self, "noise", noise)
        self.noise: float | Tensor | None

    def forward(self, y: Any, physics: Any, x0: Tensor | None = None, **unknown: Any) -> Tensor:
        """Return the reconstruction of ``y``, started from ``x0``."""
        refuse_overrides(self, unknown)
        return self.solve(y, physics, x0).x

    def solve(
        self, y: Any, physics: Any, x0: Tensor | None = None, *, callback: Callback | None = None
    ) -> Result:
        """Return the reconstruction with how it was reached.

        ``callback(round, x)`` is called after every round; returning ``True`` stops there. There is no
        objective: the prior that a denoiser implies has no known value.
        """
        z = initial_image(y, physics) if x0 is None else x0
        old, count = z, 0
        sigma = noise_level(y, physics) if self.noise is None else per_sample(self.noise, z, "noise")
        sigma = sigma.reshape(-1).expand(z.shape[0])
        for count, level in enumerate(self.schedule(sigma), start=1):
            gamma = (level / sigma) ** 2 / self.strength
            x = physics.prox_l2(z, y, gamma)
            old, z = z, checked(self.denoiser(x, level), x, "denoiser(x, sigma)")
            if callback is not None and callback(count, z) is True:
                break
        rounds = torch.full((z.shape[0],), count, device=z.device)
        done = rounds == self.iterations
        return Result(z, rounds, relative_change(z, old), done)

    def schedule(self, sigma: Tensor) -> list[Tensor]:
        """Return σ_k for every round, falling geometrically."""
        last = self.sigma_end * sigma
        first = torch.maximum(torch.full_like(last, self.sigma_start), last)
        steps = torch.linspace(0, 1, self.iterations, dtype=last.dtype).tolist()
        return [first * (last / first) ** s for s in steps]
