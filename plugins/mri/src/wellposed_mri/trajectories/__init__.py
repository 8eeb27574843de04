"""Where the gradients go: trajectories, their units, and how densely they sample."""

from wellposed_mri.trajectories.density import pipe_menon, radial_density
from wellposed_mri.trajectories.shapes import cartesian, radial, spiral
from wellposed_mri.trajectories.units import (
    from_bart,
    from_cycles_per_pixel,
    from_radians,
    from_torchkbnufft,
    to_bart,
    to_cycles_per_pixel,
    to_radians,
    to_torchkbnufft,
)

__all__ = [
    "cartesian",
    "from_bart",
    "from_cycles_per_pixel",
    "from_radians",
    "from_torchkbnufft",
    "pipe_menon",
    "radial",
    "radial_density",
    "spiral",
    "to_bart",
    "to_cycles_per_pixel",
    "to_radians",
    "to_torchkbnufft",
]
