"""DICOM read back by pydicom: values, spacing, place; and by a validator where one is installed."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pydicom
import pytest
import torch

from wellposed.errors import OutputExistsError, ParameterError
from wellposed_mri import DICOMWriter

# columns to the right, rows down (towards the feet), slices to the back, in RAS
AFFINE = [[-2.0, 0, 0, 90.0], [0, 0, -4.0, 70.0], [0, -3.0, 0, 60.0], [0, 0, 0, 1]]


@pytest.fixture
def image():
    generator = torch.Generator().manual_seed(0)
    return 3e-4 * torch.randn(3, 1, 20, 24, dtype=torch.complex64, generator=generator)


def complaints(path):
    program = shutil.which("dciodvfy")
    if program is None:
        return []
    done = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]


def test_one_slice_is_an_mr_image(tmp_path, image):
    path = tmp_path / "a.dcm"
    DICOMWriter().write(path, image[:1], {"affine": AFFINE, "patient_id": "volunteer 7"})
    found = pydicom.dcmread(path)
    assert found.SOPClassUID.name == "MR Image Storage"
    assert found.PatientID == "volunteer 7"
    values = found.pixel_array * float(found.RescaleSlope) + float(found.RescaleIntercept)
    truth = image[0, 0].abs().numpy()
    assert np.abs(values - truth).max() <= 0.51 * truth.max() / 65535
    assert found.pixel_array.max() == 65535
    # left and posterior are positive in DICOM
    assert [float(v) for v in found.ImagePositionPatient] == [-90, -70, 60]
    assert [float(v) for v in found.ImageOrientationPatient] == [1, 0, 0, 0, 0, -1]
    assert [float(v) for v in found.PixelSpacing] == [3, 2]  # rows apart, columns apart
    assert float(found.SliceThickness) == 4
    assert complaints(path) == []


def test_several_slices_are_frames_of_one_file(tmp_path, image):
    path = tmp_path / "a.dcm"
    DICOMWriter().write(path, image, {"affine": AFFINE})
    found = pydicom.dcmread(path)
    assert found.SOPClassUID.name == "Enhanced MR Image Storage"
    shared = found.SharedFunctionalGroupsSequence[0]
    slope = float(shared.PixelValueTransformationSequence[0].RescaleSlope)
    truth = image[:, 0].abs().numpy()
    assert np.abs(found.pixel_array * slope - truth).max() <= 0.51 * truth.max() / 65535
    places = [
        [float(v) for v in frame.PlanePositionSequence[0].ImagePositionPatient]
        for frame in found.PerFrameFunctionalGroupsSequence
    ]
    assert places == [[-90, -70, 60], [-90, -66, 60], [-90, -62, 60]]
    assert float(shared.PixelMeasuresSequence[0].SpacingBetweenSlices) == 4
    assert complaints(path) == []


@pytest.mark.parametrize("slices", [1, 3])
def test_without_orientation_no_place_is_claimed(tmp_path, image, slices):
    path = tmp_path / "a.dcm"
    DICOMWriter().write(path, image[:slices], {"voxel_mm": [4, 3, 2]})
    found = pydicom.dcmread(path)
    assert "Secondary Capture" in found.SOPClassUID.name
    assert "ImagePositionPatient" not in found
    assert [float(v) for v in found.PixelSpacing] == [3, 2]
    truth = image[:slices, 0].abs().numpy().squeeze()
    assert np.abs(found.pixel_array * float(found.RescaleSlope) - truth).max() <= 0.51 * truth.max() / 65535
    assert complaints(path) == []


def test_the_crop_moves_the_place(tmp_path, image):
    DICOMWriter().write(tmp_path / "a.dcm", image[:1], {"affine": AFFINE, "crop": [10, 12]})
    found = pydicom.dcmread(tmp_path / "a.dcm")
    assert found.pixel_array.shape == (10, 12)
    # six columns of 2 mm to the right in RAS is to the left in LPS; five rows of 3 mm down
    assert [float(v) for v in found.ImagePositionPatient] == [-78, -70, 45]


def test_a_volume_an_empty_image_and_what_is_refused(tmp_path, image):
    DICOMWriter().write(tmp_path / "v.dcm", image[None, :, 0], {"affine": AFFINE})
    assert pydicom.dcmread(tmp_path / "v.dcm").NumberOfFrames == 3
    DICOMWriter().write(tmp_path / "zero.dcm", torch.zeros(1, 1, 4, 5), {})
    assert pydicom.dcmread(tmp_path / "zero.dcm").pixel_array.max() == 0
    with pytest.raises(OutputExistsError):
        DICOMWriter().write(tmp_path / "v.dcm", image, {})
    DICOMWriter(overwrite=True).write(tmp_path / "v.dcm", image, {})
    with pytest.raises(ParameterError, match="3 values of the image are NaN"):
        DICOMWriter().write(tmp_path / "n.dcm", torch.full((1, 1, 1, 3), torch.nan), {})
    with pytest.raises(ParameterError, match="no volume"):
        DICOMWriter().write(tmp_path / "n.dcm", image[0, 0], {})
