"""Step sizes: from the norm of the operator, or as the user says."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.spaces import Vector
from wellposed_optim.fidelities import Fidelity
from wellposed_optim.parameters import per_sample


def gradient_step(fidelity: Fidelity, y: Vector, physics: Any, extra: float | Tensor = 0.0) -> float | Tensor:
    """Return 1/L for the Lipschitz constant L of ∇f, plus ``extra`` for other smooth terms.

    Raises :class:`ParameterError` where L is zero: then there is nothing to reconstruct from.
    """
    constant = torch.as_tensor(fidelity.lipschitz(y, physics) + extra)
    if not bool((constant > 0).all()):
        raise ParameterError(
            f"the Lipschitz constant of the fidelity is {constant.tolist()}; is the operator zero?"
        )
    return 1.0 / constant


def plain(value: float | Tensor, like: Tensor) -> float | Tensor:
    """Return a Python number where one serves the whole batch, else values that broadcast against ``like``.

    Numbers let the loop fuse ``x − τ·g`` into one pass.
    """
    if isinstance(value, Tensor) and (value.requires_grad or value.numel() > 1):
        return per_sample(value, like)
    return float(value)


def descend(x: Tensor, step: float | Tensor, gradient: Tensor) -> Tensor:
    """Return x − step·gradient."""
    return torch.sub(x, gradient, alpha=step) if isinstance(step, float) else x - step * gradient
