"""MRI: from raw k-space to image, Cartesian and non-Cartesian.

Images are complex tensors ``(B, sets, H, W)``, k-space ``(B, coils, H, W)``; the Fourier transform is centred
(origin at index ``n // 2``) and orthonormal everywhere.
"""

from wellposed_mri.coils import compress, compression, noise_covariance, whiten
<<<<<<< HEAD
from wellposed_mri.encoding import (
    CartesianMRI,
    DynamicMRI,
    DynamicNonCartesianMRI,
    MotionMRI,
    MultiCoilMRI,
    NonCartesianMRI,
    OffResonanceMRI,
    ReadoutOversampling,
    SimultaneousMultiSliceMRI,
    StackMRI,
    SubspaceMRI,
)
from wellposed_mri.files import BARTReader, HDF5Reader, NIfTIWriter, read_cfl, write_cfl
=======
from wellposed_mri.encoding import CartesianMRI, MultiCoilMRI, NonCartesianMRI
from wellposed_mri.files import (
    ArrayReader,
    BARTReader,
    DICOMWriter,
    HDF5Reader,
    NIfTIWriter,
    read_cfl,
    write_cfl,
)
>>>>>>> 6046741 (ISMRMRD in full, NumPy and MATLAB in, DICOM out, mri info for all)
from wellposed_mri.fourier import centred_fft, centred_ifft
from wellposed_mri.maps import ESPIRiT, RSSMaps, Walsh
from wellposed_mri.metrics import NMSE, PSNR, SSIM
from wellposed_mri.phantoms import Ellipses, birdcage_maps, shepp_logan
from wellposed_mri.phase import GlobalPhase
from wellposed_mri.reconstruction import (
    GRAPPA,
    LLR,
    POCS,
    RSS,
    SAKE,
    SENSE,
    TV,
    BlockLowRank,
    Gridding,
    Homodyne,
    KTLowRank,
    L1Wavelet,
    LPlusS,
    SPIRiT,
    ZeroFilled,
)
from wellposed_mri.sampling import FastMRIEquispaced, FastMRIRandom, PartialFourier, PoissonDisc, Uniform
from wellposed_mri.trajectories import (
    cartesian,
    from_bart,
    from_cycles_per_pixel,
    from_radians,
    from_torchkbnufft,
    pipe_menon,
    radial,
    radial_density,
    spiral,
    to_bart,
    to_cycles_per_pixel,
    to_radians,
    to_torchkbnufft,
)

__all__ = [
    "GRAPPA",
    "LLR",
    "NMSE",
    "POCS",
    "PSNR",
    "RSS",
    "SAKE",
    "SENSE",
    "SSIM",
    "TV",
    "ArrayReader",
    "BARTReader",
    "BlockLowRank",
    "CartesianMRI",
<<<<<<< HEAD
    "DynamicMRI",
    "DynamicNonCartesianMRI",
=======
    "DICOMWriter",
>>>>>>> 6046741 (ISMRMRD in full, NumPy and MATLAB in, DICOM out, mri info for all)
    "ESPIRiT",
    "Ellipses",
    "FastMRIEquispaced",
    "FastMRIRandom",
    "GlobalPhase",
    "Gridding",
    "HDF5Reader",
    "Homodyne",
    "KTLowRank",
    "L1Wavelet",
    "LPlusS",
    "MotionMRI",
    "MultiCoilMRI",
    "NIfTIWriter",
    "NonCartesianMRI",
    "OffResonanceMRI",
    "PartialFourier",
    "PoissonDisc",
    "RSSMaps",
    "ReadoutOversampling",
    "SPIRiT",
    "SimultaneousMultiSliceMRI",
    "StackMRI",
    "SubspaceMRI",
    "Uniform",
    "Walsh",
    "ZeroFilled",
    "birdcage_maps",
    "cartesian",
    "centred_fft",
    "centred_ifft",
    "compress",
    "compression",
    "from_bart",
    "from_cycles_per_pixel",
    "from_radians",
    "from_torchkbnufft",
    "noise_covariance",
    "pipe_menon",
    "radial",
    "radial_density",
    "read_cfl",
    "shepp_logan",
    "spiral",
    "to_bart",
    "to_cycles_per_pixel",
    "to_radians",
    "to_torchkbnufft",
    "whiten",
    "write_cfl",
]
