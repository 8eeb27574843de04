"""Which samples are taken: seeded generators of Cartesian masks."""

from wellposed_mri.sampling.fastmri import FastMRIEquispaced, FastMRIRandom
from wellposed_mri.sampling.golden import GoldenAngle, KTGolden
from wellposed_mri.sampling.poisson_disc import PoissonDisc
from wellposed_mri.sampling.regular import PartialFourier, Uniform
from wellposed_mri.sampling.variable_density import VariableDensity

__all__ = [
    "FastMRIEquispaced",
    "FastMRIRandom",
    "GoldenAngle",
    "KTGolden",
    "PartialFourier",
    "PoissonDisc",
    "Uniform",
    "VariableDensity",
]
