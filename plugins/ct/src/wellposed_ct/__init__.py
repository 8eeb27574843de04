"""Computed tomography: geometry, projectors, phantoms, and reconstruction."""

from wellposed_ct.geometry import ParallelGeometry
from wellposed_ct.projectors import ParallelBeam

__all__ = ["ParallelBeam", "ParallelGeometry"]
