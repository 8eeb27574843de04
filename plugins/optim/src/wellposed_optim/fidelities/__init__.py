"""Data fidelities: how far A x is from y, in the metric of the noise."""

from wellposed_optim.fidelities.base import Fidelity
from wellposed_optim.fidelities.l2 import L2
from wellposed_optim.fidelities.likelihood import Likelihood, fidelity_of
from wellposed_optim.fidelities.poisson import Poisson

__all__ = ["L2", "Fidelity", "Likelihood", "Poisson", "fidelity_of"]
