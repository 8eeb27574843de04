from __future__ import annotations

import numpy as np
import pytest
import torch

from wellposed.errors import ParameterError
from wellposed_mri import Ellipses, birdcage_maps, centred_fft, shepp_logan


def test_kspace_of_an_ellipse_is_its_integral():
    """Against the midpoint rule on a fine grid, off-centre and rotated, at arbitrary frequencies."""
    ellipse = Ellipses([(2.0, 0.3, 0.5, 0.1, -0.2, 25.0)])
    n = 1500
    axis = (np.arange(n) + 0.5) * 2 / n - 1
    x, y = np.meshgrid(axis, axis)
    c, s = np.cos(np.radians(25)), np.sin(np.radians(25))
    u, v = c * (x - 0.1) + s * (y + 0.2), -s * (x - 0.1) + c * (y + 0.2)
    inside = 2.0 * ((u / 0.3) ** 2 + (v / 0.5) ** 2 <= 1) * (2 / n) ** 2
    for row, column in [(0.0, 0.0), (1.3, -2.1), (-3.0, 0.4)]:
        # rows grow downwards, y upwards; the square is one FOV, 2 wide
        wave = np.exp(-2j * np.pi * (column * x - row * y) / 2)
        got = ellipse.kspace(torch.tensor([row, column]), 8).item()
        assert got == pytest.approx((inside * wave).sum() * 8 / 4, abs=2e-3)


def test_shepp_logan_image_and_kspace_agree_at_low_frequencies():
    phantom = shepp_logan()
    image = phantom.image(128, oversampling=8).to(torch.complex128)
    assert float(image.real.min()) >= -1e-6
    assert float(image.real.max()) == pytest.approx(1.0)
    near = slice(64 - 8, 64 + 8)
    got, want = centred_fft(image)[near, near], phantom.cartesian(128)[near, near]
    assert float(torch.linalg.vector_norm(got - want) / torch.linalg.vector_norm(want)) < 3e-3


def test_a_loop_on_its_axis_is_the_textbook_field():
    """B = R²/(2 (R² + z²)^{3/2}) up to the common factor: ratios along the axis of a single loop."""
    maps = birdcage_maps(1, (1, 65), distance=2.0, radius=0.5, normalise=False, segments=400)
    x = (torch.arange(65) - 32) * 2 / 65
    field = 1 / (0.5**2 + (2.0 - x) ** 2) ** 1.5
    torch.testing.assert_close(maps[0, 0].abs(), field / field.max(), rtol=2e-3, atol=0)


def test_maps_have_the_symmetry_of_the_cylinder():
    maps = birdcage_maps(4, (33, 33)).abs()
    for c in range(4):
        # coil c + 1 is coil c turned by a quarter, anticlockwise with rows growing downwards
        torch.testing.assert_close(torch.rot90(maps[c]), maps[(c + 1) % 4], rtol=1e-4, atol=1e-5)
    assert birdcage_maps(8, (3, 8, 8)).shape == (8, 3, 8, 8)
    torch.testing.assert_close(birdcage_maps(8, (3, 8, 8)).abs().square().sum(0), torch.ones(3, 8, 8))


def test_wrong_phantoms_are_refused():
    with pytest.raises(ParameterError, match="rows of"):
        Ellipses([(1.0, 2.0)])
    with pytest.raises(ParameterError, match="inside the field of view"):
        birdcage_maps(4, (8, 8), distance=0.5)
    with pytest.raises(ParameterError, match="coils = 0"):
        birdcage_maps(0, (8, 8))
