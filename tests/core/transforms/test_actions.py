"""What each action does to an image, against NumPy, SciPy and formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from wellposed import transforms as T
from wellposed.errors import SpaceError
from wellposed.transforms.cyclic_shifts import Shift
from wellposed.transforms.flips import Flip
from wellposed.transforms.projective import Homography
from wellposed.transforms.rotations import Angle
from wellposed.transforms.rotations90 import QuarterTurns
from wellposed.transforms.scalings import Factor
from wellposed.transforms.subpixel_shifts import SubpixelShift

F64 = torch.float64


def random(*shape, dtype=F64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def floats(*values):
    return torch.tensor(values, dtype=F64)


def blob(height, width, y, x, s):
    """A Gaussian, y down and x right of the middle."""
    rows, columns = np.mgrid[:height, :width]
    squared = (rows - (height - 1) / 2 - y) ** 2 + (columns - (width - 1) / 2 - x) ** 2
    return torch.from_numpy(np.exp(-squared / (2 * s**2)))[None, None]


def test_flips_are_numpys():
    x = random(4, 2, 3, 5)
    y = T.Flips().act(
        x, Flip(torch.tensor([False, True, False, True]), torch.tensor([False, False, True, True]))
    )
    expected = [x[0], np.flip(x[1].numpy(), -1), np.flip(x[2].numpy(), -2), np.flip(x[3].numpy(), (-1, -2))]
    for seen, wanted in zip(y, expected, strict=True):
        np.testing.assert_array_equal(seen.numpy(), np.asarray(wanted))


def test_quarter_turns_are_numpys():
    x = random(4, 2, 5, 5)
    y = T.Rotations90().act(x, QuarterTurns(torch.arange(4)))
    for k in range(4):
        np.testing.assert_array_equal(y[k].numpy(), np.rot90(x[k].numpy(), k, (-2, -1)))


def test_quarter_turns_refuse_other_shapes():
    with pytest.raises(
        SpaceError, match="acts on square images but was given 4×5: a quarter turn would change"
    ):
        T.Rotations90().act(random(1, 1, 4, 5), QuarterTurns(torch.tensor([2])))


def test_shifts_are_numpys():
    x = random(3, 2, 4, 5)
    pixels = torch.tensor([[1, 2], [-3, 0], [9, 123_456_789]])
    y = T.CyclicShifts().act(x, Shift(pixels))
    for i in range(3):
        np.testing.assert_array_equal(y[i].numpy(), np.roll(x[i].numpy(), pixels[i].tolist(), (-2, -1)))


def test_shifts_act_on_volumes_too():
    x = random(2, 1, 3, 4, 5)
    assert torch.equal(T.CyclicShifts().act(x, Shift(torch.tensor([[1, 2]]))), x.roll((1, 2), (-2, -1)))


def test_bounded_shifts_stay_in_bounds():
    pixels = T.CyclicShifts(2).sample(torch.Generator().manual_seed(0), 200).pixels
    assert pixels.min() == -2
    assert pixels.max() == 2


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_subpixel_shifts_by_whole_pixels_are_rolls_on_odd_sizes(dtype):
    x = random(1, 2, 5, 7, dtype=dtype)
    y = T.SubpixelShifts().act(x, SubpixelShift(floats([2.0, -1.0])))
    torch.testing.assert_close(y, x.roll((2, -1), (-2, -1)), atol=1e-13, rtol=0)


@pytest.mark.parametrize("size", [8, 9])
def test_subpixel_shift_moves_a_wave(size):
    t = torch.arange(size, dtype=F64)
    x = torch.cos(2 * math.pi * 3 * t / size).expand(1, 1, 4, size)
    expected = torch.cos(2 * math.pi * 3 * (t - 0.37) / size).expand(1, 1, 4, size)
    y = T.SubpixelShifts().act(x, SubpixelShift(floats([0.9, 0.37])))
    torch.testing.assert_close(y, expected, atol=1e-13, rtol=0)


def test_the_nyquist_wave_stays():
    x = torch.tensor([1.0, -1.0] * 4, dtype=F64).expand(1, 1, 3, 8)
    torch.testing.assert_close(T.SubpixelShifts().act(x, SubpixelShift(floats([0.0, 0.5]))), x)


def test_subpixel_shifts_are_differentiable_in_the_shift():
    x = random(1, 1, 4, 5)
    pixels = floats([0.3, -0.7]).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: T.SubpixelShifts().act(x, SubpixelShift(p)), (pixels,))


@pytest.mark.parametrize("n", [8, 9])
def test_rotation_by_a_right_angle_is_a_quarter_turn(n):
    x = random(1, 2, n, n)
    y = T.Rotations().act(x, Angle(floats(math.pi / 2)))
    torch.testing.assert_close(y, torch.rot90(x, 1, (-2, -1)), atol=1e-9, rtol=0)


def test_rotation_moves_a_blob_counter_clockwise():
    x, angle = blob(48, 64, 0.0, 9.0, 3.5), 0.6
    y = T.Rotations().act(x, Angle(floats(angle)))
    expected = blob(48, 64, -9 * math.sin(angle), 9 * math.cos(angle), 3.5)
    torch.testing.assert_close(y, expected, atol=2e-4, rtol=0)


def test_scaling_magnifies_about_the_middle():
    y = T.Scalings().act(blob(48, 64, 4.0, -6.0, 3.5), Factor(floats(1.3)))
    torch.testing.assert_close(y, blob(48, 64, 5.2, -7.8, 4.55), atol=2e-4, rtol=0)


def test_projective_map_moves_points_as_the_matrix_says():
    matrix = floats([1.0, 0.1, 0.05], [-0.05, 0.9, 0.0], [0.1, -0.08, 1.0])
    y = T.Projective().act(blob(65, 65, 6.0, -9.0, 3.0), Homography(matrix[None]))
    u, v, w = matrix @ floats(-9 / 32.5, 6 / 32.5, 1.0)
    row, column = ndimage.center_of_mass(y[0, 0].numpy() ** 4)
    assert (column - 32) / 32.5 == pytest.approx(float(u / w), abs=0.01)
    assert (row - 32) / 32.5 == pytest.approx(float(v / w), abs=0.01)


def test_warp_is_scipys_cubic_spline_inside():
    x = random(1, 1, 24, 24)
    angle = 0.3
    seen = T.Rotations().act(x, Angle(floats(angle)))[0, 0].numpy()
    padded = np.pad(x[0, 0].numpy(), 20)
    expected = ndimage.rotate(padded, math.degrees(angle), reshape=False, order=3, mode="grid-constant")[
        20:-20, 20:-20
    ]
    np.testing.assert_allclose(seen, expected, atol=1e-6)


def test_zeros_come_in_from_outside_and_from_behind_the_horizon():
    x = torch.ones(1, 1, 33, 33, dtype=F64)
    moved = torch.eye(3, dtype=F64)
    moved[0, 2] = 3.0
    assert float(T.warp(x, moved[None]).abs().max()) < 1e-9
    steep = torch.eye(3, dtype=F64)
    steep[2, 0] = -1.5
    y = T.warp(x, steep[None])
    assert torch.isfinite(y).all()
    assert float(y[..., -3:].abs().max()) <= 1.01


def test_warp_is_differentiable_in_image_and_map():
    x = random(1, 1, 6, 5).requires_grad_()
    matrix = floats([1.02, 0.1, 0.013], [-0.05, 0.93, 0.021], [0.01, -0.02, 1.0])[None].requires_grad_()
    assert torch.autograd.gradcheck(T.warp, (x, matrix))


def test_complex_images_move_part_by_part():
    x = random(1, 1, 9, 9, dtype=torch.complex128)
    g = Angle(floats(0.4))
    y = T.Rotations().act(x, g)
    torch.testing.assert_close(y.real, T.Rotations().act(x.real, g))
    torch.testing.assert_close(y.imag, T.Rotations().act(x.imag, g))


def test_rotations_draw_the_circle():
    radians = T.Rotations(0.5).sample(torch.Generator().manual_seed(0), 500).radians
    assert radians.abs().max() <= 0.5
    assert radians.std().item() == pytest.approx(0.5 / math.sqrt(3), rel=0.1)


def test_volumes_are_refused_by_plane_maps():
    with pytest.raises(
        SpaceError, match=r"acts on images \(B, C, H, W\) but was given shape \(1, 1, 3, 4, 4\)"
    ):
        T.Rotations().act(random(1, 1, 3, 4, 4), Angle(floats(0.1)))
