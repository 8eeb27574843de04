"""Accelerated proximal gradient descent (Beck & Teboulle 2009, doi:10.1137/080716542)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from wellposed.spaces import Vector
from wellposed_optim.algorithms.base import Advance
from wellposed_optim.algorithms.pgd import PGD
from wellposed_optim.algorithms.steps import descend, gradient_step, plain


class FISTA(PGD):
    """PGD with Nesterov's momentum; converges at rate O(1/k²) for convex f and g.

    Parameters
    ----------
    fidelity, prior, weight, step, max_iterations, tolerance, check_every
        As in :class:`~wellposed_optim.algorithms.pgd.PGD`.
    """

    def _start(self, x: Tensor, y: Vector, physics: Any) -> Advance:
        gradient, prox = self.fidelity.grad_map(y, physics), self.prior.prox_sequence()
        step = gradient_step(self.fidelity, y, physics) if self.step is None else self.step
        tau, gamma = plain(step, x), self.weight_of(y, physics) * step
        z, t = x, 1.0

        def advance() -> Tensor:
            nonlocal x, z, t
            old, x = x, prox(descend(z, tau, gradient(z)), gamma)
            t_next = (1 + math.sqrt(1 + 4 * t * t)) / 2
            z, t = torch.lerp(old, x, 1 + (t - 1) / t_next), t_next
            return x

        return advance
