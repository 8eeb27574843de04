"""Raw data in (ISMRMRD, fastMRI, BART, NumPy, MATLAB), images out (NIfTI, DICOM, BART, NumPy, MATLAB)."""

from wellposed_mri.files.array_reader import ArrayReader
from wellposed_mri.files.array_writer import ArrayWriter
from wellposed_mri.files.bart import BARTReader, read_cfl, write_cfl
from wellposed_mri.files.bart_writer import BARTWriter
from wellposed_mri.files.dicom import DICOMWriter
from wellposed_mri.files.hdf5 import HDF5Reader
from wellposed_mri.files.nifti import NIfTIWriter

__all__ = [
    "ArrayReader",
    "ArrayWriter",
    "BARTReader",
    "BARTWriter",
    "DICOMWriter",
    "HDF5Reader",
    "NIfTIWriter",
    "read_cfl",
    "write_cfl",
]
