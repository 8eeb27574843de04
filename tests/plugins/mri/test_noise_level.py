"""The noise that is estimated from scans of brains, against the noise that was added."""

from __future__ import annotations

import pytest
import torch

from wellposed_mri import (
    MultiCoilMRI,
    NonCartesianMRI,
    PoissonDisc,
    Uniform,
    birdcage_maps,
    brain,
    radial,
    spin_echo,
)
from wellposed_mri.reconstruction.outer_noise import noise_deviation

SIZE = 96


def picture(phase):
    image = brain(spin_echo(3000, 90)).image(SIZE)
    turn = phase * torch.linspace(-3, 3, SIZE)[:, None].expand(SIZE, SIZE)
    return torch.polar(image / image.max(), turn.contiguous())[None, None]


def encoding(name):
    maps, generator = birdcage_maps(12, (SIZE, SIZE)), torch.Generator().manual_seed(1)
    if name == "full":
        return MultiCoilMRI(maps)
    if name == "columns":
        return MultiCoilMRI(maps, Uniform((SIZE, SIZE), (1, 2), calibration=12).step(1, generator)["mask"])
    if name == "disc":
        pattern = PoissonDisc((SIZE, SIZE), acceleration=4, calibration=12)
        return MultiCoilMRI(maps, pattern.step(1, generator)["mask"])
    return NonCartesianMRI(maps, radial(48, 2 * SIZE, SIZE))


def estimate(name, sigma, phase):
    op = encoding(name)
    y = op(picture(phase))
    noise = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(2))
    return float(noise_deviation(torch.where(y != 0, y + sigma * noise, 0), op))


@pytest.mark.parametrize("phase", [0, 1])
@pytest.mark.parametrize("sigma", [5e-4, 3e-3, 0.02, 0.1])
@pytest.mark.parametrize("name", ["full", "columns"])
def test_noise_is_told_from_edges_where_coils_outnumber_unknowns(name, sigma, phase):
    assert estimate(name, sigma, phase) == pytest.approx(sigma, rel=0.2)


@pytest.mark.parametrize("phase", [0, 1])
@pytest.mark.parametrize("sigma", [0.03, 0.1])
@pytest.mark.parametrize("name", ["disc", "radial"])
def test_noise_is_found_at_high_accelerations_where_it_matters(name, sigma, phase):
    assert estimate(name, sigma, phase) == pytest.approx(sigma, rel=0.2)


@pytest.mark.parametrize("name", ["full", "columns", "disc", "radial"])
def test_signal_makes_it_larger_not_smaller(name):
    assert estimate(name, 1e-3, 1) > 0.9e-3
