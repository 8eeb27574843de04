"""Which samples are taken: seeded generators of Cartesian masks."""

from wellposed_mri.sampling.fastmri import FastMRIEquispaced, FastMRIRandom
from wellposed_mri.sampling.poisson_disc import PoissonDisc
from wellposed_mri.sampling.regular import PartialFourier, Uniform

__all__ = ["FastMRIEquispaced", "FastMRIRandom", "PartialFourier", "PoissonDisc", "Uniform"]
