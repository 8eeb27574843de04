"""Where the gradients go: trajectories, their units, and how densely they sample."""

from wellposed_mri.trajectories.delays import delayed, gradient_delays
from wellposed_mri.trajectories.density import (
    pipe_menon,
    radial_density,
    voronoi,
)
from wellposed_mri.trajectories.generators import (
    GoldenRadialTrajectory,
    KooshballTrajectory,
    RadialTrajectory,
    RosetteTrajectory,
    SpiralTrajectory,
    StackOfStarsTrajectory,
)
from wellposed_mri.trajectories.gradients import (
    Gradients,
)
from wellposed_mri.trajectories.readouts import (
    spiral_readout,
)
from wellposed_mri.trajectories.shapes import (
    cartesian,
    golden_angle,
    radial,
    rosette,
    spiral,
)
from wellposed_mri.trajectories.units import (
    from_bart,
    from_cycles_per_pixel,
    from_mrinufft,
    from_radians,
    from_sigpy,
    from_torchkbnufft,
    to_bart,
    to_cycles_per_pixel,
    to_mrinufft,
    to_radians,
    to_sigpy,
    to_torchkbnufft,
)
from wellposed_mri.trajectories.volumes import (
    kooshball,
    stack_of_stars,
)

__all__ = [
    "GoldenRadialTrajectory",
    "Gradients",
    "KooshballTrajectory",
    "RadialTrajectory",
    "RosetteTrajectory",
    "SpiralTrajectory",
    "StackOfStarsTrajectory",
    "cartesian",
    "delayed",
    "from_bart",
    "from_cycles_per_pixel",
    "from_mrinufft",
    "from_radians",
    "from_sigpy",
    "from_torchkbnufft",
    "golden_angle",
    "gradient_delays",
    "kooshball",
    "pipe_menon",
    "radial",
    "radial_density",
    "rosette",
    "spiral",
    "spiral_readout",
    "stack_of_stars",
    "to_bart",
    "to_cycles_per_pixel",
    "to_mrinufft",
    "to_radians",
    "to_sigpy",
    "to_torchkbnufft",
    "voronoi",
]
