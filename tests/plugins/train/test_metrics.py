from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import (
    mean_squared_error,
    normalized_root_mse,
    peak_signal_noise_ratio,
    structural_similarity,
)
from train_doubles import normal, uniform

from wellposed.errors import DtypeError, ParameterError, SpaceError
from wellposed.protocols import Metric
from wellposed_train import MAE, MSE, NMSE, NRMSE, PSNR, SSIM

ALL = [
    MAE(),
    MSE(),
    NMSE(),
    NRMSE(),
    PSNR(),
    PSNR(max_value=None),
    SSIM(),
    SSIM("uniform"),
    SSIM(data_range=None),
]


def pair(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    x = uniform(*shape)
    return x + 0.1 * normal(*shape, seed=1), x


@pytest.mark.parametrize("metric", ALL, ids=repr)
def test_claims_hold(metric: Any) -> None:
    a, b = pair(3, 2, 13, 12)
    assert isinstance(metric, Metric)
    torch.testing.assert_close(metric(b, b), torch.full((3,), metric.perfect, dtype=torch.float64))
    assert torch.allclose(metric(a, b), metric(b, a)) == metric.symmetric
    worse = metric(b + 2 * (a - b), b) < metric(a, b)
    assert bool(worse.all()) == metric.higher_is_better


@pytest.mark.parametrize("metric", ALL, ids=repr)
def test_each_sample_is_judged_alone(metric: Any) -> None:
    a, b = pair(4, 1, 12, 15)
    alone = torch.cat([metric(a[i : i + 1], b[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(metric(a, b), alone)
    assert metric(a.float(), b.float()).dtype == torch.float32


@pytest.mark.parametrize("metric", ALL, ids=repr)
def test_inputs_stay_as_they_were_and_gradients_flow(metric: Any) -> None:
    a, b = pair(2, 1, 12, 12)
    kept = a.clone(), b.clone()
    a.requires_grad_()
    metric(a, b).sum().backward()
    assert torch.equal(a.detach(), kept[0])
    assert torch.equal(b, kept[1])
    assert a.grad is not None
    assert bool((a.grad != 0).any())
    assert bool(a.grad.isfinite().all())


@pytest.mark.parametrize("metric", ALL, ids=repr)
def test_metrics_are_immutable_values(metric: Any) -> None:
    with pytest.raises(AttributeError):
        metric.perfect = 3.0
    assert metric == eval(repr(metric))


@pytest.mark.parametrize("max_value", [1.0, 255.0])
def test_psnr_is_that_of_scikit_image(max_value: float) -> None:
    a, b = pair(3, 2, 9, 8)
    expected = [
        peak_signal_noise_ratio(t.numpy(), s.numpy(), data_range=max_value) for s, t in zip(a, b, strict=True)
    ]
    np.testing.assert_allclose(PSNR(max_value)(a, b), expected, rtol=1e-12)


def test_psnr_takes_its_scale_from_the_reference_on_request() -> None:
    a, b = pair(2, 1, 5, 5)
    b = b * torch.tensor([3.0, 0.2]).reshape(2, 1, 1, 1)
    expected = [
        peak_signal_noise_ratio(t.numpy(), s.numpy(), data_range=t.max().item())
        for s, t in zip(a, b, strict=True)
    ]
    np.testing.assert_allclose(PSNR(max_value=None)(a, b), expected, rtol=1e-12)


def test_mse_and_nrmse_are_those_of_scikit_image_and_nmse_is_its_square() -> None:
    a, b = pair(3, 1, 6, 7)
    pairs = [(t.numpy(), s.numpy()) for s, t in zip(a, b, strict=True)]
    nrmse = np.array([normalized_root_mse(t, s) for t, s in pairs])
    np.testing.assert_allclose(MSE()(a, b), [mean_squared_error(t, s) for t, s in pairs], rtol=1e-12)
    np.testing.assert_allclose(NRMSE()(a, b), nrmse, rtol=1e-12)
    np.testing.assert_allclose(NMSE()(a, b), nrmse**2, rtol=1e-12)
    np.testing.assert_allclose(MAE()(a, b), [np.mean(np.abs(t - s)) for t, s in pairs], rtol=1e-12)


def test_complex_images_are_compared_by_the_magnitude_of_their_difference() -> None:
    x = normal(2, 1, 4, 5, dtype=torch.complex128)
    y = normal(2, 1, 4, 5, seed=3, dtype=torch.complex128)
    a, b = x.numpy(), y.numpy()
    axes = (1, 2, 3)
    error = np.abs(a - b)
    np.testing.assert_allclose(MAE()(x, y), error.mean(axes), rtol=1e-12)
    np.testing.assert_allclose(MSE()(x, y), (error**2).mean(axes), rtol=1e-12)
    energy = (np.abs(b) ** 2).sum(axes)
    np.testing.assert_allclose(NMSE()(x, y), (error**2).sum(axes) / energy, rtol=1e-12)
    np.testing.assert_allclose(NRMSE()(x, y), np.sqrt((error**2).sum(axes) / energy), rtol=1e-12)
    np.testing.assert_allclose(PSNR(2.0)(x, y), 10 * np.log10(4 / (error**2).mean(axes)), rtol=1e-12)
    assert not MAE()(x, y).is_complex()


def test_relative_errors_of_an_empty_reference() -> None:
    zero = torch.zeros(2, 1, 3, 3)
    estimate = zero.clone()
    estimate[1] = 1
    for metric in (NMSE(), NRMSE()):
        assert metric(estimate, zero).tolist() == [0.0, math.inf]


@settings(max_examples=40, deadline=None)
@given(
    gaussian=st.booleans(),
    sample=st.booleans(),
    size=st.sampled_from([3, 5, 7, 9]),
    sigma=st.sampled_from([0.5, 1.0, 1.5]),
    channels=st.integers(1, 3),
    extra=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    scale=st.sampled_from([1.0, 255.0, 0.1]),
    seed=st.integers(0, 100),
)
def test_ssim_is_that_of_scikit_image(
    gaussian: bool,
    sample: bool,
    size: int,
    sigma: float,
    channels: int,
    extra: tuple[int, int],
    scale: float,
    seed: int,
) -> None:
    metric = SSIM("gaussian" if gaussian else "uniform", scale, sigma, size, sample_covariance=sample)
    shape = (2, channels, metric.width + extra[0], metric.width + extra[1])
    x = scale * uniform(*shape, seed=seed)
    x_hat = x + 0.2 * scale * normal(*shape, seed=seed + 1)
    options: dict[str, Any] = {"gaussian_weights": True, "sigma": sigma} if gaussian else {"win_size": size}
    expected = [
        structural_similarity(b, a, data_range=scale, channel_axis=0, use_sample_covariance=sample, **options)
        for a, b in zip(x.numpy(), x_hat.numpy(), strict=True)
    ]
    np.testing.assert_allclose(metric(x_hat, x), expected, atol=1e-10, rtol=0)


def test_the_usual_windows_by_name() -> None:
    x_hat, x = pair(1, 1, 20, 17)
    a, b = x_hat[0, 0].numpy(), x[0, 0].numpy()
    wang = structural_similarity(a, b, data_range=1, gaussian_weights=True, use_sample_covariance=False)
    assert SSIM().width == 11
    assert SSIM()(x_hat, x).item() == pytest.approx(wang, abs=1e-12)
    default = structural_similarity(a, b, data_range=1)
    assert SSIM("uniform", sample_covariance=True)(x_hat, x).item() == pytest.approx(default, abs=1e-12)


def test_ssim_of_lines_and_volumes() -> None:
    for shape in ((14,), (8, 9, 10)):
        x_hat, x = pair(1, 1, *shape)
        expected = structural_similarity(x_hat[0, 0].numpy(), x[0, 0].numpy(), data_range=1)
        ours = SSIM("uniform", sample_covariance=True)(x_hat, x).item()
        assert ours == pytest.approx(expected, abs=1e-10)


def test_ssim_keeps_its_digits_in_float32_on_a_bright_flat_image() -> None:
    x = 200 + 1e-2 * uniform(1, 1, 16, 16)
    x_hat = x + 1e-2 * normal(1, 1, 16, 16)
    metric = SSIM(k2=1e-5)
    exact = metric(x_hat.float().double(), x.float().double())
    torch.testing.assert_close(metric(x_hat.float(), x.float()).double(), exact, atol=1e-3, rtol=0)


def test_ssim_differentiates_correctly() -> None:
    x_hat, x = pair(1, 1, 8, 8)
    metric = SSIM("uniform", size=5)
    assert torch.autograd.gradcheck(lambda t: metric(t, x), (x_hat.requires_grad_(),))


@pytest.mark.parametrize("metric", ALL, ids=repr)
def test_what_cannot_be_compared_is_refused(metric: Any) -> None:
    x = uniform(2, 3, 12, 12)
    with pytest.raises(
        SpaceError, match=r"equal shapes, but x_hat is \(2, 1, 12, 12\) and x is \(2, 3, 12, 12\)"
    ):
        metric(x[:, :1], x)
    with pytest.raises(DtypeError, match=r"x_hat is torch.uint8; convert and scale it first"):
        metric((255 * x).byte(), x)
    with pytest.raises(SpaceError, match="x is a NoneType"):
        metric(x, None)
    with pytest.raises(SpaceError, match=r"needs a batch axis first, but both are \(12,\)"):
        metric(x[0, 0, 0], x[0, 0, 0])


def test_ssim_refuses_small_and_complex_images() -> None:
    x = uniform(1, 1, 12, 10)
    with pytest.raises(
        SpaceError, match=r"window is 11 pixels wide, but the image has only \(12, 10\).*sigma"
    ):
        SSIM()(x, x)
    with pytest.raises(SpaceError, match=r"uniform window is 13 .* use a smaller size"):
        SSIM("uniform", size=13)(x, x)
    with pytest.raises(DtypeError, match=r"these are complex; compare magnitudes"):
        SSIM()(x + 0j, x + 0j)
    with pytest.raises(SpaceError, match=r"1 to 3 axes of pixels, not \(1, 10\)"):
        SSIM()(x[0, 0, :1], x[0, 0, :1])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: PSNR(max_value=0), "max_value is 0, but the distance from black to white is positive"),
        (lambda: SSIM(data_range=math.inf), "data_range is inf"),
        (lambda: SSIM(window="box"), "window is 'box'"),
        (lambda: SSIM(sigma=0), "sigma is 0"),
        (lambda: SSIM("uniform", size=4), "size is 4, but a window has a centre"),
        (lambda: SSIM(k1=-1), "k1 = -1 and k2 = 0.03"),
        (lambda: PSNR(None)(torch.zeros(2, 1, 3), torch.zeros(2, 1, 3)), "reference 0 of the batch is zero"),
    ],
)
def test_impossible_parameters_are_refused(build: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        build()
