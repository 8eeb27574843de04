"""ISMRMRD files of every shape, written by the ismrmrd package and read back."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import torch

from wellposed.errors import FileFormatError, ParameterError
from wellposed_mri import (
    SENSE,
    Gridding,
    HDF5Reader,
    MultiCoilMRI,
    NIfTIWriter,
    NonCartesianMRI,
    birdcage_maps,
    centred_fft,
    radial,
    shepp_logan,
)

ismrmrd = pytest.importorskip("ismrmrd", reason="writes the files that the reader is tested on")

HEADER = """<?xml version="1.0"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
  <experimentalConditions><H1resonanceFrequency_Hz>1</H1resonanceFrequency_Hz></experimentalConditions>
  <encoding>
    <encodedSpace>
      <matrixSize><x>{x}</x><y>{y}</y><z>{z}</z></matrixSize>
      <fieldOfView_mm><x>{fov[2]}</x><y>{fov[1]}</y><z>{fov[0]}</z></fieldOfView_mm>
    </encodedSpace>
    <reconSpace>
      <matrixSize><x>{size[2]}</x><y>{size[1]}</y><z>{size[0]}</z></matrixSize>
      <fieldOfView_mm><x>{shown[2]}</x><y>{shown[1]}</y><z>{shown[0]}</z></fieldOfView_mm>
    </reconSpace>
    <trajectory>{trajectory}</trajectory>
    <encodingLimits>
      <kspace_encoding_step_1><minimum>0</minimum><maximum>{last}</maximum><center>{centre}</center>
      </kspace_encoding_step_1>
    </encodingLimits>
    <parallelImaging>
      <accelerationFactor><kspace_encoding_step_1>1</kspace_encoding_step_1>
      <kspace_encoding_step_2>1</kspace_encoding_step_2></accelerationFactor>
      <calibrationMode>{mode}</calibrationMode>
    </parallelImaging>
  </encoding>
</ismrmrdHeader>
"""


class File:
    """An ISMRMRD file that is being written, 64 × 64 with 300 × 200 mm unless told otherwise."""

    def __init__(self, path, **changes):
        self.path = path
        fields = {
            "x": 64, "y": 64, "z": 1, "fov": (5, 300, 200), "size": (1, 64, 64), "shown": (5, 300, 200),
            "trajectory": "cartesian", "last": 63, "centre": 32, "mode": "embedded",
        } | changes  # fmt: skip
        self.file = ismrmrd.Dataset(str(path), "dataset", create_if_needed=True)
        self.file.write_xml_header(HEADER.format(**fields).encode())

    def add(self, line, flags=(), position=(0, 0, 0), centre=None, trajectory=None, dwell=5.0, **counters):
        data = np.ascontiguousarray(line).astype(np.complex64)
        readout = ismrmrd.Acquisition.from_array(data, trajectory)
        for name, value in counters.items():
            setattr(readout.idx, name, value)
        readout.center_sample = data.shape[1] // 2 if centre is None else centre
        readout.sample_time_us = dwell
        readout.position = position
        readout.read_dir, readout.phase_dir, readout.slice_dir = (0, 1, 0), (0, 0, 1), (1, 0, 0)
        for flag in flags:
            readout.set_flag(flag)
        self.file.append_acquisition(readout)

    def close(self):
        self.file.close()
        return self.path


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


@pytest.fixture(scope="module")
def kspace():
    image = shepp_logan().image(64).to(torch.complex64)
    return centred_fft(birdcage_maps(4, (64, 64)) * image).numpy()


def test_images_are_told_apart_and_averages_averaged(tmp_path, kspace):
    scan = File(tmp_path / "a.h5")
    for repetition in range(2):
        for contrast in range(3):
            for s in range(2):
                for average in (-0.5, 0.5):
                    value = 1 + s + 10 * contrast + 100 * repetition
                    for row in range(64):
                        line = (value + average) * kspace[:, row]
                        scan.add(
                            line,
                            kspace_encode_step_1=row,
                            slice=s,
                            contrast=contrast,
                            repetition=repetition,
                        )
    path = scan.close()
    one = HDF5Reader(maps="none", contrast=2, repetition=1).read(path)
    wanted = torch.stack([v * torch.from_numpy(kspace) for v in (121, 122)])
    assert error(one.y, wanted) < 1e-5
    every = HDF5Reader(maps="none", contrast=None, repetition=None).read(path)
    scale = (every.y / torch.from_numpy(kspace)).real[:, 0, 32, 32]
    numbers = [1 + s + 10 * c + 100 * r for r in (0, 1) for c in range(3) for s in (0, 1)]
    torch.testing.assert_close(scale, torch.tensor(numbers).float())
    assert every.meta["images"] == {"set": 1, "repetition": 2, "phase": 1, "contrast": 3, "slice": 2}
    assert HDF5Reader(maps="none", slice=1).read(path).y.shape[0] == 1
    with pytest.raises(FileFormatError, match=r"no imaging readouts of phase 3 among 1536.*mri info"):
        HDF5Reader(phase=3).read(path)
    # twelve images of two slices are six volumes
    NIfTIWriter().write(tmp_path / "a.nii", every.y[:, :1].abs(), every.meta)
    assert nibabel.load(tmp_path / "a.nii").shape == (64, 64, 2, 6)


def test_each_image_has_its_own_mask(tmp_path, kspace):
    scan = File(tmp_path / "a.h5")
    for s, rows in enumerate([range(0, 64, 2), range(1, 64, 2)]):
        for row in rows:
            scan.add(kspace[:1, row], kspace_encode_step_1=row, slice=s)
    mask = HDF5Reader().read(scan.close()).physics.mask
    assert mask.shape == (2, 1, 64, 1)
    assert torch.equal(mask[0, 0, :, 0], (torch.arange(64) % 2 == 0).float())
    assert torch.equal(mask[1, 0, :, 0], (torch.arange(64) % 2 == 1).float())


def test_a_zero_line_that_was_measured_counts_as_measured(tmp_path, kspace):
    scan = File(tmp_path / "a.h5")
    for row in range(64):
        scan.add(kspace[:1, row] * (row != 3), kspace_encode_step_1=row)
    assert float(HDF5Reader().read(scan.close()).physics.mask.min()) == 1


def test_noise_becomes_white(tmp_path, kspace):
    rng = np.random.default_rng(0)
    mixing = np.eye(4) + 0.5 * rng.normal(size=(4, 4)) + 0.3j * rng.normal(size=(4, 4))

    def noise(n):
        return mixing @ (rng.normal(size=(4, n)) + 1j * rng.normal(size=(4, n))) / np.sqrt(2)

    scan = File(tmp_path / "a.h5")
    # the noise scan samples four times as slowly: its noise has half the amplitude
    for _ in range(40):
        scan.add(0.5 * noise(256), flags=[ismrmrd.ACQ_IS_NOISE_MEASUREMENT], dwell=20.0)
    for row in range(64):
        scan.add(noise(64), kspace_encode_step_1=row)
    path = scan.close()
    found = HDF5Reader(maps="none").read(path)
    flat = found.y[0].flatten(1)
    assert error(flat @ flat.mH / flat.shape[1], torch.eye(4, dtype=torch.complex64)) < 0.08
    assert found.meta["whitened"] is True
    raw = HDF5Reader(maps="none", whiten=False).read(path).y[0].flatten(1)
    wanted = torch.from_numpy(mixing @ mixing.conj().T).to(torch.complex64)
    assert error(raw @ raw.mH / raw.shape[1], wanted) < 0.1


def test_a_useless_noise_scan_is_told(tmp_path, kspace):
    scan = File(tmp_path / "a.h5")
    scan.add(np.ones((4, 64)), flags=[ismrmrd.ACQ_IS_NOISE_MEASUREMENT])
    scan.add(kspace[:, 32], kspace_encode_step_1=32)
    path = scan.close()
    with pytest.raises(FileFormatError, match=r"not positive definite.*whiten=False"):
        HDF5Reader().read(path)


def test_partial_fourier_lies_around_its_centre(tmp_path, kspace):
    # 40 of 64 rows, of which number 8 is the centre; partial echo: 48 of 64 samples, centre at 16
    scan = File(tmp_path / "a.h5", last=39, centre=8)
    for step in range(40):
        scan.add(kspace[:, step + 24, 16:], kspace_encode_step_1=step, centre=16)
    found = HDF5Reader(maps="rss").read(scan.close())
    mask = torch.zeros(64, 64)
    mask[24:, 16:] = 1
    assert torch.equal(found.physics.mask.reshape(64, 64), mask)
    assert error(found.y[0], mask * torch.from_numpy(kspace)) < 1e-6


def test_reversed_and_discarded_samples(tmp_path, kspace):
    scan = File(tmp_path / "a.h5")
    for row in range(64):
        if row % 2:
            scan.add(
                kspace[:, row, ::-1], flags=[ismrmrd.ACQ_IS_REVERSE], kspace_encode_step_1=row, centre=31
            )
        else:
            scan.add(kspace[:, row], kspace_encode_step_1=row)
    assert error(HDF5Reader().read(scan.close()).y[0], torch.from_numpy(kspace)) < 1e-6


def test_a_separate_calibration_makes_the_maps_only(tmp_path, kspace):
    scan = File(tmp_path / "a.h5", mode="separate")
    for row in range(20, 44):
        scan.add(7 * kspace[:, row], flags=[ismrmrd.ACQ_IS_PARALLEL_CALIBRATION], kspace_encode_step_1=row)
    for row in range(0, 64, 2):
        scan.add(kspace[:, row], kspace_encode_step_1=row)
    found = HDF5Reader().read(scan.close())
    assert isinstance(found.physics, MultiCoilMRI)
    assert torch.equal(found.physics.mask.flatten(), (torch.arange(64) % 2 == 0).float())
    image = shepp_logan().image(64)
    assert error(SENSE(1e-4)(found.y, found.physics).abs()[0, 0], image) < 0.03


def test_the_image_lies_where_the_patient_lay(tmp_path, kspace):
    """Rows run along the phase direction, columns along the readout, in patient axes."""
    scan = File(tmp_path / "a.h5")
    for s in range(3):
        for row in range(64):
            scan.add(kspace[:1, row], kspace_encode_step_1=row, slice=s, position=(10 + 6 * s, -20, 30))
    found = HDF5Reader().read(scan.close())
    image = found.y[:, :1].abs()
    NIfTIWriter().write(tmp_path / "a.nii", image, found.meta)
    loaded = nibabel.load(tmp_path / "a.nii")
    # readout points posterior, phase up, slices to the left
    assert nibabel.aff2axcodes(loaded.affine) == ("P", "S", "L")
    np.testing.assert_allclose(loaded.header.get_zooms(), (200 / 64, 300 / 64, 6))
    # the voxel at the origin of the transform is the scanner's position, x and y with the sign of RAS
    np.testing.assert_allclose(loaded.affine @ [32, 32, 2, 1], [-22, 20, 30, 1], atol=1e-4)


def test_oversampling_is_cut_off(tmp_path, kspace):
    """Twice as many samples over twice the field of view along x, and half more rows along y."""
    image = shepp_logan().image(64).to(torch.complex64) * birdcage_maps(1, (64, 64))
    wide = torch.nn.functional.pad(image, (32, 32, 16, 16))
    lines = centred_fft(wide)[0].numpy()
    scan = File(tmp_path / "a.h5", x=128, y=96, fov=(5, 450, 400), size=(1, 128, 128), last=95, centre=48)
    for row in range(96):
        scan.add(lines[None, row], kspace_encode_step_1=row)
    found = HDF5Reader().read(scan.close())
    assert found.y.shape == (1, 1, 96, 64)
    assert found.meta["crop"] == [64, 64]
    np.testing.assert_allclose(found.meta["voxel_mm"], [5, 300 / 64, 200 / 64])
    x = found.physics.A_adjoint(found.y)
    assert error(x[0, 0, 16:80].abs(), image[0].abs()) < 1e-5
    NIfTIWriter().write(tmp_path / "a.nii", x, found.meta)
    written = nibabel.load(tmp_path / "a.nii")
    np.testing.assert_allclose(written.get_fdata()[:, :, 0].T, image[0].abs().numpy(), atol=1e-5)
    # the centre keeps its place
    np.testing.assert_allclose(written.affine @ [32, 32, 0, 1], [0, 0, 0, 1], atol=1e-4)


@pytest.mark.parametrize("unit", ["cycles/pixel", "cycles/FOV", "radians/pixel"])
def test_a_radial_file_becomes_the_image(tmp_path, unit):
    size, spokes = 64, radial(101, 128, 64)
    image = shepp_logan().image(size).to(torch.complex64)[None, None]
    physics = NonCartesianMRI(birdcage_maps(4, (size, size)), spokes, accuracy=1e-6)
    y = physics(image)
    factor = {"cycles/pixel": 1 / size, "cycles/FOV": 1.0, "radians/pixel": 2 * np.pi / size}[unit]
    scan = File(tmp_path / "a.h5", trajectory="radial", x=128, fov=(5, 300, 300), shown=(5, 300, 300))
    for s in range(2):
        for shot in range(101):
            points = np.ascontiguousarray(factor * spokes[shot].flip(-1).numpy())  # x first in the file
            scan.add(y[0, :, shot].numpy(), trajectory=points, slice=s, kspace_encode_step_1=shot % 64)
    path = scan.close()
    found = HDF5Reader().read(path)
    assert found.meta["trajectory_unit"] == unit
    assert found.y.shape == (2, 4, 101, 128)
    torch.testing.assert_close(found.physics.trajectory, spokes, rtol=1e-4, atol=1e-4)
    x = SENSE(1e-3)(found.y, found.physics)
    assert error(x.abs()[1], image[0].abs()) < 0.12
    assert error(Gridding()(found.y, found.physics).abs()[0], image[0].abs()) < 0.25
    assert HDF5Reader(maps="none").read(path).physics is None


def test_a_trajectory_that_fits_no_unit(tmp_path):
    scan = File(tmp_path / "a.h5", trajectory="spiral")
    scan.add(np.ones((1, 8)), trajectory=np.full((8, 2), 900, np.float32))
    with pytest.raises(FileFormatError, match=r"reaches ±900.*±0.5.*±3.142.*±32 × ±32"):
        HDF5Reader().read(scan.close())
    with pytest.raises(ParameterError, match="trajectory_unit = 'furlongs'"):
        HDF5Reader(trajectory_unit="furlongs")
    scan = File(tmp_path / "b.h5", trajectory="spiral")
    scan.add(np.ones((1, 8)))
    with pytest.raises(FileFormatError, match=r"trajectory of 0 numbers.*8 × 2 or 3"):
        HDF5Reader().read(scan.close())
    scan = File(tmp_path / "c.h5", trajectory="spiral")
    for s in (0, 1):
        scan.add(np.ones((1, 8)), trajectory=np.full((8, 2), 0.1 + s / 9, np.float32), slice=s)
    path = scan.close()
    with pytest.raises(FileFormatError, match="different trajectories"):
        HDF5Reader().read(path)
    assert HDF5Reader(slice=1).read(path).y.shape == (1, 1, 1, 8)


def test_a_stack_of_spokes_counts_its_partitions(tmp_path):
    scan = File(
        tmp_path / "a.h5",
        trajectory="radial",
        z=4,
        size=(4, 16, 16),
        fov=(20, 160, 160),
        shown=(20, 160, 160),
    )
    spokes = radial(5, 16, 16)
    for partition in range(4):
        for shot in range(5):
            points = np.ascontiguousarray(spokes[shot].flip(-1).numpy() / 16)
            scan.add(np.ones((1, 16)), trajectory=points, kspace_encode_step_2=partition)
    found = HDF5Reader().read(scan.close())
    assert found.physics.domain.shape == (1, 4, 16, 16)
    assert found.physics.trajectory[::5, 0, 0].tolist() == [-2, -1, 0, 1]
