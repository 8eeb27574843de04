"""Rings by sorting: a bin that answers wrongly shows in all its views, whatever passes before it."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_ct.corrections.medians import median_along

__all__ = ["SortingRings", "remove_rings_sorting"]


def remove_rings_sorting(y: Tensor, window: int | None = None) -> Tensor:
    """Return ``y`` without stripes along the views, by the sorting of Vo et al. (2018), algorithm 3.

    The values of each bin are sorted over the views; neighbouring bins then agree except for the stripes,
    which a running median across the bins removes; and every value goes back to its view.

    Parameters
    ----------
    y
        ``(…, V, D)``, nepers.
    window
        Bins of the median, odd: about twice the widest stripe. By default a hundredth of the detector, at
        least 5; wide windows take fine structure for stripes.

    References
    ----------
    Vo, Atwood, Drakopoulos (2018), doi:10.1364/OE.26.028396.
    """
    if window is None:
        window = max(5, y.shape[-1] // 200 * 2 + 1)
    if window < 3 or window % 2 == 0:
        raise ParameterError(f"window = {window} must be odd and at least 3.")
    ranked, order = y.sort(dim=-2, stable=True)
    smooth = median_along(ranked, window, -1)
    return torch.empty_like(y).scatter(-2, order, smooth)


@attrs.frozen
class SortingRings:
    """Remove ring artefacts by sorting; see :func:`remove_rings_sorting`."""

    window: int | None = None

    def __call__(self, y: Tensor, physics: Any) -> tuple[Tensor, Any]:
        """Return ``y`` without stripes, and ``physics`` as it is."""
        return remove_rings_sorting(y, self.window), physics
