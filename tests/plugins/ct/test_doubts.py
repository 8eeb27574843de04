"""Files whose numbers are hardly what they are taken for: one warning, and the fix."""

import h5py
import numpy as np
import pytest

from wellposed_ct import HDF5Reader, SinogramReader


def saved(path, y, angles=None):
    np.savez(path, sinogram=y, angles=np.linspace(0, 3, len(y)) if angles is None else angles)
    return path


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.full((20, 8), 30000.0), "look like counts .3e.04 in the median.*frames taken without"),
        (np.full((20, 8), 3, np.uint16), "look like counts .integers"),
        (np.full((20, 8), -3.0), "below -3: more light than without"),
    ],
)
def test_what_is_no_neper_is_doubted(tmp_path, y, message):
    with pytest.warns(UserWarning, match=message):
        SinogramReader().read(saved(tmp_path / "a.npz", y))


def test_counts_without_flats_are_doubted(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["exchange/data"] = np.full((20, 2, 8), 3000, np.uint16)
        file["exchange/theta"] = np.linspace(0, 170, 20)
    with pytest.warns(UserWarning, match="look like counts"):
        HDF5Reader().read(tmp_path / "a.h5")


def test_angles_that_go_back_are_doubted(tmp_path):
    angles = np.linspace(0, 3, 20)
    angles[7] = 0.1
    with pytest.warns(UserWarning, match="not monotone: 1 of 19 steps"):
        SinogramReader().read(saved(tmp_path / "a.npz", np.ones((20, 8)), angles))
