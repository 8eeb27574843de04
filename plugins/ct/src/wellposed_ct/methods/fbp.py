"""``ct.fbp``: filtered back-projection, the exact inverse where views are many and noise is little."""

from __future__ import annotations

import math
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.native import uncompiled
from wellposed.needs import Need, needs
from wellposed.structure import Evidence
from wellposed_ct.methods.equivariance import homogeneous, keeps
from wellposed_ct.methods.fan_fbp import fan_back_projection
from wellposed_ct.methods.filters import WINDOWS, Window, filter_rows
from wellposed_ct.methods.finite import require_finite
from wellposed_ct.methods.redundancy import arc_weights, beyond, is_displaced, ray_weights, widened
from wellposed_ct.projectors.calibration import is_mapped
from wellposed_ct.projectors.fan import FanBeam
from wellposed_ct.projectors.joseph import Plan, apply
from wellposed_ct.projectors.joseph_torch import back_project
from wellposed_ct.projectors.parallel import ParallelBeam
from wellposed_ct.projectors.precision import doubles, in_doubles

__all__ = ["FBP", "parallel_back_projection"]

_PLANE = Need(
    "parallel rays or a fan in the plane (ct.parallel, ct.fan)",
    lambda y, physics: isinstance(getattr(physics, "operator", physics), ParallelBeam | FanBeam),
)


@needs(_PLANE)
@attrs.frozen
class FBP:
    """Filter every view with the ramp and smear it back, values read between the two nearest bins.

    Quantitative: attenuation in 1/mm from nepers. Angles may come in any order and spacing, over half a turn,
    a full one, or less (limited angle); each view counts for the arc that it stands for. Lines that
    were measured from both sides count once, also by fans of less than a full turn, and by detectors that are
    displaced to one side of the axis to see, over a full turn, twice the field.

    Differentiable in the sinogram, and in angles, axis, centre and tilt where they ask for gradients
    (calibration), then in pure torch.

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

    def evidence(self) -> tuple[Evidence, ...]:
        """Return what is declared: the symmetries that are kept."""
        return (keeps(), homogeneous(signed=True))

    @uncompiled
    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return images ``(B, C, H, W)`` of sinograms ``(B, C, views, detectors)``.

        Raises
        ------
        UnsuitableError
            ``physics`` is not one that has such an inverse.
        ParameterError
            ``y`` is not finite, or ``torch.func.vmap`` maps over the geometry.
        """
        operator = getattr(physics, "operator", physics)
        _check(y, operator)
        if isinstance(operator, FanBeam):
            return fan_back_projection(y, operator, self.window, self.cutoff)
        return parallel_back_projection(y, operator, self.window, self.cutoff)


def _check(y: Tensor, operator: ParallelBeam | FanBeam) -> None:
    operator.range.check(y, "y")
    require_finite(y, "FBP")
    tilt = operator.tilt if isinstance(operator, FanBeam) else operator.axis_mm
    if is_mapped(operator.angles, operator.axis_mm, operator.centre_mm, tilt):
        raise ParameterError(
            "FBP: torch.func.vmap maps over the geometry, and how views share the turn is found for one "
            "geometry at a time; loop over them (torch.func.grad and jvp work)."
        )


def parallel_back_projection(
    y: Tensor, operator: ParallelBeam, window: Window, cutoff: float, displaced: bool = True
) -> Tensor:
    """Return images ``(B, C, H, W)`` of sinograms ``(B, C, V, D)``."""
    angles = doubles(operator.angles)
    axis = doubles(operator.axis_mm).expand_as(angles)
    k = torch.arange(operator.detectors, dtype=torch.float64, device=angles.device)
    s = (k - (operator.detectors - 1) / 2) * operator.detector_mm - axis[:, None]
    displaced = displaced and is_displaced(s)
    if displaced:  # some lines were measured from one side only
        counts = ray_weights(angles, s) * arc_weights(angles)[:, None]
    else:
        counts = arc_weights(angles, math.pi)[:, None]
    low, high = beyond(s.detach()) if displaced else (0, 0)
    padded = torch.nn.functional.pad(y * counts.to(y), (low, high))
    filtered = filter_rows(padded, operator.detector_mm, window, cutoff)
    wide = widened(operator, low, high)
    if operator.calibrates:
        rays = wide.crossings()
        return in_doubles(lambda f: back_project(f, rays, wide.grid, interpolate=True), filtered)
    return apply(filtered, Plan.of(wide.crossings(), wide.grid, wide.backend, interpolate=True), back=True)
