"""Corrections one after another, so that a whole preprocessing is one value that a configuration can name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import attrs
from torch import Tensor

from wellposed.errors import ParameterError

__all__ = ["Chain", "Correction"]


class Correction(Protocol):
    """Anything with this call; see :mod:`wellposed_ct.corrections`."""

    def __call__(self, y: Tensor, physics: Any) -> tuple[Tensor, Any]:
        """Return the corrected sinograms ``(B, C, views, bins)`` and the physics that now describes them."""
        ...


def _steps(values: Iterable[Correction]) -> tuple[Correction, ...]:
    steps = tuple(values)
    for step in steps:
        if not callable(step):
            raise ParameterError(
                f"Chain: {step!r} is no correction; one is called as correction(y, physics), as Zingers()."
            )
    return steps


@attrs.frozen
class Chain:
    """Apply corrections in order; itself a correction.

    The usual order: counts to nepers, zingers, scatter, beam hardening, rings, centre, metal, truncation.

    Parameters
    ----------
    steps
        Objects called as ``y, physics = step(y, physics)``.
    """

    steps: tuple[Correction, ...] = attrs.field(converter=_steps, default=())

    def __call__(self, y: Tensor, physics: Any) -> tuple[Tensor, Any]:
        """Return the corrected sinograms and their physics."""
        for step in self.steps:
            y, physics = step(y, physics)
        return y, physics
