"""Whole files with the wrong things in them: the shell says what was found, what is expected, what to do."""

from __future__ import annotations

import re

import h5py
import numpy as np
import pytest
import torch
from scipy.io import savemat

from wellposed.cli import main
from wellposed_mri import birdcage_maps, brain, centred_fft, radial, spin_echo, to_bart, write_cfl

SIZE = 24
KSPACE = centred_fft(birdcage_maps(4, (SIZE, SIZE)) * brain(spin_echo(600, 15)).image(SIZE)).numpy()
LINES = np.ones((4, 9, 48), np.complex64)
SPOKES = radial(9, 48, SIZE).numpy()

ARRAYS = [
    ({"kspace": np.abs(KSPACE * 1e3).astype(np.int64)}, "is int64, but k-space .* complex; save them before"),
    ({"kspace": np.abs(KSPACE)}, "is float32, but .* An image has nothing left to reconstruct"),
    ({"kspace": np.stack([KSPACE.real, KSPACE.imag])}, r"seem to be its first axis.*a\[0\] \+ 1j \* a\[1\]"),
    ({"kspace": np.stack([KSPACE.real, KSPACE.imag], -1)}, r"seem to be its last axis.*a\[\.\.\., 0\]"),
    ({"kspace": KSPACE.transpose(1, 2, 0)}, r"an image of 24 × 4 pixels; are the coils its last.*axes=hwc"),
    ({"kspace": KSPACE[0, 0]}, r"shape \(24,\) is no k-space; \(rows, columns\)"),
    ({"kspace": np.complex64(1)}, r"shape \(\) is no k-space"),
    ({"kspace": KSPACE[:0]}, r"an array of \(0, 24, 24\), which is empty"),
    ({"kspace": np.array(["a"] * 9)}, "k-space"),
    ({"a": KSPACE, "b": KSPACE}, r"which one is k-space\? .*mri\.array_reader:kspace=NAME"),
    ({}, "holds no array of numbers"),
    ({"kspace": KSPACE, "mask": np.ones(SIZE) + 0j}, "the mask .* is complex128, but real numbers"),
    ({"kspace": KSPACE, "mask": np.array(["a"] * SIZE)}, "the mask .* is <U1, but real numbers"),
    ({"kspace": KSPACE, "maps": KSPACE[:2]}, r"coil maps of \(2, 24, 24\) .* of \(4, 24, 24\); are they of"),
    ({"kspace": LINES, "traj": SPOKES}, r"the size of the image; pass.*mri\.array_reader:shape="),
    ({"kspace": LINES, "traj": SPOKES[..., 0] + 0j}, "trajectory 'traj' .* split it into real numbers"),
    ({"kspace": LINES, "traj": np.array("a")}, "trajectory 'traj' .* is <U1, but real numbers"),
]


def refused(capsys, *words):
    assert main([str(w) for w in words]) == 4
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize(("contents", "sentence"), ARRAYS, ids=[s[:30] for _, s in ARRAYS])
def test_arrays(tmp_path, capsys, contents, sentence):
    path = tmp_path / "a.npz"
    np.savez(path, **contents)
    said = refused(capsys, "reconstruct", path, "-m", "mri.sense", "-o", tmp_path / "x.npy")
    assert re.search(sentence, said), said
    main(["mri", "info", str(path)])
    assert "Traceback" not in capsys.readouterr().err


def test_matlab_without_arrays(tmp_path, capsys):
    savemat(tmp_path / "a.mat", {"raw": {"kspace": KSPACE}})
    assert "cells, structures and texts are not read" in refused(capsys, "mri", "info", tmp_path / "a.mat")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("kspace", None, "its kspace is a group"),
        ("kspace", KSPACE.transpose(1, 2, 0)[None], "are the coils its last axis"),
        ("kspace", KSPACE[None][:0], "which is empty"),
        ("kspace", KSPACE.real[None], "but complex (slices, [coils,] rows, columns)"),
    ],
)
def test_fastmri_files(tmp_path, capsys, name, value, sentence):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        if value is None:
            file.create_group(name)
        else:
            file[name] = value
    command = ("reconstruct", tmp_path / "a.h5", "-m", "mri.sense", "-o", tmp_path / "x.npy")
    assert sentence in refused(capsys, *command)


def test_odd_companions_of_kspace_are_left_alone(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["kspace"] = KSPACE[None]
        file["reconstruction_rss"] = np.ones(3)
        file.attrs["max"] = [1.0, 2.0]
    out = tmp_path / "x.npy"
    assert main(["reconstruct", str(tmp_path / "a.h5"), "-m", "mri.sense", "-o", str(out)]) == 0
    assert np.load(out).shape == (1, 1, SIZE, SIZE)


@pytest.mark.parametrize("shape", ["[24]", "[0,24]"])
def test_sizes_that_are_none(tmp_path, capsys, shape):
    write_cfl(tmp_path / "k.cfl", torch.from_numpy(LINES).permute(2, 1, 0)[None])
    write_cfl(tmp_path / "t.cfl", to_bart(torch.from_numpy(SPOKES)))
    reader = f"mri.bart_reader:trajectory={tmp_path / 't.cfl'},shape={shape}"
    assert main(["mri", "info", str(tmp_path / "k.cfl"), "--reader", reader]) == 2
    assert "but the image's rows and columns" in capsys.readouterr().err
