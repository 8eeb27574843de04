"""Sinograms in files: what is read, and the sentence for what is not."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.io import savemat

from wellposed import registry
from wellposed.cli import main
from wellposed.errors import FileFormatError
from wellposed.measurement import Measurement
from wellposed_ct import FBP, FanBeam, ParallelBeam, ParallelGeometry, SinogramReader, disc

RNG = np.random.default_rng(0)


def test_parallel_npz_round_trip(tmp_path):
    g = ParallelGeometry(np.arange(60) * np.pi / 60, (64, 64), 64, 0.5)
    path = tmp_path / "scan.npz"
    np.savez(path, sinogram=disc(9.0, 0.02).sinogram(g)[0, 0].numpy(), angles=g.angles, detector_mm=0.5)
    found = SinogramReader().read(path)
    assert isinstance(found.physics, ParallelBeam)
    assert found.physics.geometry == g
    assert found.y.dtype == torch.float32
    image = FBP()(found.y, found.physics)
    assert float(image[0, 0, 28:36, 28:36].mean()) == pytest.approx(0.02, rel=0.005)


def test_fan_npz_by_the_names_of_the_helsinki_challenge(tmp_path):
    path = tmp_path / "htc.npz"
    np.savez(
        path,
        sinogram=RNG.random((5, 16), np.float32),
        angles_deg=np.arange(5.0),
        dist_source_origin_mm=410.66,
        dist_source_detector_mm=553.74,
        pixel_mm=0.2,
    )
    found = SinogramReader(size=(20, 18)).read(path)
    assert isinstance(found.physics, FanBeam)
    assert found.physics.source_axis_mm == 410.66
    assert found.physics.pixel_mm == pytest.approx(0.2 * 410.66 / 553.74)
    assert found.physics.geometry.size == (20, 18)
    assert found.physics.geometry.angles[1] == pytest.approx(math.radians(1))
    assert "FanGeometry(5 views over 4°" in found.meta["geometry"]


def test_mat_and_npy(tmp_path):
    sinogram = RNG.random((3, 7))
    savemat(
        tmp_path / "a.mat", {"sinogram": sinogram, "angles": np.array([0.0, 0.5, 1.0]), "detector_mm": 2.0}
    )
    one = SinogramReader().read(tmp_path / "a.mat")
    np.testing.assert_allclose(one.y[0, 0], sinogram, rtol=1e-6)
    assert one.physics.geometry.angles == (0.0, 0.5, 1.0)
    np.save(tmp_path / "b.npy", sinogram)
    with pytest.warns(UserWarning, match="tells no angles; half a turn in even steps is assumed, 0° to 120°"):
        two = SinogramReader().read(tmp_path / "b.npy")
    assert two.physics.geometry.angles == pytest.approx((0, math.pi / 3, 2 * math.pi / 3))


def test_the_registry_chooses_it(tmp_path):
    assert registry.default().for_file("reader", tmp_path / "x.npz")[0] == "ct.sinogram_reader"


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"picture": np.zeros((2, 2))}, "holds no array called sinogram, sino, projections"),
        ({"sinogram": np.zeros((3, 4)), "angles": np.zeros(4)}, "4 angles for 3 views; .* transpose it"),
        ({"sinogram": np.full((3, 4), np.nan)}, "12 of 12 values are NaN or infinite"),
        ({"sinogram": np.zeros(3)}, r"float64 of shape \(3,\); real numbers"),
        ({"sinogram": np.zeros((3, 4)), "source_axis_mm": 3.0}, "has source_axis_mm alone; a fan beam needs"),
        ({"sinogram": np.zeros((3, 4)), "detector_mm": -1.0}, "_mm = -1.0 must be a finite length"),
        ({"sinogram": np.zeros((3, 4)), "detector_mm": np.ones(2)}, "one number is expected"),
        ({"sinogram": np.array([{}])}, "cannot be read as .npz: Object arrays"),
    ],
)
def test_bad_files_get_a_sentence(tmp_path, arrays, message):
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays)
    with pytest.raises(FileFormatError, match=message):
        SinogramReader().read(path)


def test_size_is_bounded_before_anything_is_loaded(tmp_path):
    np.savez_compressed(tmp_path / "bomb.npz", sinogram=np.zeros((1000, 1000)))
    np.save(tmp_path / "big.npy", np.zeros((1000, 1000)))
    savemat(tmp_path / "big.mat", {"sinogram": np.zeros((1000, 1000))})
    for name in ("bomb.npz", "big.npy", "big.mat"):
        with pytest.raises(FileFormatError, match="MiB when unpacked, and at most 1 MiB are read"):
            SinogramReader(max_bytes=2**20).read(tmp_path / name)


def test_reconstruct_writes_the_whole_image(tmp_path):
    """A sinogram with fewer views than the image has rows is no picture of it, and nothing is cut away."""
    g = ParallelGeometry(np.arange(20) * np.pi / 20, (32, 32), 32)
    np.savez(tmp_path / "scan.npz", sinogram=disc(9.0, 0.02).sinogram(g)[0, 0].numpy(), angles=g.angles)
    out = tmp_path / "slice.safetensors"
    arguments = ["reconstruct", str(tmp_path / "scan.npz"), "--method", "ct.fbp", "--param", "window=hann"]
    assert main([*arguments, "-o", str(out)]) == 0
    found = Measurement.load(out)
    assert found.y.shape == (1, 1, 32, 32)
    assert float(found.y[0, 0, 12:20, 12:20].mean()) == pytest.approx(0.02, rel=0.01)
    assert "ParallelGeometry(20 views" in found.meta["geometry"]
