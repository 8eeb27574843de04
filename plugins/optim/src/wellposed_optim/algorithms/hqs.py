"""Half-quadratic splitting (Geman & Yang 1995): ADMM without multipliers and with a growing penalty."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.spaces import Vector
from wellposed_optim.algorithms.admm import default_penalty
from wellposed_optim.algorithms.base import Advance, Algorithm
from wellposed_optim.fidelities import Fidelity
from wellposed_optim.parameters import keep, positive
from wellposed_optim.priors import Prior


class HQS(Algorithm):
    """x ← prox_{f/ρ}(z), z ← prox_{λg/ρ}(x), ρ ← growth·ρ; the image returned is z.

    Parameters
    ----------
    fidelity, prior, weight, max_iterations, tolerance, check_every
        As in :class:`~wellposed_optim.algorithms.base.Algorithm`; all iterations run by default, since a
        growing penalty makes every change small in the end.
    penalty
        First ρ; ``None`` takes 10·λ.
    growth
        Factor on ρ per iteration, ≥ 1.
    """

    def __init__(
        self,
        fidelity: Fidelity | None = None,
        prior: Prior | None = None,
        weight: float | Tensor | None = None,
        penalty: float | Tensor | None = None,
        growth: float = 1.2,
        max_iterations: int = 30,
        tolerance: float = 0.0,
        check_every: int = 5,
    ) -> None:
        super().__init__(fidelity, prior, weight, max_iterations, tolerance, check_every)
        positive("growth", growth)
        if growth < 1:
            raise ParameterError(f"growth = {growth}, but it must be ≥ 1.")
        if penalty is not None:
            positive("penalty", penalty)
        keep(self, "penalty", penalty)
        self.penalty: float | Tensor | None
        self.growth = growth

    def _start(self, x: Tensor, y: Vector, physics: Any) -> Advance:
        fidelity, prox = self.fidelity, self.prior.prox_sequence()
        weight = self.weight_of(y, physics)
        rho = default_penalty(weight) / 5 if self.penalty is None else self.penalty

        def advance() -> Tensor:
            nonlocal x, rho
            x = prox(fidelity.prox(x, y, physics, 1.0 / rho), weight / rho)
            rho = rho * self.growth
            return x

        return advance
