"""Phantoms with exact line integrals."""

from wellposed_ct.phantoms.ellipses import Ellipses
from wellposed_ct.phantoms.known import disc, random_ellipses, shepp_logan

__all__ = ["Ellipses", "disc", "random_ellipses", "shepp_logan"]
