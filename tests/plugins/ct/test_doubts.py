"""Files whose numbers are hardly what they are taken for: one warning, and the fix."""

import numpy as np
import pytest

from wellposed_ct import SinogramReader


def saved(path, y, angles=None):
    np.savez(path, sinogram=y, angles=np.linspace(0, 3, len(y)) if angles is None else angles)
    return path


def test_what_is_more_light_than_without_a_sample_is_doubted(tmp_path):
    with pytest.warns(UserWarning, match="below -3: more light than without"):
        SinogramReader().read(saved(tmp_path / "a.npz", np.full((20, 8), -3.0)))


def test_angles_that_go_back_are_doubted(tmp_path):
    angles = np.linspace(0, 3, 20)
    angles[7] = 0.1
    with pytest.warns(UserWarning, match="not monotone: 1 of 19 steps"):
        SinogramReader().read(saved(tmp_path / "a.npz", np.zeros((20, 8)), angles))
