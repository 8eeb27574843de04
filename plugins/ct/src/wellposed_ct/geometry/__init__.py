"""Scans as checked data, in millimetres and radians."""

from wellposed_ct.geometry.astra import from_astra, to_astra
from wellposed_ct.geometry.cone import ConeGeometry
from wellposed_ct.geometry.fan import FanGeometry
from wellposed_ct.geometry.odl import from_odl
from wellposed_ct.geometry.parallel import ParallelGeometry
from wellposed_ct.geometry.tigre import from_tigre
from wellposed_ct.geometry.vector import VectorGeometry

__all__ = [
    "ConeGeometry",
    "FanGeometry",
    "ParallelGeometry",
    "VectorGeometry",
    "from_astra",
    "from_odl",
    "from_tigre",
    "to_astra",
]
