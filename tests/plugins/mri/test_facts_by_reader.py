"""``wellposed mri info`` of files that need to be told how they are read, and what it counts."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest
import torch

from wellposed.cli import main
from wellposed.errors import FileFormatError, ParameterError
from wellposed_mri import ArrayReader, BARTReader, HDF5Reader, radial, to_bart, write_cfl
from wellposed_mri.files.facts import describe
from wellposed_mri.files.facts.cost import IMAGES, KSPACES, PROCESS, Size


@pytest.fixture
def spokes(tmp_path):
    """A radial pair with its trajectory beside it: 3 coils, 7 spokes of 32 samples, an image of 16²."""
    write_cfl(tmp_path / "k.cfl", torch.ones(1, 32, 7, 3, dtype=torch.complex64))
    write_cfl(tmp_path / "traj.cfl", to_bart(radial(7, 32, 16)).to(torch.complex64))
    return tmp_path / "k.cfl"


def test_bart_data_along_a_trajectory_find_it_beside_them(spokes):
    facts = describe(spokes)
    assert facts["trajectory"] == "non-Cartesian"
    assert facts["trajectory file"].endswith("traj.cfl")
    assert (facts["samples"], facts["shots"], facts["coils"]) == (32, 7, 3)
    assert facts["trajectory reach"] == pytest.approx(8, abs=0.3)
    assert facts["image"] == [16, 16]
    assert facts["k-space MiB"] == pytest.approx(8 * 32 * 7 * 3 / 2**20, abs=0.05)


def test_without_its_trajectory_it_says_how_to_name_it(spokes, capsys):
    spokes.with_name("traj.hdr").unlink()
    assert main(["mri", "info", str(spokes)]) == 0
    shown = capsys.readouterr().out
    assert "--reader mri.bart_reader:trajectory=NAME.cfl,shape=[ROWS,COLUMNS]" in shown
    assert "SENSE seconds" not in shown


def test_the_reader_option_states_trajectory_and_shape(spokes, capsys):
    elsewhere = spokes.parent / "there"
    elsewhere.mkdir()
    for part in (".cfl", ".hdr"):
        spokes.with_name(f"traj{part}").rename(elsewhere / f"t{part}")
    reader = f"mri.bart_reader:trajectory={elsewhere / 't.cfl'},shape=[20,24]"
    assert main(["mri", "info", str(spokes), "--reader", reader, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["image"] == [20, 24]
    assert facts["SENSE seconds"] >= 0
    write_cfl(elsewhere / "t.cfl", torch.zeros(3, 32, 6, dtype=torch.complex64), overwrite=True)
    assert main(["mri", "info", str(spokes), "--reader", reader]) == 4
    assert "32 samples and 7 shots do not fit the trajectory (3, 32, 6" in capsys.readouterr().err


def test_names_and_axes_of_arrays(tmp_path, capsys):
    np.savez(tmp_path / "a.npz", mine=np.ones((20, 24, 5), np.complex64), other=np.ones(3))
    with pytest.raises(FileFormatError, match="which one is k-space"):
        describe(tmp_path / "a.npz")
    facts = describe(tmp_path / "a.npz", ArrayReader(kspace="mine", axes="hwc"))
    assert (facts["coils"], facts["image"], facts["axes"]) == (5, [20, 24], "hwc")
    with pytest.raises(FileFormatError, match=r"3 axes, and axes = 'hw' names 2"):
        describe(tmp_path / "a.npz", ArrayReader(kspace="mine", axes="hw"))
    np.savez(
        tmp_path / "t.npz", kspace=np.ones((3, 7, 32), np.complex64), traj=radial(7, 32, 16).numpy() / 16
    )
    reader = ["--reader", "mri.array_reader:shape=[16,16]"]
    assert main(["mri", "info", str(tmp_path / "t.npz"), *reader, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["image"] == [16, 16]


def test_slices_that_are_read_are_counted(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["kspace"] = np.ones((10, 2, 64, 64), np.complex64)
    whole = describe(tmp_path / "a.h5")
    part = describe(tmp_path / "a.h5", HDF5Reader(slices=(2, 4), maps="rss"))
    assert whole["k-space MiB"] == pytest.approx(10 * 2 * 64 * 64 * 8 / 2**20, abs=0.05)
    assert part["k-space MiB"] == pytest.approx(2 * 2 * 64 * 64 * 8 / 2**20, abs=0.05)
    assert "maps seconds" in whole
    assert "maps seconds" not in part
    expected = PROCESS + 10 * 8 * (KSPACES * 2 + IMAGES) * 64 * 64 / 2**20
    assert whole["memory MiB"] == pytest.approx(expected, abs=1)


def test_large_problems_are_timed_in_part():
    part = Size(30, 32, (256, 320, 320), 10**8).part()
    assert (part.images, part.coils) == (1, 8)
    assert 8 * torch.Size(part.image).numel() <= 1.3 * 2**20
    assert part.points == pytest.approx(10**8 * torch.Size(part.image).numel() / (256 * 320 * 320), rel=0.01)


def test_other_readers_are_refused(tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.ones((2, 8, 8), np.complex64))
    assert main(["mri", "info", str(tmp_path / "a.npy"), "--reader", "viz.kernel_reader"]) != 0
    assert "does not read raw MRI files; use mri.hdf5_reader" in capsys.readouterr().err
    with pytest.raises(ParameterError, match="object does not read raw MRI files"):
        describe(tmp_path / "a.npy", object())
    assert describe(tmp_path / "a.npy", ArrayReader(maps="none"))["coils"] == 2
    write_cfl(tmp_path / "b.cfl", torch.ones(2, 2))
    (tmp_path / "b.hdr").unlink()
    with pytest.raises(FileFormatError, match=r"pair of \.hdr and \.cfl"):
        describe(tmp_path / "b.cfl", BARTReader())
