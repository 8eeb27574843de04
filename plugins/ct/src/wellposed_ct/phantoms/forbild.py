"""The FORBILD head: bone, ears and small low contrasts, harder to reconstruct than Shepp and Logan's head.

Its central slice as published by Yu, Noo, Dennerlein, Wunderlich, Lauritsch & Hornegger (2012),
doi:10.1088/0031-9155/57/13/N237, tables in centimetres and g/cm³: ellipses, some of them cut by half-planes.
"""

from __future__ import annotations

import math

from wellposed_ct.phantoms.ellipses import Ellipses

__all__ = ["forbild_head"]

# x, y, a, b, degrees, value, and half-planes (distance, degrees)
_TIP, _TIP_AXES = -14.294530834372887, (0.443194085308632, 3.892760834372886)
_Cut = tuple[tuple[float, float], ...]
_Part = tuple[float, float, float, float, float, float, _Cut]
_HEAD: tuple[_Part, ...] = (
    (-4.7, 4.3, 1.79989, 1.79989, 0, 0.010, ()),  # eyes
    (4.7, 4.3, 1.79989, 1.79989, 0, 0.010, ()),
    (-1.08, -9, 0.4, 0.4, 0, 0.0025, ()),  # low contrasts
    (1.08, -9, 0.4, 0.4, 0, -0.0025, ()),
    (0, 0, 9.6, 12, 0, 1.800, ()),  # skull
    (0, 8.4, 1.8, 3.0, 0, -1.050, ()),  # sinus
    (1.9, 5.4, 0.41633, 1.17425, -31.07698, 0.750, ()),
    (-1.9, 5.4, 0.41633, 1.17425, 31.07698, 0.750, ()),
    (-4.3, 6.8, 1.8, 0.24, -30, 0.750, ()),
    (4.3, 6.8, 1.8, 0.24, 30, 0.750, ()),
    (0, -3.6, 1.8, 3.6, 0, -0.005, ()),  # ventricle
    (6.39395, -6.39395, 1.2, 0.42, 58.1, 0.005, ()),  # haematoma
    (0, 3.6, 2, 2, 0, 0.750, ((1.2, 0), (1.2, 180), (0.27884, 90), (0.27884, 270))),
    (0, 9.6, 1.8, 3.0, 0, 1.800, ((0.60687, 90), (0.60687, 270), (0.2, 0), (0.2, 180))),
    (0, 0, 9.0, 11.4, 0, 0.750, ((-2.605, 15), (-2.605, 165), (-10.71177, 90))),  # occiput
    (0, _TIP, *_TIP_AXES, 0, 0.750, ((_TIP + 10.71177, 270),)),
)
_BRAIN = (0, 0, 9.0, 11.4, 0, -0.750)
_EAR = (9.1, 0, 4.2, 1.8, 0, 0.750, ((-0.21260, 0),))
_EAR_CUT = ((8.88740, 0),)


def forbild_head(ear: bool = True, value: float = 0.02) -> Ellipses:
    """Return the central slice of the FORBILD head, 192 mm × 240 mm, seen from its middle.

    Parameters
    ----------
    ear
        Whether the right temporal bone with its 53 air cells is there.
    value
        Attenuation of water (density 1 g/cm³), 1/mm; that of all materials is proportional to their density.
    """
    parts = [*_HEAD, (*_BRAIN, _EAR_CUT if ear else ()), *((_EAR, *_cavities()) if ear else ())]
    rows = [(v * value, 10 * a, 10 * b, 10 * x, 10 * y, math.radians(t)) for x, y, a, b, t, v, _ in parts]
    cuts = tuple(tuple((10 * d, math.radians(psi)) for d, psi in part[6]) for part in parts)
    return Ellipses(rows, cuts)


def _cavities() -> list[_Part]:
    """Return air cells of 3 mm in seven rows of a hexagonal grid."""
    cells: list[_Part] = []
    for row in range(-3, 4):
        first, count = 8.8 - 0.2 * (abs(row) % 2), (9, 8, 8, 6)[abs(row)]
        y = 0.2 * math.sqrt(3) * row
        cells += [(first - 0.4 * k, y, 0.15, 0.15, 0.0, -1.8, ()) for k in range(count)]
    return cells
