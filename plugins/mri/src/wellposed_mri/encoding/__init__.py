"""Encoding operators: from an image to what the scanner samples."""

from wellposed_mri.encoding.cartesian import CartesianMRI
from wellposed_mri.encoding.dynamic import DynamicMRI
from wellposed_mri.encoding.frames import DynamicNonCartesianMRI
from wellposed_mri.encoding.motion import MotionMRI
from wellposed_mri.encoding.motion_trajectories import MotionNonCartesianMRI
from wellposed_mri.encoding.multicoil import MultiCoilMRI
from wellposed_mri.encoding.multislice import SimultaneousMultiSliceMRI
from wellposed_mri.encoding.multislice_trajectories import MultiSliceNonCartesianMRI
from wellposed_mri.encoding.noncartesian import NonCartesianMRI
from wellposed_mri.encoding.offresonance import OffResonanceMRI
from wellposed_mri.encoding.oversampling import ReadoutOversampling
from wellposed_mri.encoding.stack import StackMRI
from wellposed_mri.encoding.subspace import SubspaceMRI
from wellposed_mri.encoding.subspace_trajectories import SubspaceNonCartesianMRI

__all__ = [
    "CartesianMRI",
    "DynamicMRI",
    "DynamicNonCartesianMRI",
    "MotionMRI",
    "MotionNonCartesianMRI",
    "MultiCoilMRI",
    "MultiSliceNonCartesianMRI",
    "NonCartesianMRI",
    "OffResonanceMRI",
    "ReadoutOversampling",
    "SimultaneousMultiSliceMRI",
    "StackMRI",
    "SubspaceMRI",
    "SubspaceNonCartesianMRI",
]
