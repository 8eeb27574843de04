"""Gradient delays of radial scans, against shifts that were put in."""

from __future__ import annotations

import pytest
import torch

from wellposed.errors import DtypeError, ParameterError, SpaceError
from wellposed_mri import (
    SENSE,
    NonCartesianMRI,
    birdcage_maps,
    brain,
    delayed,
    gradient_delays,
    radial,
    spin_echo,
    spiral,
)

SIZE = 64
SHIFT = torch.tensor([[0.6, 0.12], [0.12, -0.3]])


@pytest.fixture(scope="module")
def image():
    phase = torch.linspace(-2, 2, SIZE)[:, None].expand(SIZE, SIZE)
    return (brain(spin_echo(600, 15)).image(SIZE) * torch.polar(torch.ones(SIZE, SIZE), phase))[None, None]


@pytest.fixture(scope="module")
def maps():
    return birdcage_maps(4, (SIZE, SIZE))


@pytest.mark.parametrize(("spokes", "golden"), [(15, True), (64, False)])
def test_shifts_that_were_put_in_are_found(image, maps, spokes, golden):
    planned = radial(spokes, 2 * SIZE, SIZE, golden=golden)
    y = NonCartesianMRI(maps, delayed(planned, SHIFT))(image)
    found = gradient_delays(y, planned)
    torch.testing.assert_close(found, SHIFT, rtol=0, atol=0.01)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(y.shape, dtype=y.dtype, generator=generator)
    noisy = y + 0.003 * float(y.abs().max()) * noise
    torch.testing.assert_close(gradient_delays(noisy, planned), SHIFT, rtol=0, atol=0.06)
    torch.testing.assert_close(gradient_delays(torch.cat([y, 3 * y]), planned), SHIFT, rtol=0, atol=0.01)


def test_without_delays_there_is_no_shift(image, maps):
    planned = radial(31, 2 * SIZE, SIZE)
    y = NonCartesianMRI(maps, planned)(image)
    assert float(gradient_delays(y, planned).abs().max()) < 0.01


def test_the_image_gains(image, maps):
    planned = radial(101, 2 * SIZE, SIZE)
    y = NonCartesianMRI(maps, delayed(planned, SHIFT))(image)
    plain = SENSE()(y, NonCartesianMRI(maps, planned))
    mended = SENSE()(y, NonCartesianMRI(maps, delayed(planned, gradient_delays(y, planned))))
    assert float((mended - image).norm()) < 0.5 * float((plain - image).norm())


def test_a_shift_goes_along_the_direction():
    spokes = radial(3, 8, 8, golden=False)
    moved = delayed(spokes, torch.tensor([[1.0, 0.0], [0.0, 0.0]])) - spokes
    n = (spokes[:, -1] - spokes[:, 0]) / (spokes[:, -1] - spokes[:, 0]).norm(dim=-1, keepdim=True)
    torch.testing.assert_close(moved[..., 0], n[:, :1].expand(3, 8), atol=1e-5, rtol=0)
    assert float(moved[..., 1].abs().max()) < 1e-6


def test_what_is_no_radial_scan_is_refused(image, maps):
    planned = radial(9, 2 * SIZE, SIZE)
    y = NonCartesianMRI(maps, planned)(image)
    with pytest.raises(SpaceError, match=r"y has shape \(4, 9, 128\).*\(B, coils, spokes, samples\)"):
        gradient_delays(y[0], planned)
    with pytest.raises(ParameterError, match="one coil sees the same number"):
        gradient_delays(y[:, :1], planned)
    with pytest.raises(ParameterError, match=r"2 spokes with angles up to .* three directions"):
        gradient_delays(y[:, :, :2], planned[:2])
    with pytest.raises(ParameterError, match="not of evenly sampled lines through the centre"):
        gradient_delays(y, planned + 1.0)
    turns = spiral(9, 128, SIZE)
    with pytest.raises(ParameterError, match="not of evenly sampled lines"):
        gradient_delays(y, turns)
    with pytest.raises(ParameterError, match="from one side to the other"):
        gradient_delays(y[..., 64:], planned[:, 64:])
    with pytest.raises(DtypeError, match="NumPy array"):
        gradient_delays(y, planned.numpy())
