"""``ct.fdk``: filtered back-projection of cone beams on a circle.

Feldkamp, Davis & Kress (1984, doi:10.1364/JOSAA.1.000612): every panel row is treated as a fan that is tilted
out of the plane. In the central plane this is the exact fan-beam inversion; away from it, values fall with
the cone angle, and edges across the axis blur.
"""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.native import uncompiled
from wellposed.needs import Need, needs
from wellposed.structure import Evidence
from wellposed_ct.methods.equivariance import homogeneous, keeps
from wellposed_ct.methods.filters import WINDOWS, Window, filter_rows
from wellposed_ct.methods.finite import require_finite
from wellposed_ct.methods.panels import Circle, resample
from wellposed_ct.methods.redundancy import arc_weights, beyond, ray_weights
from wellposed_ct.projectors.beams import Beams, view_table
from wellposed_ct.projectors.cone import ConeBeam
from wellposed_ct.projectors.precision import in_doubles
from wellposed_ct.projectors.smear import smear

__all__ = ["FDK"]

ENTRIES = 2**22
"""Largest temporary of the filter, in numbers."""


_CONE = Need(
    "a cone beam (ct.cone)", lambda y, physics: isinstance(getattr(physics, "operator", physics), ConeBeam)
)


@needs(_CONE)
@attrs.frozen
class FDK:
    """Weight, filter and smear back the projections of a circular cone-beam scan.

    Quantitative in the central plane: attenuation in 1/mm from nepers. Views may come in any order and
    spacing, over a full turn, a short scan, or arcs of it, and each line counts once. Over a full turn, so it
    does on a panel that is displaced to one side of the axis (an offset detector, or half fan). Panels
    that are rotated are read, between pixels, on an upright panel at the same distance. Differentiable in
    the projections, not in the geometry.

    Parameters
    ----------
    window
        ``ramp`` (sharpest), ``shepp-logan``, ``cosine``, ``hamming`` or ``hann`` (smoothest).
    cutoff
        Where the window ends, relative to the Nyquist frequency of the panel's columns, in (0, 1].

    References
    ----------
    Feldkamp, Davis & Kress (1984), doi:10.1364/JOSAA.1.000612; Noo et al. (2002),
    doi:10.1088/0031-9155/47/14/311;
    Wang (2002), X-ray micro-CT with a displaced detector array, doi:10.1118/1.1489043.
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
        """Return volumes ``(B, C, D, H, W)`` of projections ``(B, C, views, rows, columns)``.

        Raises
        ------
        UnsuitableError
            ``physics`` is no cone beam.
        StructureError
            The source does not run on a circle around the z axis.
        ParameterError
            ``y`` is not finite, or the geometry asks for gradients.
        """
        operator = getattr(physics, "operator", physics)
        operator.range.check(y, "y")
        require_finite(y, "FDK")
        if operator.calibrates:
            raise ParameterError(
                "FDK: vectors or centre_mm ask for gradients (or torch.func maps over them), and FDK takes "
                "the geometry as constant; reconstruct within torch.no_grad() or with detached values. The "
                "projector itself and ct.fbp are differentiable in their geometry."
            )
        return in_doubles(lambda y: self.filtered_back_projection(y, operator), y)

    def filtered_back_projection(self, y: Tensor, operator: ConeBeam) -> Tensor:
        """Return the volume; apart from the checks, this is linear in ``y``."""
        circle = Circle.of(operator.vectors.detach(), operator.detector)
        if not circle.is_upright:
            y, circle = resample(y, circle), circle.upright()
        margins = beyond(circle.positions()[0])
        filtered = self._filtered(y, circle, margins)
        circle = circle.widened(*margins)
        shape = (operator.geometry.size, circle.detector, operator.voxel_mm)
        views = view_table(circle.vectors, *shape, operator.centre_mm.detach(), parallel=False)
        return smear(filtered, Beams(views, *shape, parallel=False, backend=operator.backend))

    def _filtered(self, y: Tensor, circle: Circle, margins: tuple[int, int]) -> Tensor:
        """Return projections weighted by cosine, arc and redundancy, and filtered row by row."""
        a, b = circle.positions()
        spacing = circle.spacing()
        ray = torch.sqrt(circle.radius[:, None, None] ** 2 + a[:, None] ** 2 + b[..., None] ** 2)
        # lengths are scaled to the axis: the smearing divides by distances of the panel
        scale = (circle.radius / circle.distance) ** 2 / spacing * circle.radius
        gamma = torch.atan(a / circle.radius[:, None])
        counts = ray_weights(circle.angles, gamma, gamma) * arc_weights(circle.angles)[:, None]
        parts = []
        each = max(1, ENTRIES // max(1, 4 * y[..., 0, :, :].numel()))
        for some in torch.split(torch.arange(len(a), device=y.device), each):
            weights = (scale[some, None] * counts[some])[:, None] / ray[some]
            padded = torch.nn.functional.pad(y[..., some, :, :] * weights.to(y), margins)
            parts.append(filter_rows(padded, 1.0, self.window, self.cutoff))
        return torch.cat(parts, -3)
