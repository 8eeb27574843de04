"""Rings by least squares: the constant per bin that leaves neighbouring bins as alike as can be."""

from __future__ import annotations

import math
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError

__all__ = ["RegularisedRings", "remove_rings_regularised"]


def remove_rings_regularised(y: Tensor, weight: float = 1.0) -> Tensor:
    """Return ``y`` without constant stripes, by the closed form of Titarenko et al. (2010).

    The offsets h minimise ``‖D(m − h)‖² + weight·‖h‖²``: D differences of neighbouring bins, m the mean over
    the views. The normal equations are diagonal in the cosine basis.

    Parameters
    ----------
    y
        ``(…, V, D)``, nepers.
    weight
        More leaves wide variations to the sample; less takes them for stripes.

    References
    ----------
    Titarenko, Withers, Yagola (2010), doi:10.1016/j.aml.2010.08.022; Miqueles et al. (2014),
    doi:10.1107/S1600577514016919.
    """
    if not (math.isfinite(weight) and weight > 0):
        raise ParameterError(f"weight = {weight} must be a finite number > 0.")
    mean = y.mean(-2, keepdim=True)
    n = mean.shape[-1]
    # the mirrored mean is periodic, and DᵀD of reflecting ends is its circular second difference
    spectrum = torch.fft.rfft(torch.cat([mean, mean.flip(-1)], -1))
    rough = 4 * torch.sin(math.pi * torch.arange(n + 1, device=y.device, dtype=y.dtype) / (2 * n)) ** 2
    offsets: Tensor = torch.fft.irfft(spectrum * (rough / (rough + weight)), n=2 * n)[..., :n]
    return y - offsets


@attrs.frozen
class RegularisedRings:
    """Remove ring artefacts by regularised least squares; see :func:`remove_rings_regularised`."""

    weight: float = 1.0

    def __call__(self, y: Tensor, physics: Any) -> tuple[Tensor, Any]:
        """Return ``y`` without stripes, and ``physics`` as it is."""
        return remove_rings_regularised(y, self.weight), physics
