"""Raw data in: ISMRMRD, fastMRI and BART files."""

from wellposed_mri.files.bart import BARTReader, read_cfl, write_cfl
from wellposed_mri.files.hdf5 import HDF5Reader

__all__ = ["BARTReader", "HDF5Reader", "read_cfl", "write_cfl"]
