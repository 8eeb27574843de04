"""Scans in files, and images out."""

from wellposed_ct.files.dicom import WATER, DICOMReader, from_hounsfield, to_hounsfield
from wellposed_ct.files.dicom_writer import DICOMWriter
from wellposed_ct.files.geometry_toml import read_geometry, write_geometry
from wellposed_ct.files.hdf5 import open_hdf5
from wellposed_ct.files.nikon import open_nikon
from wellposed_ct.files.readers import HDF5Reader, NikonReader, TIFFReader, open_scan
from wellposed_ct.files.scan import RawScan
from wellposed_ct.files.sinogram import SinogramReader
from wellposed_ct.files.tiff import open_tiff
from wellposed_ct.files.volumes import VolumeWriter

__all__ = [
    "WATER",
    "DICOMReader",
    "DICOMWriter",
    "HDF5Reader",
    "NikonReader",
    "RawScan",
    "SinogramReader",
    "TIFFReader",
    "VolumeWriter",
    "from_hounsfield",
    "open_hdf5",
    "open_nikon",
    "open_scan",
    "open_tiff",
    "read_geometry",
    "to_hounsfield",
    "write_geometry",
]
