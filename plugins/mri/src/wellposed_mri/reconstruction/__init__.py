"""Reconstruction: ``method(y, physics)`` returns the image."""

from wellposed_mri.reconstruction.compressed import TV, L1Wavelet
from wellposed_mri.reconstruction.direct import RSS, ZeroFilled
from wellposed_mri.reconstruction.grappa import GRAPPA
from wellposed_mri.reconstruction.gridding import Gridding
from wellposed_mri.reconstruction.sense import SENSE

__all__ = ["GRAPPA", "RSS", "SENSE", "TV", "Gridding", "L1Wavelet", "ZeroFilled"]
