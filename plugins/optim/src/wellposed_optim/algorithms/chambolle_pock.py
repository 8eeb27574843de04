"""Primal–dual hybrid gradient (Chambolle & Pock 2011): no inverse, no inner loop, any convex fidelity."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wellposed import vectors
from wellposed.spaces import Vector
from wellposed_optim.algorithms.base import Advance, Algorithm
from wellposed_optim.algorithms.steps import plain
from wellposed_optim.fidelities import L2, Fidelity
from wellposed_optim.normal import squared_norm
from wellposed_optim.parameters import keep, positive
from wellposed_optim.priors import Prior

SAFETY = 0.98


class ChambollePock(Algorithm):
    """Minimise d(A x, y) + λ·h(K x) by alternating projections of its dual variables and descent in x.

    It needs the fidelity's prox in measurement space only, so Poisson noise is as easy as Gaussian.

    Parameters
    ----------
    fidelity, prior, weight, max_iterations, tolerance, check_every
        As in :class:`~wellposed_optim.algorithms.base.Algorithm`.
    data_step
        Dual step σ₁ of the fidelity; ``None`` takes its curvature (1/σ² for least squares, else 1).
    prior_step
        Dual step σ₂ of the prior; ``None`` takes 10·λ. The primal step follows:
        τ = 0.98/(σ₁‖A‖² + σ₂‖K‖²), so that the iteration converges.
    """

    def __init__(
        self,
        fidelity: Fidelity | None = None,
        prior: Prior | None = None,
        weight: float | Tensor | None = None,
        data_step: float | Tensor | None = None,
        prior_step: float | Tensor | None = None,
        max_iterations: int = 300,
        tolerance: float = 1e-4,
        check_every: int = 10,
    ) -> None:
        super().__init__(fidelity, prior, weight, max_iterations, tolerance, check_every)
        for name, value in (("data_step", data_step), ("prior_step", prior_step)):
            if value is not None:
                positive(name, value)
            keep(self, name, value)
        self.data_step: float | Tensor | None
        self.prior_step: float | Tensor | None

    def _steps(self, y: Vector, physics: Any, weight: float | Tensor) -> tuple[Any, Any, Any]:
        """Return σ₁, σ₂ and τ."""
        curvature = self.fidelity.precision if isinstance(self.fidelity, L2) else 1.0
        first = curvature if self.data_step is None else self.data_step
        second = 10 * weight if self.prior_step is None else self.prior_step
        # λ = 0 would give a zero dual step, which divides by zero in Moreau's identity.
        second = torch.as_tensor(second).clamp(min=1e-12)
        squared = self.prior.analysis_norm() ** 2
        return first, second, SAFETY / (first * squared_norm(physics, y) + second * squared)

    def _start(self, x: Tensor, y: Vector, physics: Any) -> Advance:
        fidelity, prior, weight = self.fidelity, self.prior, self.weight_of(y, physics)
        s1, s2, step = self._steps(y, physics, weight)
        tau = plain(step, x)
        bar = x
        u = vectors.map_vector(torch.zeros_like, y)
        v = torch.zeros_like(prior.analysis(x))
        s2_wide = plain(s2, v)

        def advance() -> Tensor:
            nonlocal x, bar, u, v
            u = vectors.add_scaled(u, s1, physics.A(bar))
            inner = fidelity.distance_prox(vectors.scale(1 / s1, u), y, 1 / s1)
            u = vectors.add_scaled(u, -s1, inner)
            v = prior.dual_prox(v + s2_wide * prior.analysis(bar), weight, s2)
            new = x - tau * (physics.A_adjoint(u) + prior.analysis_adjoint(v))
            bar, x = 2 * new - x, new
            return x

        return advance
