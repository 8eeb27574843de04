from __future__ import annotations

import numpy as np
import pytest
import torch

from wellposed.errors import OutputExistsError, ParameterError
from wellposed_mri import NIfTIWriter

nibabel = pytest.importorskip("nibabel", reason="reads the files that the writer makes")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_nibabel_reads_what_was_written(tmp_path, name):
    image = torch.randn(3, 1, 4, 5, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    affine = np.array([[-2, 0, 0, 10], [0, -3, 0, 20], [0, 0, 4, -5], [0, 0, 0, 1.0]])
    NIfTIWriter().write(tmp_path / name, image, {"affine": affine.tolist()})
    found = nibabel.load(tmp_path / name)
    assert found.shape == (5, 4, 3)
    np.testing.assert_array_equal(
        found.get_fdata(dtype=np.float32), image[:, 0].abs().numpy().transpose(2, 1, 0)
    )
    np.testing.assert_array_equal(found.affine, affine)
    assert found.header.get_zooms() == (2.0, 3.0, 4.0)
    assert found.header.get_xyzt_units()[0] == "mm"


def test_an_unknown_orientation_is_said_to_be_unknown(tmp_path):
    NIfTIWriter().write(tmp_path / "a.nii", torch.rand(1, 1, 2, 4, 5), {"voxel_mm": [5.0, 2.0, 1.0]})
    header = nibabel.load(tmp_path / "a.nii").header
    assert header.get_data_shape() == (5, 4, 2)
    assert header.get_zooms() == (1.0, 2.0, 5.0)
    assert (int(header["qform_code"]), int(header["sform_code"])) == (0, 0)


def test_what_cannot_be_written_is_refused(tmp_path):
    NIfTIWriter().write(tmp_path / "a.nii", torch.rand(1, 1, 4, 5), {})
    before = (tmp_path / "a.nii").read_bytes()
    with pytest.raises(OutputExistsError):
        NIfTIWriter().write(tmp_path / "a.nii", torch.rand(1, 1, 4, 5), {})
    assert (tmp_path / "a.nii").read_bytes() == before
    NIfTIWriter(overwrite=True).write(tmp_path / "a.nii", torch.rand(1, 1, 4, 5), {})
    with pytest.raises(ParameterError, match="no volume"):
        NIfTIWriter().write(tmp_path / "b.nii", torch.rand(3, 4, 5), {})
    with pytest.raises(ParameterError, match="invertible"):
        NIfTIWriter().write(tmp_path / "b.nii", torch.rand(1, 1, 4, 5), {"affine": np.zeros((4, 4))})
    with pytest.raises(ParameterError, match="32767"):
        NIfTIWriter().write(tmp_path / "b.nii", torch.zeros(1, 1, 1, 40000), {})
    assert not (tmp_path / "b.nii").exists()
