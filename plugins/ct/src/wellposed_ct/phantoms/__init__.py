"""Phantoms with exact line integrals."""

from wellposed_ct.phantoms.ellipses import Ellipses
from wellposed_ct.phantoms.ellipsoids import Ellipsoids, ball, shepp_logan_3d
from wellposed_ct.phantoms.forbild import forbild_head
from wellposed_ct.phantoms.known import disc, random_ellipses, shepp_logan

__all__ = [
    "Ellipses",
    "Ellipsoids",
    "ball",
    "disc",
    "forbild_head",
    "random_ellipses",
    "shepp_logan",
    "shepp_logan_3d",
]
