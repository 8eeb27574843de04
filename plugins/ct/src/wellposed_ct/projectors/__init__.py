"""Projectors: forward and exactly matched adjoint."""

from wellposed_ct.projectors.fan import FanBeam
from wellposed_ct.projectors.parallel import ParallelBeam

__all__ = ["FanBeam", "ParallelBeam"]
