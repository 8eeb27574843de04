"""Iterative solvers on batches, tuples and complex numbers, with a reason for stopping and implicit gradients."""

from wellposed.solvers.cg import cg
from wellposed.solvers.solution import Solution, StopReason

__all__ = ["Solution", "StopReason", "cg"]
