"""Groups acting on images: ``sample``, ``act``, ``inverse``, ``compose``; exact, or of declared accuracy."""

from wellposed.transforms.base import GroupTransform
from wellposed.transforms.cyclic_shifts import CyclicShifts
from wellposed.transforms.flips import Flips
from wellposed.transforms.gains import Gains
from wellposed.transforms.plane import PlaneTransform
from wellposed.transforms.projective import Projective
from wellposed.transforms.rotations import Rotations
from wellposed.transforms.rotations90 import Rotations90
from wellposed.transforms.scalings import Scalings
from wellposed.transforms.subpixel_shifts import SubpixelShifts
from wellposed.transforms.warp import warp

__all__ = [
    "CyclicShifts",
    "Flips",
    "Gains",
    "GroupTransform",
    "PlaneTransform",
    "Projective",
    "Rotations",
    "Rotations90",
    "Scalings",
    "SubpixelShifts",
    "warp",
]
