"""Damaged scans end in one sentence, whatever is cut, overwritten or of a wrong type."""

from __future__ import annotations

import warnings

import h5py
import numpy as np
import pytest
import tifffile
import torch
from scipy.io import savemat

from wellposed.cli import main
from wellposed.errors import FileFormatError, WellposedError
from wellposed_ct import (
    DICOMReader,
    DICOMWriter,
    HDF5Reader,
    NikonReader,
    ParallelGeometry,
    SinogramReader,
    TIFFReader,
    disc,
    open_scan,
)

VIEWS, ROWS, BINS = 24, 4, 16
SCAN = ParallelGeometry(np.arange(VIEWS) * np.pi / VIEWS, (BINS, BINS), BINS)
Y = disc(4.0, 0.05).sinogram(SCAN)[0, 0].numpy()
COUNTS = np.rint(4e4 * np.exp(-np.broadcast_to(Y[:, None], (VIEWS, ROWS, BINS)))).astype(np.uint16)


def dxchange(path, **changes):
    arrays = {
        "data": COUNTS, "data_white": np.full((2, ROWS, BINS), 40000, np.uint16),
        "theta": np.degrees(SCAN.angles),
    } | changes  # fmt: skip
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            if array is not None:
                file[f"exchange/{name}"] = array
    return path


def nxtomo(path):
    with h5py.File(path, "w") as file:
        file["entry/detector/data"] = np.concatenate([np.full((2, ROWS, BINS), 40000, np.uint16), COUNTS])
        file["entry/detector/image_key"] = [1, 1] + [0] * VIEWS
        file["entry/sample/rotation_angle"] = np.concatenate([[0, 0], np.degrees(SCAN.angles)])
    return path


def tiff(path, **words):
    tifffile.imwrite(path, (COUNTS / 4e4).astype(np.float32), photometric="minisblack", **words)
    return path


def nikon(path):
    entries = {
        "Name": "n", "SrcToObject": 100, "SrcToDetector": 400, "DetectorPixelsX": BINS,
        "DetectorPixelsY": ROWS, "DetectorPixelSizeX": 1.0, "Projections": VIEWS, "AngularStep": 15,
        "WhiteLevel": 40000,
    }  # fmt: skip
    path.write_text("[XTekCT]\n" + "".join(f"{k}={v}\n" for k, v in entries.items()))
    for i, view in enumerate(COUNTS):
        tifffile.imwrite(path.parent / f"n_{i:02d}.tif", view)
    return path


def npz(path):
    np.savez(path, sinogram=Y, angles=np.array(SCAN.angles))
    return path


def mat(path):
    savemat(path, {"sinogram": Y, "angles": np.array(SCAN.angles)})
    return path


def npy(path):
    np.save(path, Y)
    return path


def dicom(path):
    DICOMWriter().write(path, 0.02 * torch.ones(1, 1, 8, 9))
    return path


def zipped(path):
    return tiff(path, compression="zlib")


FILES = [
    (dxchange, "a.h5", HDF5Reader()),
    (nxtomo, "a.nxs", HDF5Reader()),
    (tiff, "a.tif", TIFFReader(values="transmission")),
    (zipped, "a.tif", TIFFReader(values="transmission")),
    (nikon, "a.xtekct", NikonReader(volume=True)),
    (npz, "a.npz", SinogramReader()),
    (mat, "a.mat", SinogramReader()),
    (npy, "a.npy", SinogramReader()),
    (dicom, "a.dcm", DICOMReader()),
]


def harmed(data, rng):
    """Return bytes that are cut, or some of which are others."""
    if rng.integers(2):
        return data[: rng.integers(len(data))]
    found = bytearray(data)
    for _ in range(rng.integers(1, 12)):
        found[rng.integers(min(len(found), 4000))] = rng.integers(256)
    return bytes(found)


@pytest.mark.parametrize(("write", "name", "reader"), FILES, ids=[f[0].__name__ for f in FILES])
def test_harmed_files_are_read_or_refused(tmp_path, write, name, reader, capsys):
    path = write(tmp_path / name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reader.read(path)
        data, rng, refused = path.read_bytes(), np.random.default_rng(0), []
        for _ in range(25):
            path.write_bytes(harmed(data, rng))
            try:
                reader.read(path)
            except WellposedError as error:
                refused.append(str(error))
    assert len(refused) >= 8
    assert [text for text in refused if "\n" in text] == []
    assert "tifffile" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data_white": np.array([[[b"x"] * BINS] * ROWS])}, r"flats or darks are \|S1; real numbers"),
        ({"theta": np.zeros((VIEWS, 2))}, "48 angles for 24 views"),
        ({"theta": np.array([b"a"] * VIEWS)}, "not a readable HDF5 file, or a damaged one"),
        ({"data": np.zeros((0, ROWS, BINS))}, r"shape \(0, 4, 16\); real numbers"),
        ({"data_white": np.zeros((0, ROWS, BINS))}, "flats of shape .* hold no frame"),
    ],
)
def test_wrong_types_in_hdf5(tmp_path, changes, message):
    with pytest.raises(FileFormatError, match=message):
        HDF5Reader().read(dxchange(tmp_path / "a.h5", **changes))


def test_a_file_that_announces_too_much(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("exchange/data", (10**6, 10**5, 10**6), "f4", chunks=(1, 64, 64))
        file["exchange/data_white"] = 1.0
        file["exchange/theta"] = np.linspace(0, 180, 10**6)
    with pytest.raises(FileFormatError, match=r"exchange/data_white is \(\)"):
        open_scan(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        del file["exchange/data_white"]
    with pytest.raises(FileFormatError, match="do not fit into the memory of this machine"):
        open_scan(tmp_path / "a.h5").nepers(0, 1)


def test_a_tiff_that_breaks_off_is_not_taken_for_a_shorter_scan(tmp_path):
    path = tiff(tmp_path / "a.tif", contiguous=False)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(FileFormatError, match=r"a\.tif: breaks off after \d+ pictures, or is damaged"):
        TIFFReader(values="transmission").read(path)


def test_one_picture_of_another_width(tmp_path):
    for i, view in enumerate(COUNTS):
        tifffile.imwrite(tmp_path / f"v{i:02d}.tif", view)
    tifffile.imwrite(tmp_path / "v07.tif", COUNTS[7, :, :5])
    with pytest.raises(FileFormatError, match=r"v07\.tif: is uint16 with rows of 5 pixels, unlike the first"):
        TIFFReader(blank=40000, angles_deg="0:180").read(tmp_path)


def test_an_axis_beside_the_detector(tmp_path, capsys):
    path = dxchange(tmp_path / "a.h5")
    assert main(["ct", "reconstruct", str(path), "-o", str(tmp_path / "v.npy"), "--centre", "900"]) == 4
    assert "the axis projects 900 mm beside the middle of a detector that is 16 mm" in capsys.readouterr().err


def test_a_geometry_whose_type_is_a_list(tmp_path):
    (tmp_path / "g.toml").write_text('type = ["parallel"]')
    with pytest.raises(FileFormatError, match=r"type = \['parallel'\] is none of"):
        open_scan(npz(tmp_path / "a.npz"), tmp_path / "g.toml")
