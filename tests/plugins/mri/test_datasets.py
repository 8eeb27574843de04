"""Folders of volumes: fastMRI's masks, no open files, the same item everywhere."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from wellposed.errors import FileFormatError, ParameterError
from wellposed_mri import FastMRIDataset, FastMRIEquispaced, FastMRIRandom, M4RawDataset, centred_ifft

HEADER = """<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD"><encoding>
<encodedSpace><matrixSize><x>24</x><y>64</y><z>1</z></matrixSize>
<fieldOfView_mm><x>480</x><y>640</y><z>4</z></fieldOfView_mm></encodedSpace>
<reconSpace><matrixSize><x>12</x><y>32</y><z>1</z></matrixSize>
<fieldOfView_mm><x>240</x><y>320</y><z>4</z></fieldOfView_mm></reconSpace>
<encodingLimits><kspace_encoding_step_1><minimum>0</minimum><maximum>57</maximum><center>29</center>
</kspace_encoding_step_1></encodingLimits></encoding></ismrmrdHeader>"""


def volume(path, slices=3, coils=2, target=True, mask=None, seed=0):
    rng = np.random.default_rng(seed)
    shape = (slices, 24, 64) if coils is None else (slices, coils, 24, 64)
    kspace = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
    with h5py.File(path, "w") as file:
        file["kspace"] = kspace
        file["ismrmrd_header"] = HEADER
        if target:
            name = "reconstruction_esc" if coils is None else "reconstruction_rss"
            file[name] = np.arange(slices * 12 * 32, dtype=np.float32).reshape(slices, 12, 32)
            file.attrs["max"] = 77.0
        if mask is not None:
            file["mask"] = mask
    return torch.from_numpy(kspace)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "data"
    place.mkdir()
    volume(place / "file1.h5", seed=1)
    volume(place / "file2.h5", slices=2, seed=2)
    return place


def open_files():
    links = Path("/proc/self/fd")
    return sorted(os.readlink(p) for p in links.iterdir() if p.exists())


def test_items(folder):
    kspace = volume(folder / "file1.h5", seed=1)
    data = FastMRIDataset(folder)
    assert len(data) == 5
    item = data[1]
    assert (item["file"], item["slice"]) == ("file1.h5", 1)
    assert torch.equal(item["y"], kspace[1])
    assert torch.equal(item["target"][0], torch.arange(384.0, 768).reshape(12, 32))
    assert float(item["max_value"]) == 77
    assert item["mask"].shape == (1, 1, 64)
    assert data[-1]["file"] == "file2.h5"
    with pytest.raises(IndexError):
        data[5]


def test_the_mask_is_the_challenge_s_for_the_file_s_name(folder):
    """Drawn from the letters of the name, for the file's own columns; padded columns were never acquired."""
    mask = FastMRIEquispaced(10, (0.08,), (4,))
    items = [FastMRIDataset(folder, mask)[i] for i in range(5)]
    wanted = FastMRIEquispaced(64, (0.08,), (4,)).mask(tuple(map(ord, "file1.h5")))
    wanted[:3] = 0  # 64 // 2 − 29
    wanted[61:] = 0  # 3 + 57 + 1
    for item in items[:3]:
        assert torch.equal(item["mask"].flatten(), wanted)
        assert not bool((item["y"] * (1 - item["mask"])).any())
    assert not torch.equal(items[3]["mask"], items[0]["mask"])
    seeded = [FastMRIDataset(folder, FastMRIRandom(10), seed=7)[i]["mask"] for i in range(3)]
    assert not torch.equal(seeded[0], seeded[1])
    assert torch.equal(seeded[0], FastMRIDataset(folder, FastMRIRandom(99), seed=7)[0]["mask"])


def test_test_files_keep_their_mask_and_single_coils_their_target(tmp_path):
    stored = (np.arange(64) % 4 == 0).astype(np.float32)
    volume(tmp_path / "test.h5", target=False, mask=stored)
    volume(tmp_path / "train.h5", coils=None)
    test, *_ = (FastMRIDataset(tmp_path, FastMRIRandom(64))[i] for i in range(3))
    assert torch.equal(test["mask"].flatten(), torch.from_numpy(stored))
    assert "target" not in test
    single = FastMRIDataset(tmp_path)[3]
    assert single["y"].shape == (1, 24, 64)
    assert single["target"].shape == (1, 12, 32)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted in /proc")
def test_no_file_stays_open_here_or_in_workers(folder):
    data = FastMRIDataset(folder, FastMRIRandom(64))
    before = open_files()
    for index in range(len(data)):
        data[index]
    assert open_files() == before
    direct = [data[i]["y"] for i in range(len(data))]
    loader = DataLoader(_Counting(data), batch_size=None, num_workers=2, multiprocessing_context="fork")
    for epoch in range(2):
        for index, (item, held) in enumerate(loader):
            assert held == 0, epoch
            assert torch.equal(item["y"], direct[index])
    assert [name for name in open_files() if name.endswith(".h5")] == []


def test_workers_that_start_anew_read_the_same(folder, tmp_path):
    """By spawn, as on macOS and Windows: data sets are pickled, and files opened over there."""
    for r in (1, 2):
        volume(tmp_path / f"2022_T1{r:02}.h5", seed=r)
    for data, place in ((FastMRIDataset(folder, None), folder), (M4RawDataset(tmp_path), tmp_path)):
        loader = DataLoader(data, batch_size=None, num_workers=1, multiprocessing_context="spawn")
        seen = 0
        for item in loader:
            with h5py.File(place / item["file"]) as file:
                np.testing.assert_array_equal(item["y"].numpy(), file["kspace"][item["slice"]])
            seen += 1
        assert seen == len(data)


class _Counting:
    """Returns each item with the number of .h5 files that the worker holds open after reading it."""

    def __init__(self, data):
        self.data = data

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        item = self.data[index]
        return item, sum(name.endswith(".h5") for name in open_files())


def test_it_pickles_and_the_index_is_kept(folder, tmp_path):
    data = FastMRIDataset(folder, FastMRIRandom(64), index=tmp_path / "index.json")
    again = pickle.loads(pickle.dumps(data))
    assert torch.equal(again[2]["y"], data[2]["y"])
    kept = json.loads((tmp_path / "index.json").read_text())
    assert {name: entry[0] for name, entry in kept.items()} == {"file1.h5": 3, "file2.h5": 2}
    # what has not changed is not opened again; what has is
    status = (folder / "file2.h5").stat()
    (folder / "file2.h5").write_bytes(b"\0" * status.st_size)
    os.utime(folder / "file2.h5", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert len(FastMRIDataset(folder, index=tmp_path / "index.json")) == 5
    volume(folder / "file2.h5", slices=4)
    assert len(FastMRIDataset(folder, index=tmp_path / "index.json")) == 7
    (tmp_path / "index.json").write_text("{")
    with pytest.raises(FileFormatError, match="no index of slices"):
        FastMRIDataset(folder, index=tmp_path / "index.json")


def test_repetitions_share_the_mean_as_target(tmp_path):
    kspaces = [volume(tmp_path / f"2022_T1{r:02}.h5", seed=r) for r in (1, 2, 3)]
    volume(tmp_path / "2022_FLAIR01.h5", seed=9)
    data = M4RawDataset(tmp_path, contrast="T1")
    assert len(data) == 9
    item = data[4]
    assert item["file"] == "2022_T102.h5"
    assert torch.equal(item["y"], kspaces[1][1])
    mean = torch.stack([k[1] for k in kspaces]).mean(0)
    torch.testing.assert_close(item["target"][0], centred_ifft(mean).abs().square().sum(0).sqrt())
    assert len(M4RawDataset(tmp_path)) == 12


def test_wrong_folders_get_a_sentence(tmp_path):
    with pytest.raises(ParameterError, match=r"is no folder with .h5 files"):
        FastMRIDataset(tmp_path)
    with pytest.raises(ParameterError, match=r"has no mask\(seed\)"):
        FastMRIDataset(tmp_path, mask=3)
    volume(tmp_path / "odd.h5")
    with pytest.raises(ParameterError, match=r"named like 2022061003_T101"):
        M4RawDataset(tmp_path)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(FileFormatError, match=r"other.h5: holds no kspace"):
        FastMRIDataset(tmp_path)
