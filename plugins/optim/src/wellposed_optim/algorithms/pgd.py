"""Proximal gradient descent (ISTA for sparse priors)."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from wellposed.spaces import Vector
from wellposed_optim.algorithms.base import Advance, Algorithm
from wellposed_optim.algorithms.steps import descend, gradient_step, plain
from wellposed_optim.fidelities import Fidelity
from wellposed_optim.parameters import keep, positive
from wellposed_optim.priors import Prior


class PGD(Algorithm):
    """x ← prox_{τλg}(x − τ∇f(x)); converges at rate O(1/k) for convex f and g.

    Parameters
    ----------
    fidelity, prior, weight, max_iterations, tolerance, check_every
        As in :class:`~wellposed_optim.algorithms.base.Algorithm`.
    step
        τ, a number or per sample ``(B,)``; ``None`` takes 1/L from the norm of A.
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
        super().__init__(fidelity, prior, weight, max_iterations, tolerance, check_every)
        if step is not None:
            positive("step", step)
        keep(self, "step", step)
        self.step: float | Tensor | None

    def _start(self, x: Tensor, y: Vector, physics: Any) -> Advance:
        gradient, prox = self.fidelity.grad_map(y, physics), self.prior.prox_sequence()
        step = gradient_step(self.fidelity, y, physics) if self.step is None else self.step
        tau, gamma = plain(step, x), self.weight_of(y, physics) * step

        def advance() -> Tensor:
            nonlocal x
            x = prox(descend(x, tau, gradient(x)), gamma)
            return x

        return advance
