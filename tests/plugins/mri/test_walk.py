"""A practitioner's walk: a raw file by one command to an image with its place, and a report."""

from __future__ import annotations

import nibabel
import numpy as np
import pydicom
import pytest

from wellposed.cli import main
from wellposed_mri import birdcage_maps, brain, centred_fft, spin_echo

ismrmrd = pytest.importorskip("ismrmrd", reason="writes the raw file")

HEADER = """<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD"><encoding>
<encodedSpace><matrixSize><x>64</x><y>64</y><z>1</z></matrixSize>
<fieldOfView_mm><x>256</x><y>192</y><z>5</z></fieldOfView_mm></encodedSpace>
<reconSpace><matrixSize><x>64</x><y>64</y><z>1</z></matrixSize>
<fieldOfView_mm><x>256</x><y>192</y><z>5</z></fieldOfView_mm></reconSpace>
<trajectory>cartesian</trajectory></encoding></ismrmrdHeader>"""


@pytest.fixture
def scan(tmp_path):
    image = brain(spin_echo(600, 15)).image(64)
    kspace = centred_fft(birdcage_maps(4, (64, 64)) * image).numpy()
    path = tmp_path / "scan.h5"
    with ismrmrd.Dataset(str(path), "dataset", create_if_needed=True) as file:
        file.write_xml_header(HEADER.encode())
        for contrast, scale in enumerate((1.0, 3.0)):
            for number in range(2):
                for row in range(64):
                    line = ismrmrd.Acquisition.from_array(scale * kspace[:, row])
                    line.idx.kspace_encode_step_1, line.idx.slice, line.idx.contrast = row, number, contrast
                    line.center_sample, line.position = 32, (0, 0, 6.0 * number)
                    line.read_dir, line.phase_dir, line.slice_dir = (1, 0, 0), (0, 1, 0), (0, 0, 1)
                    file.append_acquisition(line)
    return path, image


def test_to_nifti_with_a_report(scan, tmp_path, capsys):
    path, image = scan
    out = tmp_path / "brain.nii.gz"
    command = ["reconstruct", str(path), "-m", "mri.sense", "-o", str(out)]
    assert main([*command, "--report", str(tmp_path / "report")]) == 0
    said = capsys.readouterr().out
    assert "brain.nii.gz: mri.sense in" in said
    assert "report.html" in said
    page = (tmp_path / "report" / "report.html").read_text()
    assert "Sampling and k-space" in page
    found = nibabel.load(out)
    assert found.shape == (64, 64, 2)
    assert nibabel.aff2axcodes(found.affine) == ("L", "P", "S")
    np.testing.assert_allclose(found.header.get_zooms(), (4, 3, 6))
    shown = found.get_fdata()[:, :, 1].T
    assert np.linalg.norm(shown - image.numpy()) / np.linalg.norm(image.numpy()) < 0.03
    # a second run does not replace what is there
    assert main(command) == 4
    assert main([*command, "--report", str(tmp_path / "report"), "--force"]) == 0


def test_another_contrast_to_dicom(scan, tmp_path, capsys):
    path, image = scan
    out = tmp_path / "brain.dcm"
    reader = ["--reader", "mri.hdf5_reader:contrast=1,slice=0,maps=rss"]
    assert main(["reconstruct", str(path), "-m", "mri.zero_filled", "-o", str(out), *reader]) == 0
    found = pydicom.dcmread(out)
    assert found.SOPClassUID.name == "MR Image Storage"
    values = found.pixel_array * float(found.RescaleSlope)
    assert np.linalg.norm(values - 3 * image.numpy()) / np.linalg.norm(3 * image.numpy()) < 0.1
    assert (
        main(["reconstruct", str(path), "-m", "mri.sense", "-o", str(out) + "2.dcm", "--reader", "mri.magic"])
        == 3
    )
    assert "mri.magic" in capsys.readouterr().err
