"""The brain phantom: shapes in their parents, signals of textbooks, k-space of the continuous object."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from wellposed.errors import ParameterError
from wellposed_mri import (
    HFEN,
    Tissue,
    brain,
    brain_maps,
    centred_ifft,
    gradient_echo,
    inversion_recovery,
    spin_echo,
)
from wellposed_mri.phantoms.brain import SHAPES, TISSUES


def test_every_shape_lies_within_its_parent():
    t = np.linspace(0, 2 * np.pi, 400)
    for name, a, b, x, y, degrees, parent in SHAPES:
        if parent < 0:
            continue
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        u = x + c * a * np.cos(t) - s * b * np.sin(t)
        v = y + s * a * np.cos(t) + c * b * np.sin(t)
        _, pa, pb, px, py, pd, _ = SHAPES[parent]
        c, s = np.cos(np.radians(pd)), np.sin(np.radians(pd))
        inside = ((c * (u - px) + s * (v - py)) / pa) ** 2 + ((-s * (u - px) + c * (v - py)) / pb) ** 2
        assert inside.max() < 1, name


def test_pixels_hold_the_values_of_tissues():
    known = {tissue.name: tissue for tissue in TISSUES}
    maps = brain_maps(129)
    middle = {"csf": (0.12, 0.12), "white": (0.4, -0.1), "lesion": (0.28, 0.38), "grey": (0.34, 0.0)}
    for name, (x, y) in middle.items():
        row, column = round(64 - y * 64.5), round(64 + x * 64.5)
        assert float(maps["t1"][row, column]) == pytest.approx(known[name].t1, rel=1e-5)
        assert float(maps["t2"][row, column]) == pytest.approx(known[name].t2, rel=1e-5)
        assert float(maps["pd"][row, column]) == pytest.approx(known[name].pd, rel=1e-5)


def test_signals_are_the_textbook_s():
    tissue = Tissue("x", 0.8, 900.0, 90.0)
    assert spin_echo(600, 20)(tissue) == pytest.approx(0.8 * (1 - np.exp(-600 / 900)) * np.exp(-20 / 90))
    # at 90° a spoiled gradient echo is saturation recovery, and at the Ernst angle it is largest
    assert gradient_echo(30, 1e-9, 90)(tissue) == pytest.approx(0.8 * (1 - np.exp(-30 / 900)))
    ernst = np.degrees(np.arccos(np.exp(-30 / 900)))
    around = [gradient_echo(30, 5, ernst + d)(tissue) for d in (-3, 0, 3)]
    assert around[1] == max(around)
    # inversion nulls at TI = T1 ln 2 for a long TR
    assert inversion_recovery(1e6, 10, 900 * np.log(2))(tissue) == pytest.approx(0, abs=1e-9)
    with pytest.raises(ParameterError, match=r"te = 0, but it must be positive"):
        spin_echo(600, 0)


def test_kspace_is_that_of_the_image():
    phantom = brain(spin_echo(600, 15))
    fine = phantom.image(256, oversampling=8)
    recovered = centred_ifft(phantom.cartesian(256)).real.float()
    smooth = [ndimage.gaussian_filter(i.numpy(), 3) for i in (fine, recovered)]
    assert np.linalg.norm(smooth[0] - smooth[1]) / np.linalg.norm(smooth[0]) < 2e-3


def test_hfen_is_matlab_s_filter():
    """With fspecial('log', 15, 1.5) written out, and SciPy's convolution."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(2, 3, 24, 31, generator=generator, dtype=torch.float64)
    x_hat = (x + 0.1 * torch.randn(x.shape, generator=generator, dtype=torch.float64)).abs()
    grid = np.arange(-7, 8)
    h = np.exp(-(grid[:, None] ** 2 + grid**2) / (2 * 1.5**2))
    h /= h.sum()
    h1 = h * (grid[:, None] ** 2 + grid**2 - 2 * 1.5**2) / 1.5**4
    kernel = h1 - h1.sum() / 15**2

    def norm(v):
        filtered = [ndimage.convolve(s.numpy(), kernel, mode="constant") for s in v]
        return np.sqrt(sum((f**2).sum() for f in filtered))

    for b in range(2):
        error = norm(x_hat[b] - x[b])
        assert float(HFEN(relative=False)(x_hat, x)[b]) == pytest.approx(error, rel=1e-10)
        assert float(HFEN()(x_hat, x)[b]) == pytest.approx(error / norm(x[b]), rel=1e-10)
