"""Splitting algorithms: each minimises f(x; y, A) + λ·g(x) and is a reconstructor."""

from wellposed_optim.algorithms.admm import ADMM
from wellposed_optim.algorithms.base import Algorithm
from wellposed_optim.algorithms.chambolle_pock import ChambollePock
from wellposed_optim.algorithms.fista import FISTA
from wellposed_optim.algorithms.gradient_descent import GradientDescent
from wellposed_optim.algorithms.hqs import HQS
from wellposed_optim.algorithms.pgd import PGD
from wellposed_optim.algorithms.result import Result

__all__ = ["ADMM", "FISTA", "HQS", "PGD", "Algorithm", "ChambollePock", "GradientDescent", "Result"]
