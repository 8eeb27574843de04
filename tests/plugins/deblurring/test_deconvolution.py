"""Deconvolution against dense closed forms on 32×32 and against scikit-image."""

from __future__ import annotations

import math

import numpy as np
import pytest
import skimage.restoration
import torch
from skimage import data

from wellposed import ForwardModel
from wellposed.errors import ParameterError
from wellposed.noise import Gaussian
from wellposed_deblurring import (
    InverseFilter,
    RichardsonLucy,
    Wiener,
    blur,
    camera_shake_kernel,
    gaussian_kernel,
)
from wellposed_deblurring.wiener import natural_spectrum

SHAPE = (1, 32, 32)


def photo(size=32):
    image = data.camera()[100 : 100 + 4 * size : 4, 150 : 150 + 4 * size : 4] / 255.0
    return torch.tensor(image)[None, None]


def setting(boundary, sigma=0.02):
    physics = ForwardModel(
        blur(camera_shake_kernel(9, 14.0, seed=2).double(), SHAPE, boundary), Gaussian(sigma)
    )
    x = photo()
    return x, physics, physics(x, generator=torch.Generator().manual_seed(0))


def dense_wiener(y, physics, sigma, exponent):
    """μ + C A*(A C A* + σ²I)⁻¹(y − Aμ) with the prior covariance C built entry by entry."""
    a = physics.operator.to_matrix()
    ones = torch.ones(SHAPE[1] * SHAPE[2], dtype=y.dtype)
    mean = y.mean() / (a @ ones).mean()
    residual = y.flatten() - a @ (mean * ones)
    signal = residual.square().mean() - sigma**2
    f = torch.fft.fftfreq(32, dtype=y.dtype)
    spectrum = (f[:, None] ** 2 + f**2 + 1 / 32**2) ** (-exponent / 2)
    spectrum = signal * spectrum / spectrum.mean()
    dft = torch.fft.fft(torch.eye(32, dtype=torch.complex128), norm="ortho")
    f2 = torch.kron(dft, dft)
    c = (f2.mH @ torch.diag(spectrum.flatten().to(f2.dtype)) @ f2).real
    gain = c @ a.T @ torch.linalg.inv(a @ c @ a.T + sigma**2 * torch.eye(len(a), dtype=y.dtype))
    return (mean * ones + gain @ residual).reshape(1, *SHAPE)


@pytest.mark.parametrize("boundary", ["circular", "valid", "reflect"])
def test_wiener_is_the_posterior_mean(boundary):
    _, physics, y = setting(boundary)
    ours = Wiener(exponent=2.0, tolerance=1e-9)(y, physics)
    assert (ours - dense_wiener(y, physics, 0.02, 2.0)).abs().max() < 1e-6


def test_wiener_with_a_white_prior_is_scikit_images():
    """exponent=0 is Tikhonov. A symmetric kernel: scikit-image drops the transfer function's phase."""
    physics, sigma = blur(gaussian_kernel(1.5, size=9).double(), SHAPE, "circular"), 0.02
    y = ForwardModel(physics, Gaussian(sigma))(photo(), generator=torch.Generator().manual_seed(0))
    residual = (y - y.mean())[0, 0].numpy()
    balance = sigma**2 / ((residual**2).mean() - sigma**2)
    ours = Wiener(noise_level=sigma, exponent=0.0)(y, physics)[0, 0]
    transfer = np.fft.rfft2(physics.A(delta())[0, 0].numpy())
    theirs = skimage.restoration.wiener(residual, transfer, balance, reg=np.ones_like(transfer), clip=False)
    np.testing.assert_allclose(ours.numpy(), theirs + float(y.mean()), atol=1e-6)


def delta():
    x = torch.zeros(1, *SHAPE, dtype=torch.float64)
    x[..., 0, 0] = 1
    return x


@pytest.mark.parametrize("boundary", ["circular", "valid"])
def test_inverse_filter_is_the_dense_solution(boundary):
    _, physics, y = setting(boundary)
    a = physics.operator.to_matrix()
    c = 1e-3 * torch.linalg.matrix_norm(a, 2) ** 2
    expected = torch.linalg.solve(a.T @ a + c * torch.eye(a.shape[1], dtype=a.dtype), a.T @ y.flatten())
    ours = InverseFilter(floor=1e-3)(y, physics).flatten()
    torch.testing.assert_close(ours, expected, atol=1e-6, rtol=1e-6)


def test_unfloored_inverse_filter_undoes_an_invertible_blur():
    physics = blur(gaussian_kernel(0.5, size=3).double(), SHAPE, "circular")
    x = photo()
    torch.testing.assert_close(InverseFilter(floor=0.0)(physics(x), physics), x)


def test_richardson_lucy_is_scikit_images_inside():
    """scikit-image convolves with zero boundary and starts from 0.5; ours divides by A*1 there."""
    k = gaussian_kernel(1.0, size=5).double()
    x = torch.zeros(1, 1, 32, 32, dtype=torch.float64)
    x[..., 12:20, 12:20] = photo()[..., 12:20, 12:20]  # away from the border, where A*1 = 1
    physics = blur(k, SHAPE, "zero")
    y = physics(x) + 1e-3
    theirs = skimage.restoration.richardson_lucy(y[0, 0].numpy(), k.numpy(), num_iter=300, clip=False)
    ours = RichardsonLucy(300)(y, physics)[0, 0].numpy()
    np.testing.assert_allclose(ours[6:-6, 6:-6], theirs[6:-6, 6:-6], atol=2e-2)


def test_richardson_lucy_climbs_the_poisson_likelihood_and_keeps_the_flux():
    _, physics, y = setting("circular", sigma=0.005)
    y = y.clamp(min=0)

    def kl(x):
        mean = physics.A(x).clamp(min=1e-6)
        return float((mean - y * mean.log()).sum())

    estimates = [RichardsonLucy(n)(y, physics) for n in (1, 3, 10, 30)]
    values = [kl(x) for x in estimates]
    assert values == sorted(values, reverse=True)
    for x in estimates:
        assert (x >= 0).all()
        assert float(x.sum()) == pytest.approx(float(y.sum()), rel=1e-3)


def test_every_method_improves_a_shaken_photo():
    size = 128
    image = data.camera()[::4, ::4] / 255.0
    x = torch.tensor(image, dtype=torch.float32)[None, None]
    physics = ForwardModel(
        blur(camera_shake_kernel(13, 20.0, seed=1), (1, size, size), "circular"), Gaussian(0.01)
    )
    y = physics(x, generator=torch.Generator().manual_seed(0))

    def psnr(estimate):
        return -10 * math.log10(float((estimate - x).square().mean()))

    for method in (Wiener(), RichardsonLucy(), InverseFilter(floor=3e-3)):
        assert psnr(method(y, physics)) > psnr(y) + 1.5, method


def test_a_batch_with_a_kernel_per_sample():
    kernels = torch.stack([camera_shake_kernel(9, 14.0, seed=s)[None] for s in (1, 2)]).double()
    physics = blur(kernels, SHAPE, "circular")
    x = torch.cat([photo(), photo().flip(-1)])
    y = physics(x)
    together = Wiener(noise_level=0.02)(y, physics)
    for i in range(2):
        alone = Wiener(noise_level=0.02)(y[i : i + 1], blur(kernels[i], SHAPE, "circular"))
        torch.testing.assert_close(together[i : i + 1], alone)


def test_natural_spectrum_has_mean_one():
    half = natural_spectrum((6, 8), 2.0)
    weights = torch.tensor([1, 2, 2, 2, 1])
    assert float((half * weights).sum() / 48) == pytest.approx(1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Wiener(noise_level=0.0), "noise_level=0.0 must be > 0"),
        (lambda: Wiener(exponent=-1.0), "exponent=-1.0 must be ≥ 0"),
        (lambda: InverseFilter(floor=-1.0), "floor=-1.0 must be ≥ 0"),
        (lambda: RichardsonLucy(iterations=0), "iterations=0 must be ≥ 1"),
    ],
)
def test_bad_arguments_say_why(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
