"""fastMRI's practice: reconstructions are scored on the magnitude of the centre that the file brings."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from wellposed.cli import main
from wellposed_mri import SENSE, HDF5Reader, birdcage_maps, brain, centred_fft, spin_echo

h5py = pytest.importorskip("h5py")


@pytest.fixture
def volume(tmp_path):
    """Two slices of 96 × 64 samples, oversampled along the readout: the target is 48 × 64."""
    x = torch.zeros(2, 1, 96, 64, dtype=torch.complex64)
    x[:, 0, 24:72] = brain(spin_echo(600, 15)).image(64)[8:56]
    x[1] *= 0.5j
    coils = centred_fft(birdcage_maps(4, (96, 64)) * x)
    rss = x.abs()[:, 0, 24:72].numpy()
    with h5py.File(tmp_path / "file1.h5", "w") as file:
        file["kspace"] = coils.numpy()
        file["reconstruction_rss"] = rss
        file.attrs["max"] = float(rss.max())
    return tmp_path / "file1.h5", rss


def _compare(*arguments):
    """Return the rows of the table."""
    assert main(["compare", *map(str, arguments)]) == 0
    return json.loads((arguments[-1] / "results.json").read_text())["rows"]


def test_the_reference_is_the_target_of_the_file(volume):
    path, rss = volume
    found = HDF5Reader().read(path)
    assert found.reference.shape == (2, 1, 96, 64)
    np.testing.assert_array_equal(found.reference[:, 0, 24:72].real.numpy(), rss)
    assert not bool(found.reference[:, 0, :24].isfinite().any())
    assert found.meta["reference_is_magnitude"]


def test_scores_are_those_of_the_magnitude_on_the_crop(volume, tmp_path):
    path, rss = volume
    rows = _compare(path, "-m", "mri.sense", "-o", tmp_path / "out")
    found = HDF5Reader().read(path)
    image = SENSE()(found.y, found.physics).abs()[:, 0, 24:72].numpy()
    error = ((image - rss) ** 2).mean((1, 2))
    score = {row["method"]: row["psnr"] for row in rows}["mri.sense"]
    assert score > 40
    assert score == pytest.approx((10 * np.log10(1 / error)).mean(), abs=20)  # whatever the peak stands for
    assert (tmp_path / "out" / "errors.png").exists()


def test_an_array_of_the_target_is_a_reference_and_no_sinogram(volume, tmp_path, capsys):
    path, rss = volume
    np.save(tmp_path / "ref.npy", rss)
    given = _compare(path, "-m", "mri.sense", "--reference", tmp_path / "ref.npy", "-o", tmp_path / "a")
    assert "angles" not in capsys.readouterr().err
    own = _compare(path, "-m", "mri.sense", "-o", tmp_path / "b")
    assert [r["psnr"] for r in given] == pytest.approx([r["psnr"] for r in own])
    np.save(tmp_path / "wrong.npy", rss[:, :40])
    wrong = ["compare", str(path), "-m", "mri.sense", "--reference", str(tmp_path / "wrong.npy")]
    assert main([*wrong, "-o", str(tmp_path / "c")]) != 0
    said = " ".join(capsys.readouterr().err.split())
    assert "(2, 40, 64), but (2, 1, 96, 64) or (2, 1, 48, 64) is expected" in said


def test_what_is_saved_is_not_cut(volume, tmp_path, capsys):
    path, _ = volume
    assert main(["reconstruct", str(path), "-m", "mri.rss", "-o", str(tmp_path / "x.npy")]) == 0
    assert "PSNR" in capsys.readouterr().out
    assert np.load(tmp_path / "x.npy").shape == (2, 1, 96, 64)
