"""Projectors: forward and exactly matched adjoint."""

from wellposed_ct.projectors.parallel import ParallelBeam

__all__ = ["ParallelBeam"]
