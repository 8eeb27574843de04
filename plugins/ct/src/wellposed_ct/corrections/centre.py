"""Where the rotation axis projects: five published ways, by data they suit.

A wrong centre turns every edge into a tuning fork. What is found is ``axis_mm`` of the geometry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError, StructureError
from wellposed_ct.corrections.centre_fourier import by_fourier
from wellposed_ct.corrections.centre_sharpness import by_negativity, by_sharpness
from wellposed_ct.methods.finite import require_finite
from wellposed_ct.methods.redundancy import arc_weights
from wellposed_ct.projectors import FanBeam, ParallelBeam

__all__ = ["CENTRE_METHODS", "Centre", "find_centre"]


def find_centre(y: Tensor, physics: Any, method: str = "auto", reach: float = 0.2) -> Tensor:
    """Return ``axis_mm`` of every sample, ``(B,)`` float64 on the CPU, mm from the detector's middle.

    Parameters
    ----------
    y
        ``(B, C, views, bins)``, nepers; the channels' mean is looked at.
    physics
        A parallel or fan beam; its own ``axis_mm`` is ignored, except that the last two search around it.
    method
        ``mass``: the centre of mass of a view follows a cosine about the axis (Azevedo et al. 1990); any
        angles, but the whole object must be seen. ``opposite``: a view and its mirrored opposite (needs views
        half a turn apart). ``fourier``: energy outside the double wedge of the spectrum (Vo et al. 2014);
        half a turn of many views, truncated too. ``negativity`` and ``sharpness``: the centre whose
        back-projection has the least negative values (Donath et al. 2006), or the most energy (Kingston et
        al. 2011); parallel or fan, full turns for the latter. ``auto``: sharpness for a fan, mass
        where the views fall to zero on both sides, else fourier.
    reach
        How far to search, as a fraction of the detector.

    Raises
    ------
    ParameterError
        An unknown method, or data that it cannot use; the message names another.
    StructureError
        ``physics`` is neither.

    References
    ----------
    doi:10.1109/23.55866, doi:10.1364/OE.22.019078, doi:10.1364/JOSAA.23.001048,
    doi:10.1118/1.3609096.
    """
    operator = getattr(physics, "operator", physics)
    if not isinstance(operator, ParallelBeam | FanBeam):
        raise StructureError(
            f"the centre is found of ct.parallel and ct.fan, not of {type(operator).__name__}."
        )
    if method != "auto" and method not in _METHODS:
        raise ParameterError(f"method = {method!r} must be one of {', '.join(CENTRE_METHODS)}.")
    if not 0 < reach <= 0.5:
        raise ParameterError(f"reach = {reach} must be in (0, 0.5], of the detector's width.")
    operator.range.check(y, "y")
    require_finite(y, "find_centre")
    if not bool(y.flatten(1).any(1).all()):
        raise ParameterError("find_centre: a sample is all zero, so it has no centre; look at other rows.")
    # one number per sample, found once and in double precision: the CPU does it, wherever the data are
    views = y.detach().mean(1).to("cpu", torch.float64)
    chosen = _automatic(views, operator) if method == "auto" else method
    if isinstance(operator, FanBeam) and chosen not in ("negativity", "sharpness"):
        raise ParameterError(f"method = {chosen!r} is for parallel rays; of a fan, use sharpness.")
    if chosen == "sharpness" and isinstance(operator, ParallelBeam) and _is_half_a_turn(operator):
        raise ParameterError(
            "method = 'sharpness' needs a full turn of views, and these cover about half a turn; use "
            "mass, fourier or negativity."
        )
    return _METHODS[chosen](views, operator, reach)


def _is_half_a_turn(operator: Any) -> bool:
    """Return whether more than a fifth of a full turn has no views."""
    angles = operator.angles.detach()
    return float(arc_weights(angles).sum()) < 0.8 * 2 * torch.pi


def _automatic(views: Tensor, operator: Any) -> str:
    if isinstance(operator, FanBeam):
        return "sharpness"
    ends = views[..., [0, 1, -2, -1]].abs().mean()
    return "mass" if float(ends) < 0.02 * float(views.abs().amax()) else "fourier"


def by_mass(views: Tensor, operator: Any, reach: float) -> Tensor:
    """Least squares of every view's centre of mass against ``axis + x cos θ + y sin θ``."""
    angles = operator.angles.detach().to(views)
    if len(angles) < 3:
        raise ParameterError(f"the centre of mass needs 3 views, and there are {len(angles)}.")
    u = _coordinates(views, operator)
    weight = views.sum(-1)
    if bool((weight <= 0).any()):
        raise ParameterError("a view sums to nothing, so it has no centre of mass; use method = 'fourier'.")
    place = (views * u).sum(-1) / weight
    basis = torch.stack([torch.ones_like(angles), angles.cos(), angles.sin()], -1)
    found: Tensor = torch.linalg.lstsq(basis, place.mT).solution[0]
    return found


def by_opposite(views: Tensor, operator: Any, reach: float) -> Tensor:
    """Correlation of views with their mirrored opposites; twice the shift of the axis is its peak."""
    angles = operator.angles.detach().to(views)
    step = torch.diff(angles.sort().values).median() if len(angles) > 1 else angles.new_zeros(())
    apart = (angles[None, :] - angles[:, None]).remainder(2 * torch.pi)
    off, partner = (apart - torch.pi).abs().min(1)
    usable = torch.nonzero(off <= 1.01 * step + 1e-6)[:, 0]
    if not len(usable):
        raise ParameterError(
            f"no two views are half a turn apart (nearest: {float(off.min()):.3g} rad off); use method = "
            "'mass' or 'fourier'."
        )
    if bool((off <= 0.5 * step).any()):  # true opposites, where there are some
        usable = torch.nonzero(off <= 0.5 * step)[:, 0]
    n = views.shape[-1]
    one, other = (torch.fft.rfft(v, 2 * n) for v in (views[:, usable], views[:, partner[usable]].flip(-1)))
    match = torch.fft.irfft(one * other.conj(), 2 * n).sum(1)
    lags = int(2 * reach * n)
    near = torch.cat([match[:, -lags:], match[:, : lags + 1]], -1)
    return (_peak(near) - lags) / 2 * float(operator.detector_mm)


def _peak(curves: Tensor) -> Tensor:
    """Return where each curve is highest, by the parabola through three samples."""
    top = curves.argmax(-1, keepdim=True).clamp(1, curves.shape[-1] - 2)
    a, b, c = (curves.gather(-1, top + i)[..., 0] for i in (-1, 0, 1))
    bend = a - 2 * b + c
    return top[..., 0] + torch.where(bend < 0, 0.5 * (a - c) / bend, 0)


def _coordinates(views: Tensor, operator: Any) -> Tensor:
    n = views.shape[-1]
    return (torch.arange(n, dtype=views.dtype) - (n - 1) / 2) * float(operator.detector_mm)


_METHODS: Mapping[str, Callable[[Tensor, Any, float], Tensor]] = {
    "mass": by_mass,
    "opposite": by_opposite,
    "fourier": by_fourier,
    "negativity": by_negativity,
    "sharpness": by_sharpness,
}

CENTRE_METHODS = ("auto", *_METHODS)
"""What :func:`find_centre` may be asked for."""


@attrs.frozen
class Centre:
    """Find the centre of rotation and put it into the physics; the median over the samples is taken.

    Parameters
    ----------
    method, reach
        As in :func:`find_centre`.
    """

    method: str = attrs.field(default="auto", validator=attrs.validators.in_(CENTRE_METHODS))
    reach: float = 0.2

    def __call__(self, y: Tensor, physics: Any) -> tuple[Tensor, Any]:
        """Return ``y`` as it is, and the physics with the ``axis_mm`` that was found."""
        found = find_centre(y, physics, self.method, self.reach).median()
        operator = getattr(physics, "operator", physics)
        return y, operator.replace(axis_mm=found.to(operator.angles.device))
