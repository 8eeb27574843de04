"""Files cut off or altered anywhere: a sentence or an image, never anything else, and never much memory."""

from __future__ import annotations

import random

import h5py
import numpy as np
import pytest
import torch
from scipy.io import savemat

from wellposed.errors import FileFormatError
from wellposed_mri import ArrayReader, BARTReader, HDF5Reader, write_cfl
from wellposed_mri.files.facts import describe

ismrmrd = pytest.importorskip("ismrmrd", reason="writes one of the files")
LIMIT = 1 << 26


def fastmri(path):
    with h5py.File(path, "w") as file:
        file["kspace"] = np.ones((2, 3, 12, 10), dtype=np.complex64)
        file["mask"] = np.ones(10)
        file["reconstruction_rss"] = np.ones((2, 8, 8), dtype=np.float32)
        file.attrs["acquisition"] = "AXT2"


def raw(path):
    header = (
        "<ismrmrdHeader xmlns='http://www.ismrm.org/ISMRMRD'><encoding><encodedSpace><matrixSize><x>10</x>"
        "<y>12</y><z>1</z></matrixSize></encodedSpace><trajectory>cartesian</trajectory></encoding>"
        "</ismrmrdHeader>"
    )
    with ismrmrd.Dataset(str(path), "dataset", create_if_needed=True) as file:
        file.write_xml_header(header.encode())
        for row in range(12):
            line = ismrmrd.Acquisition.from_array(np.ones((2, 10), dtype=np.complex64))
            line.idx.kspace_encode_step_1, line.center_sample = row, 5
            file.append_acquisition(line)


def matlab_hdf5(path):
    with h5py.File(path, "w") as file:
        pairs = np.zeros((12, 10), dtype=[("real", "f4"), ("imag", "f4")])
        pairs["real"] = 1
        file["kspace"] = pairs


ONES = np.ones((3, 12, 10), dtype=np.complex64)
FILES = {
    "fastmri.h5": (fastmri, HDF5Reader(maps="none", max_bytes=LIMIT)),
    "raw.h5": (raw, HDF5Reader(maps="none", max_bytes=LIMIT)),
    "new.mat": (matlab_hdf5, ArrayReader(maps="none", max_bytes=LIMIT)),
    "old.mat": (lambda p: savemat(p, {"kspace": ONES}), ArrayReader(maps="none", max_bytes=LIMIT)),
    "zip.mat": (
        lambda p: savemat(p, {"kspace": ONES}, do_compression=True),
        ArrayReader(maps="none", max_bytes=LIMIT),
    ),
    "a.npy": (lambda p: np.save(p, ONES), ArrayReader(maps="none", max_bytes=LIMIT)),
    "a.npz": (lambda p: np.savez_compressed(p, kspace=ONES), ArrayReader(maps="none", max_bytes=LIMIT)),
    "a.cfl": (
        lambda p: write_cfl(p, torch.from_numpy(ONES).permute(2, 1, 0).unsqueeze(2)),
        BARTReader(maps="none", max_bytes=LIMIT),
    ),
}


def attempt(path, reader):
    for look in (reader.read, describe):
        message = ""
        try:
            look(path)
        except FileFormatError as error:
            message = str(error)
        assert "\n" not in message
        assert message == "" or path.stem in message


@pytest.mark.parametrize("name", FILES)
def test_cut_off_anywhere(tmp_path, name):
    write, reader = FILES[name]
    path = tmp_path / name
    write(path)
    whole = path.read_bytes()
    reader.read(path)  # undamaged, it is read
    for end in {0, 1, 4, 100, *range(0, len(whole), max(1, len(whole) // 40))}:
        path.write_bytes(whole[:end])
        attempt(path, reader)


# not raw.h5: the HDF5 library itself never returns from some damaged heaps of texts and ragged arrays
@pytest.mark.parametrize("name", [name for name in FILES if name != "raw.h5"])
def test_altered_anywhere(tmp_path, name):
    write, reader = FILES[name]
    path = tmp_path / name
    write(path)
    whole = path.read_bytes()
    rng = random.Random(0)
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(rng.choice([1, 4, 16])):
            data[rng.randrange(len(data))] = rng.choice([0, 255, rng.randrange(256)])
        path.write_bytes(data)
        attempt(path, reader)


def test_an_announced_giant_is_not_allocated(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("kspace", (4000, 64, 4000, 4000), dtype="c8", chunks=True)
    with pytest.raises(FileFormatError, match=r"announces an array of \(4000, 64, 4000, 4000\).*max_bytes"):
        HDF5Reader().read(tmp_path / "a.h5")
    np.save(tmp_path / "a.npy", ONES)
    data = (tmp_path / "a.npy").read_bytes().replace(b"(3, 12, 10)", b"(3, 99999)_"[:11])
    (tmp_path / "a.npy").write_bytes(data.replace(b"(3, 99999)_", b"(39, 9999) "))
    with pytest.raises(FileFormatError):
        ArrayReader().read(tmp_path / "a.npy")
