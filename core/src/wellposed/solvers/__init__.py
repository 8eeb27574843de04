"""Iterative solvers for batches and tuples, with a reason for stopping and implicit gradients."""

from wellposed.solvers import preconditioners
from wellposed.solvers.cg import cg
from wellposed.solvers.lsmr import lsmr
from wellposed.solvers.lsqr import lsqr
from wellposed.solvers.minres import minres
from wellposed.solvers.solution import Solution, StopReason

__all__ = ["Solution", "StopReason", "cg", "lsmr", "lsqr", "minres", "preconditioners"]
