"""``ct.sirt``: simultaneous iterations, weighted by how much each ray and each pixel sees."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError

__all__ = ["SIRT", "safe_inverse"]


@attrs.frozen
class SIRT:
    """``x ← x + ω·C A*R (y − A x)`` with R = 1/A1 and C = 1/A*1; converges for 0 < ω < 2.

    Minimises ‖Ax − y‖² in the norm of R; stopping early is the regularisation. Takes any physics with
    non-negative entries.

    Parameters
    ----------
    iterations
        Number of updates, ≥ 1.
    relaxation
        ω.
    non_negative
        Whether each update is cut at zero; attenuation is not negative.

    References
    ----------
    Gilbert (1972), doi:10.1016/0022-5193(72)90180-4; Gregor & Benson (2008), doi:10.1109/TMI.2008.923696.
    """

    iterations: int = 100
    relaxation: float = 1.0
    non_negative: bool = True

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if self.iterations < 1 or not 0 < self.relaxation < 2:
            raise ParameterError(
                f"iterations = {self.iterations} must be ≥ 1 and relaxation = {self.relaxation} in (0, 2)."
            )

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return images of sinograms ``y``."""
        back: Tensor = physics.A_adjoint(y[:1] * 0 + 1)
        pixels = safe_inverse(back)
        rays = safe_inverse(physics.A(torch.ones_like(back)))
        x = torch.zeros_like(back).expand(len(y), *back.shape[1:])
        for _ in range(self.iterations):
            x = x + self.relaxation * pixels * physics.A_adjoint(rays * (y - physics.A(x)))
            x = x.clamp(min=0) if self.non_negative else x
        return x


def safe_inverse(weights: Tensor) -> Tensor:
    """Return 1/weights, and 0 where a sample's weights are next to nothing: what is not seen is not moved."""
    top = weights.amax(tuple(range(1, weights.ndim)), keepdim=True)
    seen = weights > 1e-6 * top
    return torch.where(seen, 1 / torch.where(seen, weights, 1), 0)
