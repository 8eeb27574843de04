"""``ct.fbp``: filtered back-projection, the exact inverse where views are many and noise is little."""

from __future__ import annotations

import math
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError, StructureError
from wellposed_ct.methods.fan_fbp import fan_back_projection
from wellposed_ct.methods.filters import WINDOWS, Window, filter_rows
from wellposed_ct.projectors.fan import FanBeam
from wellposed_ct.projectors.joseph import Plan, apply
from wellposed_ct.projectors.parallel import ParallelBeam
from wellposed_ct.projectors.precision import doubles

__all__ = ["FBP", "angular_weights"]


@attrs.frozen
class FBP:
    """Filter every view with the ramp and smear it back, values read between the two nearest bins.

    Quantitative: attenuation in 1/mm from nepers. Angles may come in any order and spacing, over half a turn,
    a full one, or less (limited angle); each view counts for the arc that it stands for. Fan beams of less
    than a full turn are weighted as by Parker (1982), so that no ray counts twice.

    Parameters
    ----------
    window
        ``ramp`` (sharpest), ``shepp-logan``, ``cosine``, ``hamming`` or ``hann`` (smoothest).
    cutoff
        Where the window ends, relative to the Nyquist frequency of the detector, in (0, 1].

    References
    ----------
    Kak & Slaney (1988), Principles of Computerized Tomographic Imaging, ch. 3.
    """

    window: Window = "ramp"
    cutoff: float = 1.0

    def __attrs_post_init__(self) -> None:
        """Check the choices."""
        if self.window not in WINDOWS:
            raise ParameterError(f"window = {self.window!r} must be one of {', '.join(WINDOWS)}.")
        if not 0 < self.cutoff <= 1:
            raise ParameterError(f"cutoff = {self.cutoff} must be in (0, 1], relative to Nyquist.")

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return images ``(B, C, H, W)`` of sinograms ``(B, C, views, detectors)``.

        Raises
        ------
        StructureError
            ``physics`` is not one that has such an inverse.
        """
        operator = getattr(physics, "operator", physics)
        if isinstance(operator, FanBeam):
            operator.range.check(y, "y")
            return fan_back_projection(y, operator, self.window, self.cutoff)
        if not isinstance(operator, ParallelBeam):
            raise StructureError(
                f"FBP inverts ct.parallel and ct.fan, not {type(operator).__name__}; use ct.sirt, ct.cgls or "
                "ct.tv."
            )
        operator.range.check(y, "y")
        filtered = filter_rows(y, operator.detector_mm, self.window, self.cutoff)
        weights = angular_weights(operator.angles.detach()).to(y)
        plan = Plan.of(operator.crossings(), operator.grid, operator.backend, interpolate=True)
        return apply(filtered * weights[:, None], plan, back=True)


def angular_weights(angles: Tensor) -> Tensor:
    """Return the arc, in radians of half a turn, that each view stands for, ``(V,)`` float64.

    Half the way to both neighbours, directions being counted modulo π. Where one or two gaps are more than
    three times the median, nothing was measured in them (limited angle), and no view stands for them.
    """
    folded = doubles(angles).remainder(math.pi)
    order = torch.argsort(folded)
    if len(order) == 1:
        return torch.full((1,), math.pi, dtype=torch.float64)
    ahead = torch.diff(folded[order], append=folded[order][:1] + math.pi)
    positive = ahead[ahead > 1e-9]
    usual = positive.median() if len(positive) else torch.tensor(math.pi)
    missing = ahead > 3 * usual
    limited = torch.where(missing, usual, ahead) if int(missing.sum()) <= 2 else ahead
    weights = torch.empty_like(folded)
    weights[order] = (limited + limited.roll(1)) / 2
    return weights
