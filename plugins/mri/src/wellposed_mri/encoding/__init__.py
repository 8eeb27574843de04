"""Encoding operators: from an image to what the scanner samples."""

from wellposed_mri.encoding.cartesian import CartesianMRI
from wellposed_mri.encoding.multicoil import MultiCoilMRI

__all__ = ["CartesianMRI", "MultiCoilMRI"]
