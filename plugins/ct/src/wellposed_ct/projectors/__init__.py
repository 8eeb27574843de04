"""Projectors: forward and exactly matched adjoint."""

from wellposed_ct.projectors.cone import ConeBeam, ParallelBeam3D
from wellposed_ct.projectors.fan import FanBeam
from wellposed_ct.projectors.fourier import FourierSlice
from wellposed_ct.projectors.parallel import ParallelBeam

__all__ = ["ConeBeam", "FanBeam", "FourierSlice", "ParallelBeam", "ParallelBeam3D"]
