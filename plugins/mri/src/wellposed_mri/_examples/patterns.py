"""Sampling patterns, metrics and data sets: small ones of every form."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

Arguments = st.SearchStrategy[dict[str, Any]]


def mask_variable_density() -> Arguments:
    """Draw small grids."""
    return st.sampled_from(
        [{"shape": (16, 17), "calibration": 4}, {"shape": (12, 20), "calibration": 0, "power": 0.0}]
    )


def mask_golden_angle() -> Arguments:
    """Draw spokes and spirals, still and in frames."""
    return st.sampled_from(
        [
            {"shape": (16, 17), "arms": 3},
            {"shape": (14, 20), "arms": 2, "turns": 1.5},
            {"shape": (16, 16), "arms": 2, "frames": 3},
        ]
    )


def mask_kt_golden() -> Arguments:
    """Draw even and odd numbers of columns."""
    return st.fixed_dictionaries(
        {"columns": st.integers(40, 60), "frames": st.integers(1, 4), "lines": st.integers(5, 9)}
    )


def hfen() -> Arguments:
    """Relative and absolute."""
    return st.fixed_dictionaries({"relative": st.booleans()})


@functools.cache
def _folder(names: tuple[str, ...]) -> str:
    """Return a folder with small volumes, which lives as long as the process."""
    import h5py
    import numpy as np

    folder = tempfile.TemporaryDirectory(prefix="wellposed-mri-")
    _KEPT.append(folder)
    rng = np.random.default_rng(0)
    for name in names:
        values = rng.normal(size=(2, 2, 3, 10, 8)).astype(np.float32)
        with h5py.File(Path(folder.name) / name, "w") as file:
            file["kspace"] = (values[0] + 1j * values[1]).astype(np.complex64)
            file["reconstruction_rss"] = np.abs(values[0, :, 0])
    return folder.name


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


def fastmri_dataset() -> Arguments:
    """Draw masks and seeds for a folder of two small volumes."""
    from wellposed_mri.sampling import FastMRIRandom

    folder = _folder(("one.h5", "two.h5"))
    masks = [None, FastMRIRandom(8, (0.25,), (2,))]
    return st.fixed_dictionaries(
        {"folder": st.just(folder), "mask": st.sampled_from(masks), "seed": st.sampled_from([None, 3])}
    )


def m4raw_dataset() -> Arguments:
    """Take a folder of two repetitions."""
    return st.just({"folder": _folder(("7_T101.h5", "7_T102.h5"))})
