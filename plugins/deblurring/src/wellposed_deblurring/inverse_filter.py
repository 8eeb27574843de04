"""The inverse filter: undo the blur wherever the kernel let anything through."""

from __future__ import annotations

from typing import Any

import attrs
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.linalg import norm
from wellposed.needs import LINEAR, needs


@needs(LINEAR)
@attrs.frozen
class InverseFilter:
    """``x̂ = (A*A + c‖A‖²I)⁻¹A*y``: the pseudo-inverse, floored so that it exists in finite precision.

    With ``floor=0`` it is A⁺y exactly, which amplifies noise without bound at the zeros of the kernel;
    it is here to show why regularisation is needed.

    Parameters
    ----------
    floor
        c ≥ 0, relative to ‖A‖².
    """

    floor: float = 1e-4

    def __attrs_post_init__(self) -> None:
        """Check the floor."""
        if self.floor < 0:
            raise ParameterError(f"floor={self.floor} must be ≥ 0; it is relative to ‖A‖².")

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the estimate for ``y`` of any linear physics."""
        operator = getattr(physics, "operator", physics)
        result: Tensor
        if self.floor == 0:
            result = operator.A_dagger(y)
            return result
        # prox_l2 from z = 0 solves (A*A + I/γ) u = A*y
        weight = 1 / (self.floor * norm(operator) ** 2)
        zero = 0 * operator.A_adjoint(y)
        result = operator.prox_l2(zero, y, weight)
        return result
