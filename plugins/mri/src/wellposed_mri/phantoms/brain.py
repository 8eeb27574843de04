"""A brain of simple shapes with tissue values: any contrast, and its exact k-space.

Every shape lies wholly within its parent, so an image is a sum of ellipses whose values are differences of
signals, and :class:`Ellipses` knows the Fourier transform of that.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_mri.phantoms.shepp_logan import Ellipses


@attrs.frozen
class Tissue:
    """Proton density (relative to water) and relaxation times in ms, at 1.5 T."""

    name: str
    pd: float
    t1: float
    t2: float


TISSUES = (
    Tissue("scalp", 1.0, 250.0, 70.0),
    Tissue("bone", 0.12, 1000.0, 10.0),
    Tissue("csf", 1.0, 4000.0, 2000.0),
    Tissue("grey", 0.86, 950.0, 100.0),
    Tissue("white", 0.77, 600.0, 80.0),
    Tissue("lesion", 0.9, 1200.0, 160.0),
)
"""Rounded from G. J. Stanisz et al., Magn. Reson. Med. 54 (2005) 507–512, doi:10.1002/mrm.20605, and the
BrainWeb phantom, D. L. Collins et al., IEEE Trans. Med. Imaging 17 (1998) 463–468, doi:10.1109/42.712135."""

# tissue, semi-axis x, semi-axis y, centre x, centre y, degrees, index of the parent (-1: air)
SHAPES = (
    ("scalp", 0.72, 0.92, 0.0, 0.0, 0.0, -1),
    ("bone", 0.68, 0.88, 0.0, 0.0, 0.0, 0),
    ("csf", 0.63, 0.83, 0.0, 0.0, 0.0, 1),
    ("grey", 0.61, 0.81, 0.0, 0.0, 0.0, 2),
    ("white", 0.25, 0.62, -0.295, 0.0, 0.0, 3),
    ("white", 0.25, 0.62, 0.295, 0.0, 0.0, 3),
    ("csf", 0.06, 0.22, -0.12, 0.12, 12.0, 4),
    ("csf", 0.06, 0.22, 0.12, 0.12, -12.0, 5),
    ("grey", 0.08, 0.12, -0.34, 0.0, 15.0, 4),
    ("grey", 0.08, 0.12, 0.34, 0.0, -15.0, 5),
    ("grey", 0.05, 0.07, -0.16, -0.2, 0.0, 4),
    ("grey", 0.05, 0.07, 0.16, -0.2, 0.0, 5),
    ("csf", 0.016, 0.1, 0.0, 0.02, 0.0, 3),
    ("csf", 0.012, 0.06, -0.42, 0.2, 30.0, 4),
    ("csf", 0.012, 0.06, 0.42, 0.2, -30.0, 5),
    ("lesion", 0.035, 0.03, 0.28, 0.38, 0.0, 5),
    ("lesion", 0.02, 0.025, -0.3, -0.4, 20.0, 4),
    ("csf", 0.01, 0.01, 0.28, -0.32, 0.0, 5),
    ("csf", 0.006, 0.006, 0.28, -0.38, 0.0, 5),
)

Signal = Callable[[Tissue], float]


def brain(signal: Signal) -> Ellipses:
    """Return the brain in the contrast that ``signal`` gives each tissue.

    ``brain(spin_echo(600, 15)).image(256)`` is an image, ``.kspace(trajectory, 256)`` its exact k-space.

    Parameters
    ----------
    signal
        A function of a :class:`Tissue`, such as :func:`spin_echo`; ``lambda tissue: tissue.t1`` gives the
        map of T1.
    """
    known = {tissue.name: tissue for tissue in TISSUES}
    levels = [signal(known[name]) for name, *_ in SHAPES]
    rows = [
        (level - (levels[parent] if parent >= 0 else 0.0), *place)
        for level, (_, *place, parent) in zip(levels, SHAPES, strict=True)
    ]
    return Ellipses(rows)


def brain_maps(size: int) -> dict[str, Tensor]:
    """Return maps ``(size, size)`` of ``pd``, ``t1`` and ``t2`` (ms), each pixel the mean over its area."""
    values: dict[str, Signal] = {"pd": lambda t: t.pd, "t1": lambda t: t.t1, "t2": lambda t: t.t2}
    return {name: brain(value).image(size) for name, value in values.items()}


def spin_echo(tr: float, te: float) -> Signal:
    """Return ``PD·(1 − e^(−TR/T1))·e^(−TE/T2)``, times in ms."""
    _positive(tr=tr, te=te)
    return lambda tissue: tissue.pd * (1 - math.exp(-tr / tissue.t1)) * math.exp(-te / tissue.t2)


def gradient_echo(tr: float, te: float, flip_degrees: float) -> Signal:
    """Return the spoiled gradient echo (Ernst), times in ms, with T2 in place of T2*."""
    _positive(tr=tr, te=te, flip_degrees=flip_degrees)
    angle = math.radians(flip_degrees)

    def signal(tissue: Tissue) -> float:
        e1 = math.exp(-tr / tissue.t1)
        steady = math.sin(angle) * (1 - e1) / (1 - math.cos(angle) * e1)
        return tissue.pd * steady * math.exp(-te / tissue.t2)

    return signal


def inversion_recovery(tr: float, te: float, ti: float) -> Signal:
    """Return ``PD·(1 − 2e^(−TI/T1) + e^(−TR/T1))·e^(−TE/T2)``, signed, times in ms (FLAIR: TI ≈ 2400)."""
    _positive(tr=tr, te=te, ti=ti)
    return lambda tissue: (
        tissue.pd
        * (1 - 2 * math.exp(-ti / tissue.t1) + math.exp(-tr / tissue.t1))
        * math.exp(-te / tissue.t2)
    )


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise ParameterError(f"{name} = {value}, but it must be positive.")
