"""Measurement consistency: what is reconstructed must explain what was measured."""

from __future__ import annotations

from typing import Any, ClassVar, final

import attrs
from torch import Tensor

from wellposed_train.losses.measured import mean_square_difference


@final
@attrs.frozen
class MeasurementConsistency:
    """Mean squared residual in measurement space, mean |A(x̂) − y|² over the entries of a sample.

    It is blind to the null space of ``A``; combine it with a loss that is not. Takes ``x_hat`` ``(B, …)``,
    ``y`` (a tensor or a tuple of tensors, batch first) and a ``physics`` with ``A``; returns real ``(B,)``.
    Raises :class:`~wellposed.errors.SpaceError` when ``A(x_hat)`` does not have the shape of ``y``.
    """

    uses: ClassVar[tuple[str, ...]] = ("x_hat", "y", "physics")
    zero_at_truth: ClassVar[bool] = True
    unbiased: ClassVar[bool] = False

    def __call__(self, x_hat: Any, x: Any, y: Any, physics: Any, model: Any = None) -> Tensor:
        """Return the loss of each sample."""
        return mean_square_difference(physics.A(x_hat), y, "MeasurementConsistency")
