"""Zingers: single bright values where a stray photon hit the detector directly.

A view differs little from its neighbours, so the median of the same bin over a few views tells what the value
should have been; only what lies far from it is replaced, and everything else is left untouched.
"""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_ct.corrections.medians import median_along
from wellposed_ct.methods.finite import require_finite

__all__ = ["Zingers", "remove_zingers"]


def remove_zingers(y: Tensor, threshold: float | None = None, views: int = 5) -> Tensor:
    """Return ``y`` with values that stand out from their neighbouring views replaced by their median.

    Parameters
    ----------
    y
        ``(…, V, D)``, counts or nepers.
    threshold
        Difference, in the units of ``y``, that makes a zinger; by default twelve times the noise (the median
        absolute difference), and at least 10 % of the range of the data.
    views
        How many neighbouring views are compared, odd.
    """
    if views < 3 or views % 2 == 0:
        raise ParameterError(f"views = {views} must be odd and at least 3.")
    require_finite(y, "zingers")
    usual = median_along(y, views, -2)
    difference = y - usual
    limit = _limit(y, difference) if threshold is None else y.new_tensor(threshold)
    return torch.where(difference.abs() > limit, usual, y)


def _limit(y: Tensor, difference: Tensor) -> Tensor:
    flat = difference.abs().flatten(-2)
    noise = 1.4826 * flat.median(-1).values
    whole = y.flatten(-2)
    low, high = (torch.quantile(_sampled(whole), q, dim=-1) for q in (0.01, 0.99))
    return torch.maximum(12 * noise, 0.1 * (high - low))[..., None, None]


def _sampled(values: Tensor) -> Tensor:
    """Return at most 2¹⁶ evenly chosen values per sample: quantile refuses millions."""
    return values[..., :: max(1, values.shape[-1] >> 16)]


@attrs.frozen
class Zingers:
    """Replace single outliers by the median of neighbouring views; see :func:`remove_zingers`."""

    threshold: float | None = None
    views: int = 5

    def __call__(self, y: Tensor, physics: Any) -> tuple[Tensor, Any]:
        """Return ``y`` without zingers, and ``physics`` as it is."""
        return remove_zingers(y, self.threshold, self.views), physics
