"""Simulated objects and coils, with analytic k-space where there is one."""

from wellposed_mri.phantoms.coils import birdcage_maps
from wellposed_mri.phantoms.shepp_logan import Ellipses, shepp_logan

__all__ = ["Ellipses", "birdcage_maps", "shepp_logan"]
