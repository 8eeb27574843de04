"""M∘A: a physics of which only some measurements are kept, whoever wrote it."""

from __future__ import annotations

from typing import Any, final

import attrs
import torch
from torch import Tensor

from wellposed.forward import ForwardModel
from wellposed.linalg.foreign import space_of
from wellposed.operators import LinearOperator, Mask, as_operator


def masked(physics: Any, mask: Tensor) -> Any:
    """Return the physics that measures only where ``mask`` ``(B, …)``, of the shape of ``y``, is one.

    Our linear operators compose and keep what they know of themselves, a forward model keeps its noise;
    any other physics is wrapped.
    """
    if isinstance(physics, ForwardModel) and isinstance(physics.operator, LinearOperator):
        return physics.replace(operator=masked(physics.operator, mask))
    if isinstance(physics, LinearOperator):
        return Mask(mask, physics.range) @ physics
    return MaskedPhysics(physics, mask)


def observed_entries(physics: Any, y: Tensor) -> Tensor:
    """Return 1 where ``y`` was measured and 0 where the ``mask`` of the physics left it out, real."""
    real = y.real.dtype
    mask = getattr(physics, "mask", getattr(getattr(physics, "operator", None), "mask", None))
    if not isinstance(mask, Tensor):
        return torch.ones(y.shape, dtype=real, device=y.device)
    try:
        return (mask != 0).to(real).expand(y.shape)
    except RuntimeError:
        return torch.ones(y.shape, dtype=real, device=y.device)


@final
@attrs.frozen(eq=False)
class MaskedPhysics:
    """``mask · physics``, by shape alone; inverses are solved for from ``A`` and ``A_adjoint``.

    Parameters
    ----------
    physics
        Anything with ``A``, and ``A_adjoint`` or ``A_vjp`` where they are used.
    mask
        Real, of the shape of ``y``: 1 where it is kept.
    """

    physics: Any
    mask: Tensor

    def __call__(self, x: Any, **parameters: Any) -> Any:
        """Return the kept noisy measurements."""
        return self.mask * self.physics(x, **parameters)

    def A(self, x: Any, **parameters: Any) -> Any:
        """Return the kept noiseless measurements."""
        return self.mask * self.physics.A(x, **parameters)

    def A_adjoint(self, y: Any, **parameters: Any) -> Any:
        """Return A*M y."""
        return self.physics.A_adjoint(self.mask * y, **parameters)

    def A_vjp(self, x: Any, v: Any) -> Any:
        """Return J(x)*M v."""
        return self.physics.A_vjp(x, self.mask * v)

    def A_dagger(self, y: Any) -> Any:
        """Return the minimum-norm least-squares solution of the kept measurements."""
        return as_operator(self, space_of(self.A_adjoint(y))).A_dagger(self.mask * y)

    def prox_l2(self, z: Any, y: Any, gamma: Any) -> Any:
        """Return argmin_u γ/2·‖M(A u − y)‖² + ½·‖u − z‖²."""
        return as_operator(self, space_of(z)).prox_l2(z, self.mask * y, gamma)

    @property
    def noise_model(self) -> Any:
        """The noise of the wrapped physics, or ``None``."""
        return getattr(self.physics, "noise_model", None)
