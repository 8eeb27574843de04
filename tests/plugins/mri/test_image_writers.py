"""Images for BART, NumPy and MATLAB: read back by what those programs' users read them with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from imageio.v3 import imread
from scipy.io import loadmat

from wellposed.cli import main
from wellposed.errors import OutputExistsError, ParameterError
from wellposed_mri import ArrayWriter, BARTWriter, read_cfl

PLACE = {"affine": np.diag([2.0, 3, 4, 1]).tolist(), "voxel_mm": [4.0, 3.0, 2.0]}


def image(*shape):
    return torch.randn(shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))


def test_bart_gets_its_own_axes(tmp_path):
    slices = image(3, 2, 5, 7)  # slices, map sets, rows, columns
    BARTWriter().write(tmp_path / "a.cfl", slices, {})
    assert (tmp_path / "a.hdr").read_text().splitlines()[1] == "7 5 1 1 2 1 1 1 1 1 1 1 1 3 1 1"
    # as BART's own Python reader does: Fortran order of complex floats
    read = np.fromfile(tmp_path / "a.cfl", np.complex64).reshape((7, 5, 1, 1, 2, *(1,) * 8, 3), order="F")
    assert read[4, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2] == slices[2, 1, 2, 4].numpy()
    volume = image(1, 1, 3, 5, 7)
    BARTWriter().write(tmp_path / "v.cfl", volume, {})
    assert torch.equal(read_cfl(tmp_path / "v.cfl").reshape(7, 5, 3), volume[0, 0].permute(2, 1, 0))
    BARTWriter().write(tmp_path / "c.hdr", volume.conj(), {})
    assert torch.equal(read_cfl(tmp_path / "c.cfl").reshape(7, 5, 3).conj(), volume[0, 0].permute(2, 1, 0))


def test_numpy_keeps_the_axes_and_the_phase(tmp_path):
    found = image(3, 1, 5, 7)
    ArrayWriter().write(tmp_path / "a.npy", found, PLACE)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), found.numpy())
    ArrayWriter().write(tmp_path / "a.npz", found, PLACE)
    with np.load(tmp_path / "a.npz") as read:
        np.testing.assert_array_equal(read["image"], found.numpy())
        np.testing.assert_array_equal(read["affine"], PLACE["affine"])
    ArrayWriter().write(tmp_path / "b.npz", found, {"affine": None})
    with np.load(tmp_path / "b.npz") as read:
        assert read.files == ["image"]


def test_matlab_has_rows_and_columns_first(tmp_path):
    slices, volume = image(3, 1, 5, 7), image(2, 1, 4, 5, 7)
    ArrayWriter().write(tmp_path / "a.mat", slices, PLACE)
    read = loadmat(tmp_path / "a.mat")
    np.testing.assert_array_equal(np.squeeze(read["image"]), slices[:, 0].permute(1, 2, 0).numpy())
    np.testing.assert_array_equal(np.ravel(read["voxel_mm"]), [4, 3, 2])
    ArrayWriter().write(tmp_path / "v.mat", volume, {})
    read = loadmat(tmp_path / "v.mat")["image"]
    np.testing.assert_array_equal(np.squeeze(read), volume[:, 0].permute(2, 3, 1, 0).numpy())


def test_nothing_is_replaced_unasked(tmp_path):
    found = image(1, 1, 4, 4)
    for writer, name in ((BARTWriter(), "a.cfl"), (ArrayWriter(), "a.npy")):
        writer.write(tmp_path / name, found, {})
        with pytest.raises(OutputExistsError, match="exists"):
            writer.write(tmp_path / name, found, {})
    BARTWriter(overwrite=True).write(tmp_path / "a.cfl", found, {})
    (tmp_path / "brain.hdr").write_bytes(b"\x5c\x01\0\0 an Analyze header")
    with pytest.raises(OutputExistsError, match=r"brain\.hdr is not a BART header"):
        BARTWriter(overwrite=True).write(tmp_path / "brain.cfl", found, {})
    with pytest.raises(ParameterError, match=r"\.npy, \.npz or \.mat, not '\.txt'"):
        ArrayWriter().write(tmp_path / "a.txt", found, {})
    for writer, name in ((BARTWriter(), "z.cfl"), (ArrayWriter(), "z.npy")):
        with pytest.raises(ParameterError, match=r"\(4, 4\) is no volume; \(B, C, H, W\)"):
            writer.write(tmp_path / name, found[0, 0], {})


@pytest.mark.parametrize("name", ["out.cfl", "out.npy", "out.npz", "out.mat"])
def test_the_command_line_writes_them(tmp_path, name, head, capsys):
    np.save(tmp_path / "k.npy", head[2].numpy())
    command = ["reconstruct", str(tmp_path / "k.npy"), "-m", "mri.sense", "-o", str(tmp_path / name)]
    assert main(command) == 0
    assert (tmp_path / name).stat().st_size > 64 * 64 * 4
    assert main(command) == 4
    assert "exists" in capsys.readouterr().err


@pytest.mark.parametrize("shape", [(3, 4, 16, 16), (1, 4, 3, 16, 16)])
def test_pictures_of_several_slices_are_of_the_one_in_the_middle(tmp_path, shape, capsys):
    kspace = image(*shape).numpy()
    np.save(tmp_path / "k.npy", kspace)
    out = tmp_path / "a.png"
    reader = ["--reader", "mri.array_reader:maps=rss"]
    assert main(["reconstruct", str(tmp_path / "k.npy"), *reader, "-m", "mri.rss", "-o", str(out)]) == 0
    assert "a picture of slice 2 of 3, black at" in capsys.readouterr().err
    shown = imread(out)
    assert shown.shape == (16, 16)
    axes = (-3, -2, -1) if kspace.ndim == 5 else (-2, -1)
    coils = np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(kspace, axes=axes), axes=axes), axes=axes)
    whole = np.linalg.norm(coils, axis=1).reshape(3, 16, 16)
    wanted = np.clip(whole[1] / np.quantile(whole[1], 0.999), 0, 1)
    assert np.corrcoef(shown.ravel(), wanted.ravel())[0, 1] > 0.999
