"""Images with units or a phase become pictures one can see, and the user is told what black and white are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wellposed.cli import main

Image = pytest.importorskip("PIL.Image", reason="pictures need pack viz")


def test_a_slice_in_its_units_is_no_black_picture(tmp_path, capsys):
    ct = pytest.importorskip("wellposed_ct")
    scan = ct.ParallelGeometry(np.arange(60) * np.pi / 60, (48, 48))
    y = ct.disc(radius_mm=15, value=0.02).sinogram(scan)
    np.savez(tmp_path / "scan.npz", sinogram=y[0, 0].numpy(), angles=np.array(scan.angles))
    assert (
        main(["reconstruct", str(tmp_path / "scan.npz"), "-m", "ct.fbp", "-o", str(tmp_path / "a.png")]) == 0
    )
    picture = np.asarray(Image.open(tmp_path / "a.png"))
    middle = len(picture) // 2
    assert picture[middle - 4 : middle + 4, middle - 4 : middle + 4].min() > 200
    assert np.median(picture[:4]) < 40
    assert "white at 0.0" in capsys.readouterr().err


def test_a_complex_image_is_its_magnitude(tmp_path, capsys):
    mri = pytest.importorskip("wellposed_mri")
    image = mri.shepp_logan().image(32).to(torch.complex64) * (1j * 7)
    np.save(tmp_path / "k.npy", mri.centred_fft(image)[None].numpy())
    command = ["reconstruct", str(tmp_path / "k.npy"), "-m", "mri.rss", "-o", str(tmp_path / "a.png")]
    assert main(command) == 0
    picture = np.asarray(Image.open(tmp_path / "a.png")) / 255
    magnitude = image.abs().numpy()
    assert np.corrcoef(picture.ravel(), magnitude.ravel())[0, 1] > 0.99


def test_other_formats_keep_the_values(tmp_path, capsys):
    ct = pytest.importorskip("wellposed_ct")
    from wellposed import Measurement

    scan = ct.ParallelGeometry(np.arange(60) * np.pi / 60, (32, 32))
    y = ct.disc(radius_mm=9, value=0.02).sinogram(scan)
    np.savez(tmp_path / "scan.npz", sinogram=y[0, 0].numpy(), angles=np.array(scan.angles))
    out = tmp_path / "a.safetensors"
    assert main(["reconstruct", str(tmp_path / "scan.npz"), "-m", "ct.fbp", "-o", str(out)]) == 0
    image = Measurement.load(out).y[0, 0]
    assert float(image[len(image) // 2, len(image) // 2]) == pytest.approx(0.02, rel=0.02)
    assert "white at" not in capsys.readouterr().err
