"""Encoding operators: from an image to what the scanner samples."""

from wellposed_mri.encoding.cartesian import CartesianMRI
from wellposed_mri.encoding.multicoil import MultiCoilMRI
from wellposed_mri.encoding.noncartesian import NonCartesianMRI

__all__ = ["CartesianMRI", "MultiCoilMRI", "NonCartesianMRI"]
