"""Metal: bins behind it counted next to nothing, so they are filled from both sides of its shadow."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError, SpaceError
from wellposed_ct.methods import FBP

__all__ = ["MetalInpainting", "inpaint", "metal_trace"]


def inpaint(y: Tensor, missing: Tensor) -> Tensor:
    """Return ``y`` with ``missing`` bins interpolated linearly along the detector, view by view.

    Towards an end of the detector without a known bin, the nearest one is repeated; a view without any known
    bin stays as it is.
    """
    if missing.shape != y.shape or missing.dtype != torch.bool:
        raise SpaceError(
            f"missing is {missing.dtype} {tuple(missing.shape)}, and bool {tuple(y.shape)} is expected."
        )
    n = y.shape[-1]
    k = torch.arange(n, device=y.device).expand_as(y)
    before = torch.where(missing, -1, k).cummax(-1).values
    after = torch.where(missing, n, k).flip(-1).cummin(-1).values.flip(-1)
    left = torch.where(before < 0, after, before).clamp(max=n - 1)
    right = torch.where(after >= n, before, after).clamp(min=0)
    way = (right - left).clamp(min=1).to(y.dtype)
    low, high = y.gather(-1, left), y.gather(-1, right)
    filled = low + (high - low) * ((k - left).to(y.dtype) / way)
    known = (~missing).any(-1, keepdim=True)
    return torch.where(missing & known, filled, y)


def metal_trace(y: Tensor, physics: Any, threshold: float, window: str = "hann") -> tuple[Tensor, Tensor]:
    """Return where metal is, in the image and in the sinogram, both bool.

    Parameters
    ----------
    y
        ``(B, C, views, bins)``, nepers.
    physics
        The scan; its own projector casts the shadow.
    threshold
        Attenuation, 1/mm, above which a filtered back-projection is metal.
    window
        Of that back-projection; a smooth one, so that streaks are not taken for metal.
    """
    if not threshold > 0:
        raise ParameterError(f"threshold = {threshold} must be an attenuation > 0, in 1/mm.")
    operator = getattr(physics, "operator", physics)
    metal = FBP(window)(y.detach(), operator) > threshold  # type: ignore[arg-type]
    with torch.no_grad():
        shadow = operator.A(metal.to(y.dtype))
    return metal, shadow > 0


@attrs.frozen
class MetalInpainting:
    """Fill the shadow of metal by interpolation, which takes the streaks and the metal away.

    Linear interpolation after Kalender et al. (1987), doi:10.1148/radiology.164.2.3602406. Where the metal
    was is known from :func:`metal_trace`; paste it back for looking.

    Parameters
    ----------
    threshold
        Attenuation, 1/mm, above which it is metal.
    """

    threshold: float = 0.1

    def __call__(self, y: Tensor, physics: Any) -> tuple[Tensor, Any]:
        """Return ``y`` with the shadow filled, and ``physics`` as it is."""
        return inpaint(y, metal_trace(y, physics, self.threshold)[1]), physics
