"""MRI: from raw k-space to image, Cartesian and non-Cartesian.

Images are complex tensors ``(B, sets, H, W)``, k-space ``(B, coils, H, W)``; the Fourier transform is centred
(origin at index ``n // 2``) and orthonormal everywhere.
"""

from wellposed_mri.encoding import CartesianMRI, MultiCoilMRI
from wellposed_mri.fourier import centred_fft, centred_ifft
from wellposed_mri.maps import ESPIRiT, RSSMaps, Walsh
from wellposed_mri.phantoms import Ellipses, birdcage_maps, shepp_logan
from wellposed_mri.phase import GlobalPhase
from wellposed_mri.reconstruction import RSS, SENSE, TV, L1Wavelet, ZeroFilled
from wellposed_mri.sampling import FastMRIEquispaced, FastMRIRandom, PartialFourier, PoissonDisc, Uniform

__all__ = [
    "RSS",
    "SENSE",
    "TV",
    "CartesianMRI",
    "ESPIRiT",
    "Ellipses",
    "FastMRIEquispaced",
    "FastMRIRandom",
    "GlobalPhase",
    "L1Wavelet",
    "MultiCoilMRI",
    "PartialFourier",
    "PoissonDisc",
    "RSSMaps",
    "Uniform",
    "Walsh",
    "ZeroFilled",
    "birdcage_maps",
    "centred_fft",
    "centred_ifft",
    "shepp_logan",
]
