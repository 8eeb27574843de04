"""Phantoms of the literature."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from wellposed_ct.phantoms.ellipses import Ellipses

__all__ = ["disc", "random_ellipses", "shepp_logan"]

_AXES = (
    (0.69, 0.92, 0.0, 0.0, 0.0),
    (0.6624, 0.874, 0.0, -0.0184, 0.0),
    (0.11, 0.31, 0.22, 0.0, -18.0),
    (0.16, 0.41, -0.22, 0.0, 18.0),
    (0.21, 0.25, 0.0, 0.35, 0.0),
    (0.046, 0.046, 0.0, 0.1, 0.0),
    (0.046, 0.046, 0.0, -0.1, 0.0),
    (0.046, 0.023, -0.08, -0.605, 0.0),
    (0.023, 0.023, 0.0, -0.606, 0.0),
    (0.023, 0.046, 0.06, -0.605, 0.0),
)
_ORIGINAL = (2.0, -0.98, -0.02, -0.02, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01)
_MODIFIED = (1.0, -0.8, -0.2, -0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1)


def shepp_logan(radius_mm: float = 1.0, modified: bool = True) -> Ellipses:
    """Return the head of Shepp & Logan (1974), doi:10.1109/TNS.1974.6499235, within ``radius_mm``.

    Parameters
    ----------
    radius_mm
        What the unit of the table stands for: half the side of the usual picture.
    modified
        Toft's (1996) values, with contrast for the eye: brain at 0.2, skull at 1. Else the original ones.
    """
    values = _MODIFIED if modified else _ORIGINAL
    rows = [(v, *axes[:4], math.radians(axes[4])) for v, axes in zip(values, _AXES, strict=True)]
    return Ellipses(rows).scaled(radius_mm)


def disc(radius_mm: float, value: float = 1.0, at_mm: Sequence[float] = (0.0, 0.0)) -> Ellipses:
    """Return a disc about the point ``at_mm``, (x, y)."""
    return Ellipses([(value, radius_mm, radius_mm, *at_mm, 0.0)])


def random_ellipses(
    generator: torch.Generator | None = None, radius_mm: float = 1.0, mean_count: float = 50.0
) -> Ellipses:
    """Return random ellipses: the training distribution of learned primal–dual reconstruction.

    Adler & Öktem (2018), doi:10.1109/TMI.2018.2799231: a Poisson number of ellipses, values
    (U − ½)·Exp(0.4), semi-axes Exp(0.2), centres uniform in the square, any angle.
    """

    def uniform(n: int) -> torch.Tensor:
        return torch.rand(n, dtype=torch.float64, generator=generator)

    n = int(torch.poisson(torch.tensor(mean_count, dtype=torch.float64), generator=generator))
    exponential = [-torch.log1p(-uniform(n)) for _ in range(3)]
    rows = (
        (uniform(n) - 0.5) * 0.4 * exponential[0],
        0.2 * exponential[1],
        0.2 * exponential[2],
        2 * uniform(n) - 1,
        2 * uniform(n) - 1,
        2 * math.pi * uniform(n),
    )
    return Ellipses(torch.stack(rows, 1)).scaled(radius_mm)
