"""What every method asks before it starts, and the symmetry that all of them have."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.linalg import find
from wellposed.structure import Evidence, NormBound, Symmetry
from wellposed_mri.encoding.checks import require_finite, require_signal
from wellposed_mri.encoding.traits import seen
from wellposed_mri.phase import GlobalPhase

BRIGHT = 0.99
"""The quantile of magnitudes that stands for the brightness of an image: its maximum without outliers."""


class PhaseEquivariant:
    """Methods that commute with a global phase: R(e^{iφ} y) = e^{iφ} R(y)."""

    def evidence(self) -> tuple[Evidence, ...]:
        """Return the declared equivariance, which the conformance kit tests."""
        return (Symmetry(GlobalPhase(), GlobalPhase()),)


def operator_of(physics: Any) -> Any:
    """Return the operator of a forward model, or the physics itself."""
    return getattr(physics, "operator", physics)


def require_measurements(y: Tensor) -> None:
    """Raise for k-space that is no tensor, with NaNs, or of zeros only."""
    require_finite("y", y)
    require_signal("y", y)


def over(values: Tensor, like: Tensor) -> Tensor:
    """View values ``(B,)`` so that they broadcast against ``like``, ``(B, …)``."""
    return values.reshape((-1,) + (1,) * (like.ndim - 1))


def only_seen(image: Tensor, operator: Any) -> Tensor:
    """Return ``image`` with zeros where no coil sees anything: a prior would fill in what nobody measured."""
    where = seen(operator)
    return image if where is None else torch.where(where, image, 0)


def brightness(image: Tensor) -> Tensor:
    """Return the 99 % quantile of the magnitude per sample, ``(B,)``, real."""
    flat = image.detach().abs().flatten(1)
    rank = max(1, round(BRIGHT * flat.shape[1]))
    value: Tensor = flat.kthvalue(rank, dim=1).values
    return torch.where(value > 0, value, flat.amax(1))


def squared_norm(physics: Any) -> float:
    """Return an upper bound of ‖A‖², by evidence where there is any."""
    from wellposed.linalg import norm

    operator = operator_of(physics)
    known = find(operator, NormBound)
    size = float(norm(operator)) * 1.01 if known is None else known.bound
    if size == 0:
        raise ParameterError("the operator is zero: are the coil maps, or the mask, zero everywhere?")
    return size * size
