"""What a user may well say, and cannot be: a sentence in the user's own words."""

import h5py
import numpy as np
import pytest
import tifffile
import torch

from wellposed.cli import main
from wellposed.errors import FileFormatError, ParameterError
from wellposed_ct import (
    ASDPOCS,
    ConeGeometry,
    HDF5Reader,
    ParallelBeam,
    ParallelGeometry,
    ball,
    disc,
    open_scan,
    write_geometry,
)

SCAN = ParallelGeometry(np.arange(30) * np.pi / 30, (24, 24), 24)
NEPERS = disc(7.0, 0.05).sinogram(SCAN)[0, 0].numpy()


@pytest.fixture
def counts(tmp_path):
    path = tmp_path / "counts.h5"
    with h5py.File(path, "w") as file:
        file["exchange/data"] = (100 + 3e4 * np.exp(-NEPERS))[:, None].astype(np.uint16)
        file["exchange/data_white"] = np.full((4, 1, 24), 30100, np.uint16)
        file["exchange/data_dark"] = np.full((4, 1, 24), 100, np.uint16)
        file["exchange/theta"] = np.degrees(SCAN.angles)
    return path


def test_counts_that_are_called_nepers_are_doubted(counts, tmp_path):
    with pytest.warns(UserWarning, match=r"said to be nepers, and are 2.* in the median.*holds flats"):
        HDF5Reader(values="nepers").read(counts)
    with pytest.warns(UserWarning, match="said to be nepers"):
        main(["ct", "reconstruct", str(counts), "-o", str(tmp_path / "v.npy"), "--values", "nepers"])


def test_a_blank_below_the_darks_is_not_called_a_swap(counts):
    scan = open_scan(counts, values="counts", blank=5)
    with pytest.raises(FileFormatError, match=r"blank = 5, and the darks are 100 in the mean.*--blank"):
        scan.nepers(0, 1)
    np.testing.assert_allclose(
        open_scan(counts, values="counts", blank=30100).nepers(0, 1)[0, 0], NEPERS, atol=1e-3
    )


def test_a_cone_beam_that_does_not_fit_speaks_of_the_budget(tmp_path, capsys):
    cone = ConeGeometry(np.arange(24) * np.pi / 12, (20, 18, 16), 100.0, 150.0, (24, 26), 1.5)
    folder = tmp_path / "views"
    folder.mkdir()
    for i, view in enumerate(ball(6.0, 0.03).projections(cone)[0, 0].float().numpy()):
        tifffile.imwrite(folder / f"v{i:03d}.tif", view[::-1])
    write_geometry(folder / "geometry.toml", cone)
    words = ["ct", "reconstruct", str(folder), "-o", str(tmp_path / "v.npy"), "--values", "nepers"]
    assert main([*words, "--memory", "16KiB"]) == 2
    text = " ".join(capsys.readouterr().err.split())
    assert "one slice of the cone beam takes" in text
    assert "the budget is 0.0156 MiB; give more by --memory" in text
    assert "memory_bytes" not in text


def test_asd_pocs_speaks_of_itself():
    y = torch.from_numpy(NEPERS)[None, None].float()
    y[0, 0, 2, 3] = torch.nan
    with pytest.raises(ParameterError, match=r"^ASD-POCS: 1 of"):
        ASDPOCS(2)(y, ParallelBeam.from_geometry(SCAN))


def test_discs_stand_where_balls_do():
    assert disc(2.0, at_mm=(1.0, -3.0)).rows[0, 3:5].tolist() == [1.0, -3.0]
    with pytest.raises(TypeError):
        disc(2.0, 1.0, 1.0, -3.0)
