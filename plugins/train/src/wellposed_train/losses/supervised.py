"""Supervised losses: the distance to a known truth."""

from __future__ import annotations

from typing import Any, ClassVar, final

import attrs
from torch import Tensor

from wellposed_train.comparison import check_pair, sample_mean, squared_magnitude


@final
@attrs.frozen
class SupervisedL1:
    """Mean absolute error against the truth, mean |x̂ − x| over the entries of a sample.

    Takes ``x_hat`` and ``x`` of equal shape ``(B, …)``, real or complex; returns real ``(B,)``. Raises
    :class:`~wellposed.errors.SpaceError` when the shapes differ or the truth is missing.
    """

    uses: ClassVar[tuple[str, ...]] = ("x_hat", "x")
    zero_at_truth: ClassVar[bool] = True
    unbiased: ClassVar[bool] = False

    def __call__(self, x_hat: Any, x: Any, y: Any = None, physics: Any = None, model: Any = None) -> Tensor:
        """Return the loss of each sample."""
        estimate, truth = check_pair(x_hat, x, "SupervisedL1")
        return sample_mean((estimate - truth).abs())


@final
@attrs.frozen
class SupervisedL2:
    """Mean squared error against the truth, mean |x̂ − x|² over the entries of a sample.

    Arguments, result and errors are those of :class:`SupervisedL1`.
    """

    uses: ClassVar[tuple[str, ...]] = ("x_hat", "x")
    zero_at_truth: ClassVar[bool] = True
    unbiased: ClassVar[bool] = False

    def __call__(self, x_hat: Any, x: Any, y: Any = None, physics: Any = None, model: Any = None) -> Tensor:
        """Return the loss of each sample."""
        estimate, truth = check_pair(x_hat, x, "SupervisedL2")
        return sample_mean(squared_magnitude(estimate - truth))
