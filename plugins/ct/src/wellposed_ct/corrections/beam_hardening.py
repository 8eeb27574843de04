"""Beam hardening: soft photons go first, so that thick objects look too thin; a polynomial straightens it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from wellposed.errors import ParameterError

__all__ = ["BeamHardening", "fit_beam_hardening"]


def _coefficients(values: Sequence[float]) -> tuple[float, ...]:
    found = tuple(float(v) for v in values)
    if not found or not np.isfinite(found).all():
        raise ParameterError(f"coefficients = {found} must be one or more finite numbers c₁, c₂, …")
    return found


@attrs.frozen
class BeamHardening:
    """Replace nepers p by c₁p + c₂p² + …, the line integrals that one energy would have given.

    Parameters
    ----------
    coefficients
        c₁, c₂, …; :func:`fit_beam_hardening` finds them from a wedge or a known phantom.

    References
    ----------
    Herman (1979), Correction for beam hardening in computed tomography, doi:10.1088/0031-9155/24/1/008.
    """

    coefficients: tuple[float, ...] = attrs.field(converter=_coefficients, default=(1.0,))

    def __call__(self, y: Tensor, physics: Any) -> tuple[Tensor, Any]:
        """Return the straightened sinograms, and ``physics`` as it is."""
        total = torch.zeros_like(y)
        for c in reversed(self.coefficients):
            total = (total + c) * y
        return total, physics


def fit_beam_hardening(measured: Tensor, ideal: Tensor, degree: int = 3) -> BeamHardening:
    """Return the polynomial without constant term that brings ``measured`` nepers closest to ``ideal`` ones.

    Parameters
    ----------
    measured
        Nepers of a wedge of known thicknesses, or of a phantom of known shape.
    ideal
        Thickness (mm) times the attenuation to be shown (1/mm), or the phantom's line integrals; same shape.
    degree
        Of the polynomial; at least as many different values are needed.

    Raises
    ------
    ParameterError
        Shapes differ, values are not finite, or too few to decide.
    """
    if measured.shape != ideal.shape:
        raise ParameterError(f"measured has shape {tuple(measured.shape)}, but ideal {tuple(ideal.shape)}.")
    p, t = (v.detach().cpu().to(torch.float64).flatten().numpy() for v in (measured, ideal))
    if not (np.isfinite(p).all() and np.isfinite(t).all()):
        raise ParameterError("measured and ideal must be finite; leave out bins without photons.")
    if degree < 1 or len(np.unique(p[p != 0])) < degree:
        raise ParameterError(
            f"degree = {degree} needs at least as many different values, and there are "
            f"{len(np.unique(p[p != 0]))}; measure more thicknesses, or lower the degree."
        )
    powers = p[:, None] ** np.arange(1, degree + 1)
    scale = np.linalg.norm(powers, axis=0)
    return BeamHardening(np.linalg.lstsq(powers / scale, t, rcond=None)[0] / scale)
