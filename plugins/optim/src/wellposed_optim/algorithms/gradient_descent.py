"""Gradient descent, for smooth priors."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from wellposed.spaces import Vector
from wellposed_optim.algorithms.base import Advance, Algorithm
from wellposed_optim.algorithms.steps import descend, gradient_step, plain
from wellposed_optim.fidelities import Fidelity
from wellposed_optim.parameters import keep, positive
from wellposed_optim.priors import Prior, Tikhonov


class GradientDescent(Algorithm):
    """x ← x − τ·(∇f(x) + λ∇g(x)).

    Parameters
    ----------
    fidelity, prior, weight, max_iterations, tolerance, check_every
        As in :class:`~wellposed_optim.algorithms.base.Algorithm`; the prior must be smooth (default:
        :class:`Tikhonov`).
    step
        τ, a number or per sample ``(B,)``; ``None`` takes 1/L with L = ‖A‖²/σ² + λ·L_g.
    """

    def __init__(
        self,
        fidelity: Fidelity | None = None,
        prior: Prior | None = None,
        weight: float | Tensor | None = None,
        step: float | Tensor | None = None,
        max_iterations: int = 200,
        tolerance: float = 1e-4,
        check_every: int = 10,
    ) -> None:
        super().__init__(
            fidelity, Tikhonov() if prior is None else prior, weight, max_iterations, tolerance, check_every
        )
        if step is not None:
            positive("step", step)
        keep(self, "step", step)
        self.step: float | Tensor | None

    def _start(self, x: Tensor, y: Vector, physics: Any) -> Advance:
        weight = self.weight_of(y, physics)
        gradient, slope = self.fidelity.grad_map(y, physics), self.prior.grad
        step = self.step
        if step is None:
            step = gradient_step(self.fidelity, y, physics, weight * self.prior.lipschitz())
        tau, lam = plain(step, x), plain(weight, x)

        def advance() -> Tensor:
            nonlocal x
            x = descend(x, tau, gradient(x) + lam * slope(x))
            return x

        return advance
