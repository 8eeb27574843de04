"""Denoisers: they remove noise from photographs, by the margins they claim, whatever the shape."""

from __future__ import annotations

import pytest
import torch
from skimage import data

from wellposed.errors import ParameterError
from wellposed_optim import BM3D, TVDenoiser, WaveletDenoiser
from wellposed_optim.denoisers.bm3d import dct_filters, hadamard
from wellposed_optim.denoisers.images import opponent, pad_symmetric
from wellposed_optim.denoisers.wavelet import shrink_bands
from wellposed_optim.priors.wavelet_transform import filter_pair

ALL = [BM3D(), TVDenoiser(), WaveletDenoiser()]


def psnr(a, b):
    return -10 * torch.log10((a - b).square().mean()).item()


def noise(x, seed=0):
    return torch.randn(x.shape, generator=torch.Generator().manual_seed(seed), dtype=x.dtype)


@pytest.fixture(scope="module")
def photo():
    return torch.from_numpy(data.camera()[80:240, 140:300] / 255.0).float()[None, None]


@pytest.mark.parametrize("sigma", [10 / 255, 25 / 255])
def test_bm3d_beats_wavelets_and_tv(photo, sigma):
    noisy = photo + sigma * noise(photo)
    bm3d, tv, wavelet = (psnr(d(noisy, sigma), photo) for d in ALL)
    assert bm3d > tv + 0.3
    assert bm3d > wavelet + 0.3
    assert min(tv, wavelet) > psnr(noisy, photo) + 4


@pytest.mark.parametrize("denoiser", ALL, ids=repr)
def test_sigma_is_per_sample_and_zero_changes_nothing(denoiser, photo):
    x = photo[..., :40, :37].repeat(2, 1, 1, 1)
    sigma = torch.tensor([0.0, 0.1])
    out = denoiser(x + 0.1 * noise(x), sigma)
    assert torch.allclose(out[0], (x + 0.1 * noise(x))[0], atol=1e-5)
    assert torch.allclose(out[1:], denoiser((x + 0.1 * noise(x))[1:], 0.1), atol=1e-6)


@pytest.mark.parametrize("denoiser", ALL, ids=repr)
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 3, 5, 2), (1, 2, 9, 23)])
def test_every_shape_works_and_constants_stay(denoiser, shape):
    x = torch.full(shape, 0.4, dtype=torch.float64)
    assert torch.allclose(denoiser(x, 0.1), x)


@pytest.mark.parametrize("denoiser", [BM3D(), WaveletDenoiser()], ids=repr)
def test_complex_images_are_denoised_in_both_parts(denoiser, photo):
    x = torch.complex(photo, 0 * photo)[..., :48, :48]
    out = denoiser(x + 0.05 * noise(x) * 2**0.5, 0.05)
    assert psnr(out.real, x.real) > 28
    assert psnr(out.imag, x.imag) > 30


def test_colour_is_denoised_together():
    x = torch.from_numpy(data.astronaut()[40:136, 160:256] / 255.0).permute(2, 0, 1)[None]
    noisy = x + 0.1 * noise(x)
    separate = torch.cat([BM3D()(noisy[:, c : c + 1], 0.1) for c in range(3)], 1)
    assert psnr(BM3D()(noisy, 0.1), x) > psnr(separate, x)


def test_the_bases_are_orthonormal():
    x = torch.zeros(1, dtype=torch.float64)
    dct = dct_filters(x).reshape(64, 64)
    assert torch.allclose(dct @ dct.T, torch.eye(64, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(hadamard(16) @ hadamard(16), torch.eye(16), atol=1e-6)
    rgb = noise(torch.zeros(3, 2, 2, dtype=torch.float64))
    assert torch.allclose(opponent(opponent(rgb), inverse=True), rgb)


@pytest.mark.parametrize("shape", [(7, 1), (24, 30)])
def test_undecimated_wavelets_are_a_tight_frame(shape):
    x = noise(torch.zeros(2, 1, *shape, dtype=torch.float64))
    filters = filter_pair("db2") / 2**0.5
    assert torch.allclose(shrink_bands(x, x, filters, lambda band, pilot, gain: band, 3), x)


def test_symmetric_padding_mirrors_and_crops():
    x = torch.arange(3.0)[None, None]
    padded, crop = pad_symmetric(x, 2, 8)
    assert padded[0, 3].tolist() == [1, 0, 0, 1, 2, 2, 1, 0]
    assert torch.equal(crop(padded), x)


def test_errors_say_what_to_do():
    with pytest.raises(ParameterError, match="must overlap"):
        BM3D(stride=9)
    with pytest.raises(ParameterError, match="powers of two"):
        BM3D(group=12)
    with pytest.raises(ParameterError, match="enough candidates"):
        BM3D(radius=1)
    with pytest.raises(ParameterError, match="must be ≥ 1"):
        WaveletDenoiser(levels=0)
