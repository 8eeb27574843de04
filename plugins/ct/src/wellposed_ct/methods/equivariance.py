"""What methods declare of themselves: that they keep the symmetries of their scan, whatever the units.

A method made of projections, back-projections and steps that treat all pixels, and all rays, alike turns its
answer where the data turn. Ordered subsets and isotropic total variation are none such: the order of views is
no symmetry, and differences ahead become differences behind.
"""

from __future__ import annotations

from wellposed.structure import Equivariant, Evidence, Symmetry
from wellposed.transforms import Gains
from wellposed_ct.symmetries import HalfTurns

__all__ = ["homogeneous", "keeps"]


def keeps(views_alike: bool = True) -> Evidence:
    """Return the promise to keep all symmetries of the scan, or only those that leave views in place."""
    return Equivariant() if views_alike else Equivariant(to=(HalfTurns,))


def homogeneous(signed: bool) -> Evidence:
    """Return R(c·y) = c·R(y), for c > 0 or for c of either sign."""
    gains = Gains(signed=signed)
    return Symmetry(gains, gains)
