"""ISMRMRD raw files: readouts with headers, sorted into k-space or along their trajectory.

Only HDF5 and the standard's own layout are needed for reading, so no other library is.
"""

from wellposed_mri.files.ismrmrd.header import Encoding, encoding_of, ismrmrd_group
from wellposed_mri.files.ismrmrd.scan import Options, read_scan
from wellposed_mri.files.ismrmrd.selection import AXES, NAVIGATOR, NOISE, Selection, of_image

__all__ = [
    "AXES",
    "NAVIGATOR",
    "NOISE",
    "Encoding",
    "Options",
    "Selection",
    "encoding_of",
    "ismrmrd_group",
    "of_image",
    "read_scan",
]
