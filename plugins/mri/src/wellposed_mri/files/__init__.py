"""Raw data in (ISMRMRD, fastMRI, BART), images out (NIfTI)."""

from wellposed_mri.files.bart import BARTReader, read_cfl, write_cfl
from wellposed_mri.files.hdf5 import HDF5Reader
from wellposed_mri.files.nifti import NIfTIWriter

__all__ = ["BARTReader", "HDF5Reader", "NIfTIWriter", "read_cfl", "write_cfl"]
