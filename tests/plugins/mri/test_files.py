from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from wellposed.errors import FileFormatError, ParameterError
from wellposed_mri import (
    SENSE,
    BARTReader,
    CartesianMRI,
    HDF5Reader,
    MultiCoilMRI,
    ZeroFilled,
    centred_fft,
    centred_ifft,
    read_cfl,
    write_cfl,
)
from wellposed_mri.command import command
from wellposed_mri.files.facts import describe

HEADER = """<?xml version="1.0"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
  <experimentalConditions><H1resonanceFrequency_Hz>1</H1resonanceFrequency_Hz></experimentalConditions>
  <encoding>
    <encodedSpace>
      <matrixSize><x>{wide}</x><y>{rows}</y><z>1</z></matrixSize>
      <fieldOfView_mm><x>400</x><y>200</y><z>5</z></fieldOfView_mm>
    </encodedSpace>
    <reconSpace>
      <matrixSize><x>{narrow}</x><y>{rows}</y><z>1</z></matrixSize>
      <fieldOfView_mm><x>200</x><y>200</y><z>5</z></fieldOfView_mm>
    </reconSpace>
    <trajectory>{trajectory}</trajectory>
    <encodingLimits>
      <kspace_encoding_step_1><minimum>0</minimum><maximum>{last}</maximum><center>{centre}</center>
      </kspace_encoding_step_1>
    </encodingLimits>
  </encoding>
</ismrmrdHeader>
"""


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


def write_ismrmrd(path, kspace, narrow, trajectory="cartesian"):
    """Let the ismrmrd package write (slices, coils, rows, wide): noise first, row 0 twice."""
    ismrmrd = pytest.importorskip("ismrmrd", reason="writes the files that the reader is tested on")
    slices, coils, rows, wide = kspace.shape
    with ismrmrd.Dataset(str(path), "dataset", create_if_needed=True) as file:
        file.write_xml_header(
            HEADER.format(
                wide=wide, narrow=narrow, rows=rows, last=rows - 1, centre=rows // 2, trajectory=trajectory
            ).encode()
        )
        rng = np.random.default_rng(0)
        white = rng.normal(size=(2, coils, 8 * wide)) * 1e6
        noise = ismrmrd.Acquisition.from_array((white[0] + 1j * white[1]).astype(np.complex64))
        noise.set_flag(ismrmrd.ACQ_IS_NOISE_MEASUREMENT)
        file.append_acquisition(noise)
        for s in range(slices):
            for row in (*range(rows), 0):
                line = kspace[s, :, row]
                if not line.any():
                    continue
                readout = ismrmrd.Acquisition.from_array(np.ascontiguousarray(line))
                readout.idx.kspace_encode_step_1, readout.idx.slice = row, s
                readout.center_sample = wide // 2
                file.append_acquisition(readout)


@pytest.fixture
def oversampled(head):
    """The head with its readout twice as wide as the image."""
    image, maps, _ = head
    wide = torch.nn.functional.pad(maps * image, (32, 32))
    return centred_fft(wide)


def test_an_ismrmrd_file_becomes_the_image(tmp_path, head, oversampled):
    image, maps, _ = head
    path = tmp_path / "scan.h5"
    write_ismrmrd(path, oversampled.repeat(2, 1, 1, 1).numpy(), 64)
    found = HDF5Reader(whiten=False).read(path)
    assert found.y.shape == (2, 8, 64, 64)
    assert isinstance(found.physics, MultiCoilMRI)
    assert found.meta["voxel_mm"] == [5.0, 200 / 64, 200 / 64]
    # cropping the image to half of its columns keeps the values of an orthonormal transform
    assert error(found.y[:1], centred_fft(maps * image)) < 1e-5
    x = SENSE(1e-4)(found.y, found.physics)
    assert error(x[0].abs() / x[0].abs().max(), image[0].abs() / image.abs().max()) < 0.02


def test_undersampled_lines_become_the_mask(tmp_path, oversampled):
    lines = (torch.arange(64) % 2 == 0) | ((torch.arange(64) - 32).abs() < 12)
    write_ismrmrd(tmp_path / "scan.h5", (oversampled * lines[:, None]).numpy(), 64)
    found = HDF5Reader(maps="rss").read(tmp_path / "scan.h5")
    assert torch.equal(found.physics.mask.flatten(), lines.float())


def test_what_cannot_be_read_is_refused_by_name(tmp_path, oversampled):
    write_ismrmrd(tmp_path / "scan.h5", oversampled.numpy(), 64, "radial")
    with pytest.raises(FileFormatError, match="trajectory of 0 numbers"):
        HDF5Reader().read(tmp_path / "scan.h5")


def test_a_readout_beyond_the_matrix_is_refused(tmp_path, oversampled):
    path = tmp_path / "scan.h5"
    write_ismrmrd(path, oversampled.numpy(), 64)
    with h5py.File(path, "r+") as file:
        rows = file["dataset/data"][3:4]
        rows["head"]["idx"]["kspace_encode_step_1"] = 900
        file["dataset/data"][3:4] = rows
    with pytest.raises(FileFormatError, match=r"readout .* does not fit the header's matrix"):
        HDF5Reader().read(path)
    with pytest.raises(FileFormatError, match="no imaging readouts of contrast 7"):
        HDF5Reader(contrast=7).read(path)


def test_a_header_that_is_none_is_refused(tmp_path, oversampled):
    path = tmp_path / "scan.h5"
    write_ismrmrd(path, oversampled.numpy(), 64)
    for text, message in [
        (b"<a", "not valid XML"),
        (b"<a/>", "no encodedSpace"),
        (b"<!DOCTYPE a><a/>", "DOCTYPE"),
    ]:
        with h5py.File(path, "r+") as file:
            file["dataset/xml"][0] = text
        with pytest.raises(FileFormatError, match=message):
            HDF5Reader().read(path)


@pytest.fixture
def fastmri(tmp_path, head):
    _, _, kspace = head
    path = tmp_path / "file1.h5"
    with h5py.File(path, "w") as file:
        file["kspace"] = kspace.repeat(3, 1, 1, 1).numpy()
        file["reconstruction_rss"] = np.ones((3, 32, 32), dtype=np.float32)
        file.attrs["acquisition"] = "AXT2"
        file.attrs["max"] = 2.5
    return path


def test_a_fastmri_volume(fastmri, head):
    image, _, kspace = head
    found = HDF5Reader(slices=(1, 3)).read(fastmri)
    assert torch.equal(found.y, kspace.repeat(2, 1, 1, 1))
    assert found.meta["acquisition"] == "AXT2"
    assert found.meta["max"] == 2.5
    assert found.meta["reconstruction_rss"].shape == (2, 32, 32)
    assert error(ZeroFilled()(found.y, found.physics).abs(), image.abs().expand(2, -1, -1, -1)) < 0.02


def test_a_single_coil_and_a_stored_mask(tmp_path):
    kspace = torch.randn(2, 16, 12, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["kspace"] = kspace.numpy()
        file["mask"] = np.arange(12) % 3 == 0
    found = HDF5Reader().read(tmp_path / "a.h5")
    assert isinstance(found.physics, CartesianMRI)
    assert torch.equal(found.physics.mask.flatten(), (torch.arange(12) % 3 == 0).float())
    assert error(found.physics.A_adjoint(found.y)[:, 0], centred_ifft(kspace * found.physics.mask[0])) < 1e-5


def test_damaged_hdf5_gets_one_sentence(tmp_path, fastmri):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["something"] = 1
    with pytest.raises(FileFormatError, match="holds something; neither"):
        HDF5Reader().read(tmp_path / "other.h5")
    with pytest.raises(FileFormatError, match="at most"):
        HDF5Reader(max_bytes=1000).read(fastmri)
    (tmp_path / "cut.h5").write_bytes(fastmri.read_bytes()[:5000])
    with pytest.raises(FileFormatError, match="not a readable HDF5 file"):
        HDF5Reader().read(tmp_path / "cut.h5")
    with h5py.File(fastmri, "r+") as file:
        data = file["kspace"][()]
        data[0, 0, 0, 0] = np.nan
        file["kspace"][...] = data
    with pytest.raises(FileFormatError, match="NaN"):
        HDF5Reader().read(fastmri)
    with h5py.File(tmp_path / "real.h5", "w") as file:
        file["kspace"] = np.ones((2, 3, 4))
    with pytest.raises(FileFormatError, match="complex"):
        HDF5Reader().read(tmp_path / "real.h5")
    with pytest.raises(ParameterError, match="maps = 'magic'"):
        HDF5Reader(maps="magic")


def test_without_calibration_the_sentence_names_the_way_out(tmp_path, head):
    _, _, kspace = head
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["kspace"] = (kspace * (torch.arange(64) % 2)).numpy()
    with pytest.raises(FileFormatError, match=r"no calibration region.*maps='none'"):
        HDF5Reader().read(tmp_path / "a.h5")
    assert HDF5Reader(maps="none").read(tmp_path / "a.h5").physics is None


def test_cfl_there_and_back(tmp_path):
    array = torch.randn(3, 4, 1, 2, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    write_cfl(tmp_path / "a.cfl", array)
    # BART's own layout: the first axis varies fastest, sixteen dimensions in the header
    assert (tmp_path / "a.hdr").read_text().splitlines()[1].split() == ["3", "4", "1", "2"] + ["1"] * 12
    flat = np.fromfile(tmp_path / "a.cfl", dtype="<c8")
    assert flat[1] == array[1, 0, 0, 0].numpy()
    assert torch.equal(read_cfl(tmp_path / "a").reshape(array.shape), array)
    with pytest.raises(FileExistsError):
        write_cfl(tmp_path / "a.cfl", array)


def test_bart_kspace(tmp_path, head):
    _, _, kspace = head
    write_cfl(tmp_path / "k", kspace[0].permute(2, 1, 0).unsqueeze(2))
    found = BARTReader().read(tmp_path / "k.cfl")
    assert torch.equal(found.y, kspace)
    assert isinstance(found.physics, MultiCoilMRI)
    write_cfl(tmp_path / "t", torch.ones(4, 4, 1, 1, 2, dtype=torch.complex64))
    with pytest.raises(FileFormatError, match=r"axes .4. of"):
        BARTReader().read(tmp_path / "t.hdr")


def test_damaged_cfl_gets_one_sentence(tmp_path):
    (tmp_path / "a.cfl").write_bytes(b"12345678")
    with pytest.raises(FileFormatError, match="pair"):
        read_cfl(tmp_path / "a.cfl")
    for text, message in [
        ("nothing", "not a BART header"),
        ("# Dimensions\n2 x", "not a BART header"),
        ("# Dimensions\n0 1", "impossible"),
        ("# Dimensions\n2 3", "48 belong"),
    ]:
        (tmp_path / "a.hdr").write_text(text)
        with pytest.raises(FileFormatError, match=message):
            read_cfl(tmp_path / "a.cfl")
    with pytest.raises(FileNotFoundError):
        read_cfl(tmp_path / "b.cfl")


def test_info_tells_before_anything_runs(tmp_path, fastmri, oversampled):
    result = CliRunner().invoke(command, ["info", str(fastmri)])
    assert result.exit_code == 0, result.output
    assert "fastMRI" in result.output
    assert "64 × 64" in result.output
    facts = json.loads(CliRunner().invoke(command, ["info", str(fastmri), "--json"]).output)
    assert (facts["coils"], facts["slices"], facts["reference"]) == (8, 3, True)
    assert facts["k-space MiB"] == 0.8
    write_ismrmrd(tmp_path / "scan.h5", oversampled.numpy(), 64)
    facts = describe(tmp_path / "scan.h5")
    assert (facts["noise readouts"], facts["readouts"], facts["image"]) == (1, 66, [64, 64])
    write_cfl(tmp_path / "k", torch.ones(6, 5, 1, 3, dtype=torch.complex64))
    assert describe(tmp_path / "k.cfl")["image"] == [5, 6]
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(FileFormatError, match="neither"):
        describe(tmp_path / "other.h5")
