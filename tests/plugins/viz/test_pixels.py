from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from wellposed.errors import ParameterError, SpaceError
from wellposed_viz import Box, detail_box, to_pixels
from wellposed_viz.pixels import colour_png, data_uri, png, shared_window, to_plane


@pytest.mark.parametrize("shape", [(5, 7), (1, 5, 7), (1, 1, 5, 7)])
def test_grey_images_of_every_rank_are_one_plane(shape):
    assert to_pixels(torch.full(shape, 0.25)).shape == (5, 7)


def test_channels_move_last_and_keep_their_values():
    x = torch.rand(2, 3, 5, 7, dtype=torch.float64)
    np.testing.assert_array_equal(to_pixels(x, sample=1), x[1].permute(1, 2, 0).numpy())


def test_the_window_becomes_black_and_white_and_the_rest_is_clipped():
    shown = to_pixels(torch.tensor([[-3.0, 10.0, 15.0, 20.0, 99.0]]), window=(10.0, 20.0))
    np.testing.assert_allclose(shown, [[0, 0, 0.5, 1, 1]])


def test_complex_shows_magnitude_and_phase():
    z = torch.tensor([[1j, 0.5, -0.25, 0.0]])
    np.testing.assert_allclose(to_pixels(z), [[1.0, 0.5, 0.25, 0.0]])
    np.testing.assert_allclose(to_pixels(z, part="real"), [[0, 0.5, 0, 0]])
    assert to_pixels(z, part="phase").shape == (1, 4, 3)


def test_phase_colours_are_cyclic():
    ends = to_pixels(torch.tensor([[-1 + 1e-9j, -1 - 1e-9j]]), part="phase")
    np.testing.assert_allclose(ends[0, 0], ends[0, 1], atol=0.01)


def test_conjugate_views_and_gradients_are_accepted():
    z = torch.tensor([[1j]], requires_grad=True)
    np.testing.assert_allclose(to_pixels(z.conj(), part="imag", window=(-1, 1)), [[0.0]])


def test_pixels_that_are_not_finite_are_magenta():
    shown = to_pixels(torch.tensor([[0.5, float("nan"), float("inf")]]))
    np.testing.assert_allclose(shown, [[[0.5] * 3, [1, 0, 1], [1, 0, 1]]])
    colour = torch.zeros(3, 1, 2)
    colour[1, 0, 1] = float("nan")
    np.testing.assert_allclose(to_pixels(colour), [[[0, 0, 0], [1, 0, 1]]])


@pytest.mark.parametrize("shape", [(5,), (2, 5, 7), (1, 1, 4, 5, 7), (1, 0, 7)])
def test_what_is_not_an_image_is_refused(shape):
    with pytest.raises(SpaceError, match=r"cannot be shown: \(B, C, H, W\)"):
        to_plane(torch.zeros(shape))


def test_an_empty_window_and_an_unknown_part_are_refused():
    with pytest.raises(ParameterError, match=r"window is \(1.0, 1.0\)"):
        to_pixels(torch.zeros(2, 2), window=(1.0, 1.0))
    with pytest.raises(ParameterError, match="one of auto, magnitude"):
        to_pixels(torch.zeros(2, 2), part="modulus")


def test_one_window_covers_all_images():
    images = [torch.tensor([[0.0, 4.0]]), torch.tensor([[-1.0, 2.0]])]
    assert shared_window(images, quantile=1.0) == (-1.0, 4.0)
    assert shared_window([torch.full((2, 2), float("nan"))]) == (0.0, 1.0)
    assert shared_window([torch.zeros(2, 2)]) == (0.0, 1.0)


def test_a_png_round_trips_to_a_half_level():
    x = np.random.default_rng(0).random((9, 4, 3))
    back = np.asarray(Image.open(io.BytesIO(png(x)))) / 255
    np.testing.assert_allclose(back, x, atol=0.5 / 255 + 1e-12)


def test_a_palette_png_has_the_colours_of_the_map():
    from matplotlib import colormaps

    values = np.array([[0.0, 0.5, 1.0, np.nan]])
    picture = Image.open(io.BytesIO(colour_png(values, "magma", (0.0, 1.0))))
    assert picture.mode == "P"
    expected = colormaps["magma"]([0, 128, 255, 255], bytes=True)[:, :3]
    np.testing.assert_array_equal(np.asarray(picture.convert("RGB"))[0], expected)


def test_data_addresses_carry_the_bytes():
    head, _, body = data_uri(b"abc", "text/plain").partition(",")
    assert head == "data:text/plain;base64"
    assert base64.b64decode(body) == b"abc"


@pytest.mark.parametrize(("top", "left"), [(0, 0), (30, 7), (48, 80)])
def test_the_detail_box_finds_the_texture(top, left):
    image = torch.zeros(64, 96)
    image[top : top + 16, left : left + 16] = torch.rand(16, 16, generator=torch.Generator().manual_seed(0))
    box = detail_box(image, fraction=0.25)
    assert (box.height, box.width) == (16, 16)
    assert abs(box.top - top) <= 3
    assert abs(box.left - left) <= 3


@pytest.mark.parametrize("shape", [(1, 1), (1, 8), (5, 2), (3, 7, 9)])
@pytest.mark.parametrize("fraction", [0.01, 0.5, 1.0])
def test_the_detail_box_lies_inside(shape, fraction):
    box = detail_box(torch.rand(shape), fraction)
    box.check(shape[-2:])


def test_boxes_and_fractions_that_do_not_fit_are_refused():
    with pytest.raises(ParameterError, match=r"does not lie inside the image of 4 × 4"):
        Box(2, 2, 3, 1).check((4, 4))
    with pytest.raises(ParameterError, match="fraction is 0"):
        detail_box(torch.zeros(4, 4), 0.0)
