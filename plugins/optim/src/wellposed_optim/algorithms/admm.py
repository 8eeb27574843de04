"""Alternating direction method of multipliers (Boyd et al. 2011), splitting image and prior."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from wellposed.spaces import Vector
from wellposed_optim.algorithms.base import Advance, Algorithm
from wellposed_optim.fidelities import Fidelity
from wellposed_optim.parameters import keep, positive
from wellposed_optim.priors import Prior


class ADMM(Algorithm):
    """x ← prox_{f/ρ}(z − u), z ← prox_{λg/ρ}(x + u), u ← u + x − z; the image returned is z.

    Parameters
    ----------
    fidelity, prior, weight, max_iterations, tolerance, check_every
        As in :class:`~wellposed_optim.algorithms.base.Algorithm`; the fidelity needs a prox through the
        physics, which least squares has (closed form for blurs, masks and Fourier sampling).
    penalty
        ρ > 0, a number or per sample ``(B,)``: changes the speed and not the solution. ``None`` takes
        50·λ, so that the prior's step is a fiftieth of the grey range.
    """

    def __init__(
        self,
        fidelity: Fidelity | None = None,
        prior: Prior | None = None,
        weight: float | Tensor | None = None,
        penalty: float | Tensor | None = None,
        max_iterations: int = 100,
        tolerance: float = 1e-4,
        check_every: int = 5,
    ) -> None:
        super().__init__(fidelity, prior, weight, max_iterations, tolerance, check_every)
        if penalty is not None:
            positive("penalty", penalty)
        keep(self, "penalty", penalty)
        self.penalty: float | Tensor | None

    def _start(self, x: Tensor, y: Vector, physics: Any) -> Advance:
        fidelity, prox = self.fidelity, self.prior.prox_sequence()
        weight = self.weight_of(y, physics)
        rho = default_penalty(weight) if self.penalty is None else self.penalty
        data_gamma, prior_gamma = 1.0 / rho, weight / rho
        z, u = x, x * 0

        def advance() -> Tensor:
            nonlocal z, u
            image = fidelity.prox(z - u, y, physics, data_gamma)
            u = u + image
            z = prox(u, prior_gamma)
            u = u - z
            return z

        return advance


def default_penalty(weight: float | Tensor) -> float | Tensor:
    """Return 50·λ, or 1 where λ = 0."""
    if isinstance(weight, Tensor):
        return (50 * weight).where(weight > 0, 1.0)
    return 50 * weight if weight > 0 else 1.0
