"""Reconstruction: ``method(y, physics)`` returns the image."""

from wellposed_mri.reconstruction.compressed import TV, L1Wavelet
from wellposed_mri.reconstruction.direct import RSS, ZeroFilled
from wellposed_mri.reconstruction.grappa import GRAPPA
from wellposed_mri.reconstruction.gridding import Gridding
from wellposed_mri.reconstruction.l_plus_s import LPlusS
from wellposed_mri.reconstruction.low_rank import LLR, BlockLowRank, KTLowRank
from wellposed_mri.reconstruction.partial_fourier import POCS, Homodyne
from wellposed_mri.reconstruction.plug_and_play import PlugAndPlay
from wellposed_mri.reconstruction.replicas import Replicas, pseudo_replica
from wellposed_mri.reconstruction.sake import SAKE
from wellposed_mri.reconstruction.sense import SENSE
from wellposed_mri.reconstruction.spirit import SPIRiT
from wellposed_mri.reconstruction.weights import WeightRule

__all__ = [
    "GRAPPA",
    "LLR",
    "POCS",
    "RSS",
    "SAKE",
    "SENSE",
    "TV",
    "BlockLowRank",
    "Gridding",
    "Homodyne",
    "KTLowRank",
    "L1Wavelet",
    "LPlusS",
    "PlugAndPlay",
    "Replicas",
    "SPIRiT",
    "WeightRule",
    "ZeroFilled",
    "pseudo_replica",
]
