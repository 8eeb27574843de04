"""Scans as checked data, in millimetres and radians."""

from wellposed_ct.geometry.astra import from_astra, to_astra
from wellposed_ct.geometry.fan import FanGeometry
from wellposed_ct.geometry.parallel import ParallelGeometry

__all__ = ["FanGeometry", "ParallelGeometry", "from_astra", "to_astra"]
