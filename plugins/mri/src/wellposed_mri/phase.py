"""Multiplying an image by e^{iφ}: the symmetry of everything complex-linear, and of good methods."""

from __future__ import annotations

import math

import attrs
import torch
from torch import Tensor

from wellposed.errors import DtypeError
from wellposed.random import per_sample
from wellposed.transforms.base import GroupTransform, match_batch, per_image


@attrs.frozen
class GlobalPhase(GroupTransform[Tensor]):
    """``x ↦ e^{iφ} x`` for complex images: the group U(1); elements: angles φ ``(n,)`` in radians."""

    def sample(self, generator: torch.Generator | None = None, n: int = 1) -> Tensor:
        """Draw angles uniformly on the circle."""
        return per_sample(
            lambda g: 2 * math.pi * torch.rand((), generator=g, dtype=torch.float64), n, generator
        )

    def act(self, x: Tensor, g: Tensor) -> Tensor:
        """Return e^{iφ} x; DtypeError for real images, whose turned form is not real."""
        if not x.is_complex():
            raise DtypeError(
                f"a phase turns complex images, got {str(x.dtype).removeprefix('torch.')}; "
                "pass x.to(torch.complex64)."
            )
        angle = match_batch(g, x, "GlobalPhase")
        factor = torch.polar(torch.ones_like(angle), angle)
        return per_image(factor.to(x.dtype), x) * x

    def inverse(self, g: Tensor) -> Tensor:
        """Return −φ."""
        return -g

    def compose(self, g: Tensor, h: Tensor) -> Tensor:
        """Return the sum of the angles."""
        return g + h

    def identity(self) -> Tensor:
        """Return the angle zero."""
        return torch.zeros(1, dtype=torch.float64)
