"""Simulated objects and coils, with analytic k-space where there is one."""

from wellposed_mri.phantoms.brain import (
    Tissue,
    brain,
    brain_maps,
    gradient_echo,
    inversion_recovery,
    spin_echo,
)
from wellposed_mri.phantoms.coils import birdcage_maps
from wellposed_mri.phantoms.shepp_logan import Ellipses, shepp_logan

__all__ = [
    "Ellipses",
    "Tissue",
    "birdcage_maps",
    "brain",
    "brain_maps",
    "gradient_echo",
    "inversion_recovery",
    "shepp_logan",
    "spin_echo",
]
