"""What components are tried on when nobody says otherwise: a plain physics and a plain method.

They fit by shape and inherit nothing from the library, so that the kit does not trust what it tests.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wellposed.spaces import AnySpace, Space
from wellposed.vectors import expand


class Weighting:
    """An invertible diagonal physics ``y = w·x`` with weights between ½ and 3/2."""

    def __init__(self, domain: AnySpace, seed: int = 0) -> None:
        assert isinstance(domain, Space)
        self.domain = self.range = domain
        generator = torch.Generator().manual_seed(seed)
        real = torch.empty(0, dtype=domain.dtype).real.dtype
        self.w = 0.5 + torch.rand(domain.concrete_shape, dtype=real, generator=generator)

    def __call__(self, x: Tensor, **parameters: Any) -> Tensor:
        """Return the weighted image."""
        return self.A(x, **parameters)

    def A(self, x: Tensor, w: Tensor | None = None) -> Tensor:
        """Return the weighted image, by other weights for this call if given."""
        return x * (self.w if w is None else w)

    def A_adjoint(self, y: Tensor, w: Tensor | None = None) -> Tensor:
        """Return the same, as real weights are self-adjoint."""
        return self.A(y, w)

    def A_dagger(self, y: Tensor) -> Tensor:
        """Return the image divided by the weights."""
        return y / self.w

    def A_vjp(self, x: Tensor, v: Tensor) -> Tensor:
        """Return A*v."""
        return self.A(v)

    def prox_l2(self, z: Tensor, y: Tensor, gamma: Any) -> Tensor:
        """Return argmin_u γ/2·‖wu − y‖² + ½·‖u − z‖², entry by entry."""
        g = expand(gamma, z)
        return (z + g * self.w * y) / (1 + g * self.w**2)


class Inverse:
    """The method that applies ``shrink`` times the pseudo-inverse: exact without noise where that is 1."""

    def __init__(self, shrink: float | Tensor = 1.0) -> None:
        self.shrink = shrink

    def __call__(self, y: Any, physics: Any) -> Any:
        """Return ``shrink``·A⁺y."""
        return self.shrink * physics.A_dagger(y)


def seeded(component: Any, generator: torch.Generator) -> dict[str, Any]:
    """Return ``{"generator": generator}`` for components whose calls take one, else nothing."""
    from wellposed.testing.kinds import argument_names

    return {"generator": generator} if "generator" in argument_names(component) else {}
