"""Oblique slices: NIfTI and DICOM put a bright voxel where the scanner's own geometry has it."""

from __future__ import annotations

import nibabel
import numpy as np
import pydicom
import pytest
import torch
from scipy.spatial.transform import Rotation

from wellposed.cli import main
from wellposed_mri import birdcage_maps, centred_fft

ismrmrd = pytest.importorskip("ismrmrd", reason="writes the raw file")

HEADER = """<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD"><encoding>
<encodedSpace><matrixSize><x>64</x><y>48</y><z>1</z></matrixSize>
<fieldOfView_mm><x>400</x><y>180</y><z>5</z></fieldOfView_mm></encodedSpace>
<reconSpace><matrixSize><x>32</x><y>48</y><z>1</z></matrixSize>
<fieldOfView_mm><x>200</x><y>180</y><z>5</z></fieldOfView_mm></reconSpace>
<trajectory>cartesian</trajectory></encoding></ismrmrdHeader>"""
CENTRE, STEP = np.array([12.0, -30.0, 45.0]), 7.0
PLACES = [(20, 40), (10, 30), (30, 20)]  # row and column of the oversampled image, slice by slice
READ, PHASE, NORMAL = Rotation.from_euler("xyz", [20, -35, 50], degrees=True).as_matrix().T


@pytest.fixture
def scan(tmp_path):
    path = tmp_path / "scan.h5"
    maps = birdcage_maps(4, (48, 64))
    with ismrmrd.Dataset(str(path), "dataset", create_if_needed=True) as file:
        file.write_xml_header(HEADER.encode())
        for number, place in enumerate(PLACES):
            image = torch.zeros(48, 64, dtype=torch.complex64)
            image[place] = 1
            for row, line in enumerate(centred_fft(maps * image).movedim(1, 0)):
                readout = ismrmrd.Acquisition.from_array(line.contiguous().numpy())
                readout.center_sample = 32
                readout.idx.kspace_encode_step_1, readout.idx.slice = row, number
                readout.position = tuple(CENTRE + STEP * number * NORMAL)
                readout.read_dir, readout.phase_dir = tuple(READ), tuple(PHASE)
                readout.slice_dir = tuple(NORMAL)
                file.append_acquisition(readout)
    return path


def true_places():
    """Return where the voxels lie in mm (left, posterior, superior), by the readouts' own heads."""
    return [
        CENTRE + STEP * s * NORMAL + READ * (column - 32) * (400 / 64) + PHASE * (row - 24) * (180 / 48)
        for s, (row, column) in enumerate(PLACES)
    ]


def reconstructed(scan, name):
    out = scan.parent / name
    reader = ["--reader", "mri.hdf5_reader:maps=rss"]
    assert main(["reconstruct", str(scan), *reader, "-m", "mri.sense", "-o", str(out)]) == 0
    return out


def test_nifti(scan):
    found = nibabel.load(reconstructed(scan, "a.nii.gz"))
    for s, wanted in enumerate(true_places()):
        plane = found.get_fdata()[:, :, s]
        place = (*np.unravel_index(plane.argmax(), plane.shape), s, 1)
        np.testing.assert_allclose((found.affine @ place)[:3] * [-1, -1, 1], wanted, atol=1e-4)


def test_frames_of_one_dicom(scan):
    found = pydicom.dcmread(reconstructed(scan, "a.dcm"))
    assert found.SOPClassUID.name == "Enhanced MR Image Storage"
    assert int(found.NumberOfFrames) == 3
    shared = found.SharedFunctionalGroupsSequence[0]
    across, down = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float).reshape(2, 3)
    rows, columns = (float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing)
    for s, wanted in enumerate(true_places()):
        frame = found.PerFrameFunctionalGroupsSequence[s]
        corner = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        row, column = np.unravel_index(found.pixel_array[s].argmax(), found.pixel_array[s].shape)
        np.testing.assert_allclose(corner + across * column * columns + down * row * rows, wanted, atol=1e-4)
