"""The main job: a photograph blurred by camera shake, reconstructed through the registry."""

from __future__ import annotations

import math

import pytest
import torch
from skimage import data

from wellposed import registry
from wellposed.errors import ParameterError
from wellposed.operators import CircularConvolution, Convolution
from wellposed_optim import ADMM, BM3D, DenoiserPrior, PnP, WaveletDenoiser

SIGMA = 0.01


def psnr(a, b):
    return -10 * torch.log10((a - b).square().mean()).item()


def shake():
    """A curved path of 15 pixels, as a hand draws it."""
    kernel = torch.zeros(15, 15)
    for k in range(400):
        t = k / 400
        row, column = 7 + 6 * math.sin(2.2 * t - 0.3), 2 + 11 * t
        kernel[round(row), round(column)] += 1 + t
    return kernel / kernel.sum()


@pytest.fixture(scope="module")
def photo():
    return torch.from_numpy(data.camera()[60:220, 130:290] / 255.0).float()[None, None]


def blurred(operator, x):
    noise = torch.randn(operator.A(x).shape, generator=torch.Generator().manual_seed(0))
    return operator.A(x) + SIGMA * noise


def test_tv_gains_four_decibels_and_plug_and_play_more(photo):
    operator = CircularConvolution(shake(), (1, 160, 160))
    y = blurred(operator, photo)
    score = {n: psnr(registry.create(f"optim.{n}")(y, operator), photo) for n in ("tv", "wavelet", "pnp")}
    assert score["tv"] > psnr(y, photo) + 4
    assert score["wavelet"] > psnr(y, photo) + 3
    assert score["pnp"] > score["tv"]


def test_borders_that_were_not_seen_do_no_harm(photo):
    operator = Convolution(shake(), (1, 160, 160), "valid")
    y = blurred(operator, photo)
    inside = photo[..., 7:-7, 7:-7]
    for name in ("tv", "pnp"):
        x = registry.create(f"optim.{name}")(y, operator)
        assert x.shape == photo.shape
        assert psnr(x[..., 7:-7, 7:-7], inside) > psnr(y, inside) + 4


def test_any_denoiser_works_in_any_algorithm(photo):
    operator = CircularConvolution(shake(), (1, 160, 160))
    y = blurred(operator, photo)
    x = PnP(denoiser=WaveletDenoiser())(y, operator)
    assert psnr(x, photo) > psnr(y, photo) + 4
    x = ADMM(prior=DenoiserPrior(WaveletDenoiser()), penalty=0.1, max_iterations=30)(y, operator)
    assert psnr(x, photo) > psnr(y, photo) + 3


def test_pnp_falls_from_coarse_to_the_noise_level():
    levels = PnP(iterations=5, sigma_start=0.2).schedule(torch.tensor([0.01, 0.5]))
    assert len(levels) == 5
    assert torch.allclose(levels[0], torch.tensor([0.2, 0.5]))
    assert torch.allclose(levels[-1], torch.tensor([0.01, 0.5]))
    with pytest.raises(ParameterError, match="must be ≥ 1"):
        PnP(iterations=0)


def test_every_component_is_created_by_name():
    for kind in ("prior", "denoiser", "reconstructor"):
        for name in registry.names(kind):
            if name.startswith("optim.") and name != "optim.denoiser_prior":
                assert registry.create(name) is not None
    assert registry.create("optim.denoiser_prior", denoiser=BM3D()).denoiser.stride == 4
