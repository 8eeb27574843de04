"""``wellposed mri info`` of every format: facts from headers, before anything runs."""

from __future__ import annotations

import json

import h5py
import nibabel
import numpy as np
import pytest
import torch

from wellposed.cli import main
from wellposed.errors import FileFormatError
from wellposed_mri import NIfTIWriter, birdcage_maps, radial
from wellposed_mri.files import HDF5Reader
from wellposed_mri.files.facts import describe

ismrmrd = pytest.importorskip("ismrmrd", reason="writes the raw files")

HEADER = """<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD"><encoding>
<encodedSpace><matrixSize><x>64</x><y>32</y><z>1</z></matrixSize>
<fieldOfView_mm><x>400</x><y>200</y><z>5</z></fieldOfView_mm></encodedSpace>
<reconSpace><matrixSize><x>32</x><y>32</y><z>1</z></matrixSize>
<fieldOfView_mm><x>200</x><y>200</y><z>5</z></fieldOfView_mm></reconSpace>
<trajectory>radial</trajectory></encoding></ismrmrdHeader>"""


def test_a_radial_file(tmp_path):
    spokes = radial(7, 64, 32).flip(-1).numpy() / 32
    with ismrmrd.Dataset(str(tmp_path / "a.h5"), "dataset", create_if_needed=True) as file:
        file.write_xml_header(HEADER.encode())
        for number in range(2):
            for spoke in spokes:
                line = ismrmrd.Acquisition.from_array(
                    np.ones((3, 64), np.complex64), np.ascontiguousarray(spoke)
                )
                line.idx.slice = number
                file.append_acquisition(line)
    facts = describe(tmp_path / "a.h5")
    assert (facts["trajectory"], facts["trajectory unit"]) == ("radial", "cycles/pixel")
    assert (facts["slices"], facts["coils"], facts["image"]) == (2, 3, [32, 32])
    assert (facts["shots"], facts["samples"]) == (14, 64)
    assert facts["trajectory reach"] == pytest.approx(0.5, abs=1e-3)


def test_a_fastmri_test_file_and_its_picture(tmp_path, head):
    mask = (np.arange(64) % 4 == 0) | (abs(np.arange(64) - 32) < 8)
    path = tmp_path / "test.h5"
    with h5py.File(path, "w") as file:
        file["kspace"] = (head[2].repeat(2, 1, 1, 1) * torch.from_numpy(mask)).numpy()
        file["mask"] = mask
        file["ismrmrd_header"] = HEADER.replace("<y>32</y>", "<y>64</y>").encode()
    facts = describe(path)
    assert facts["acceleration"] == pytest.approx(64 / mask.sum(), abs=0.01)
    assert facts["reference"] is False
    assert facts["crop"] == [32, 64]
    # rows are the readout: the middle 32 of them, with the voxels of the encoded space
    found = HDF5Reader().read(path)
    NIfTIWriter().write(tmp_path / "a.nii", found.physics.A_adjoint(found.y), found.meta)
    written = nibabel.load(tmp_path / "a.nii")
    assert written.shape == (64, 32, 2)
    np.testing.assert_allclose(written.header.get_zooms(), (200 / 64, 400 / 64, 5))


def test_numpy_files(tmp_path, capsys):
    np.savez(tmp_path / "a.npz", ksp=np.ones((2, 3, 5, 6, 7), np.complex64))
    facts = describe(tmp_path / "a.npz")
    assert (facts["slices"], facts["coils"], facts["image"]) == (2, 3, [5, 6, 7])
    spokes = radial(4, 16, 16).numpy()
    np.savez(tmp_path / "t.npz", kspace=np.ones((3, 4, 16), np.complex64), traj=spokes)
    assert main(["mri", "info", str(tmp_path / "t.npz"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["shots"], facts["coils"], facts["image"]) == (4, 3, [16, 16])
    small = {"kspace": np.ones((3, 4, 16), np.complex64), "traj": spokes / 16}
    np.savez(tmp_path / "p.npz", **small)
    with pytest.raises(FileFormatError, match=r"reaches ±0.5, so the size of the image is not in the file"):
        describe(tmp_path / "p.npz")
    np.savez(tmp_path / "m.npz", maps=birdcage_maps(3, (20, 24)).numpy(), **small)
    assert describe(tmp_path / "m.npz")["image"] == [20, 24]
    assert main(["mri", "info", str(tmp_path / "p.npz")]) == 4
    assert "Traceback" not in capsys.readouterr().err
