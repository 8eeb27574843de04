"""Richardson–Lucy deconvolution: maximum likelihood under Poisson noise, by expectation maximisation."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.needs import LINEAR, REAL, needs


@needs(LINEAR, REAL)
@attrs.frozen
class RichardsonLucy:
    """``x ← x · A*(y / Ax) / A*1`` (Richardson 1972; Lucy 1974): non-negative, flux-keeping.

    The noise grows with the iterations; stopping early is the regularisation.

    Parameters
    ----------
    iterations
        Number of updates, ≥ 1.
    epsilon
        Values of A x below this are raised to it before dividing, > 0.
    """

    iterations: int = 30
    epsilon: float = 1e-6

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if self.iterations < 1 or self.epsilon <= 0:
            raise ParameterError(f"iterations={self.iterations} must be ≥ 1 and epsilon={self.epsilon} > 0.")

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the estimate; negative measurements count as zero.

        ``physics`` needs ``A`` and ``A_adjoint`` with non-negative entries (a blur, a projector).
        """
        y = y.clamp(min=0)
        sensitivity = physics.A_adjoint(torch.ones_like(y))
        seen = sensitivity > self.epsilon * sensitivity.amax()
        weight = torch.where(seen, 1 / sensitivity.clamp(min=self.epsilon), torch.zeros_like(sensitivity))
        x: Tensor = (physics.A_adjoint(y) * weight).clamp(min=self.epsilon)
        for _ in range(self.iterations):
            ratio = y / physics.A(x).clamp(min=self.epsilon)
            x = x * (physics.A_adjoint(ratio) * weight).clamp(min=0)
        return x
