"""Kullback–Leibler divergence, the negative log-likelihood of Poisson noise up to a constant of y."""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_optim.fidelities.base import Fidelity
from wellposed_optim.parameters import keep, per_sample, positive


class Poisson(Fidelity):
    """f(x) = KL(y/g ‖ (A x + b)/g) = Σ [r − n + n·log(n/r)] with counts n = y/g and rates r = (A x + b)/g.

    Parameters
    ----------
    gain
        Signal per count g: measurements are g times Poisson counts. A number or ``(B,)``.
    background
        Known offset b ≥ 0 of the mean, in units of ``y``. A number or ``(B,)``.
    """

    def __init__(self, gain: float | Tensor = 1.0, background: float | Tensor = 0.0) -> None:
        super().__init__()
        positive("gain", gain)
        positive("background", background, zero=True)
        keep(self, "gain", gain)
        keep(self, "background", background)
        self.gain: float | Tensor
        self.background: float | Tensor

    def _constants(self, u: Tensor) -> tuple[Tensor, Tensor]:
        if u.is_complex():
            raise ParameterError(
                f"counts have a real mean, but A x is {u.dtype}; take its magnitude in the physics."
            )
        return per_sample(self.gain, u), per_sample(self.background, u)

    def distance(self, u: Tensor, y: Tensor) -> Tensor:
        """Return KL(y/g ‖ (u + b)/g), ``(B,)``; infinite where a rate is negative, or zero with counts."""
        g, b = self._constants(u)
        n, r = y / g, (u + b) / g
        kl = r - n + torch.special.xlogy(n, n) - torch.special.xlogy(n, r.clamp(min=0))
        return torch.where(r < 0, torch.inf, kl).flatten(1).sum(1)

    def distance_grad(self, u: Tensor, y: Tensor) -> Tensor:
        """Return (1 − y/(u + b))/g."""
        g, b = self._constants(u)
        ratio = torch.where(y == 0, torch.zeros_like(y), y / (u + b))
        return (1 - ratio) / g

    def distance_prox(self, u: Tensor, y: Tensor, gamma: float | Tensor) -> Tensor:
        """Return the positive root of w² − (u + b − γ/g)·w − γ·y/g = 0, less b (w = v + b)."""
        g, b = self._constants(u)
        t = per_sample(gamma, u) / g
        c = u + b - t
        root = torch.sqrt(c * c + 4 * t * y)
        # For c < 0 the textbook sum cancels; the conjugate form keeps every digit.
        stable = 2 * t * y / (root - c).clamp(min=torch.finfo(u.dtype).tiny)
        return torch.where(c >= 0, (c + root) / 2, stable) - b
