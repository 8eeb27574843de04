"""Noise models, each with its exact likelihood: ``noise(y, generator)``, ``noise.log_prob(y, mean)``."""

from wellposed.noise.base import Noise
from wellposed.noise.gamma import Gamma
from wellposed.noise.gaussian import Gaussian
from wellposed.noise.laplace import Laplace
from wellposed.noise.log_poisson import LogPoisson
from wellposed.noise.poisson import Poisson
from wellposed.noise.poisson_gaussian import PoissonGaussian
from wellposed.noise.quantisation import Quantisation
from wellposed.noise.rician import Rician
from wellposed.noise.salt_and_pepper import SaltAndPepper
from wellposed.noise.support import Atoms, Interval
from wellposed.noise.uniform import Uniform

__all__ = [
    "Atoms",
    "Gamma",
    "Gaussian",
    "Interval",
    "Laplace",
    "LogPoisson",
    "Noise",
    "Poisson",
    "PoissonGaussian",
    "Quantisation",
    "Rician",
    "SaltAndPepper",
    "Uniform",
]
