"""Kernels: non-negative, sum one, and equal to what they claim by independent numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.ndimage
import torch

from wellposed.errors import ParameterError
from wellposed_deblurring import (
    CameraShakeKernels,
    DefocusKernels,
    GaussianKernels,
    MotionKernels,
    camera_shake_kernel,
    defocus_kernel,
    gaussian_kernel,
    motion_kernel,
)

GENERATORS = [GaussianKernels(), DefocusKernels(), MotionKernels(), CameraShakeKernels()]


def moments(kernel):
    k = kernel.double().numpy()
    axis = np.arange(len(k)) - (len(k) - 1) / 2
    mean = np.array([(k.sum(1) * axis).sum(), (k.sum(0) * axis).sum()])
    rows, columns = np.meshgrid(axis, axis, indexing="ij")
    return mean, np.array([[(k * rows**2).sum(), (k * rows * columns).sum()], [0, (k * columns**2).sum()]])


@pytest.mark.parametrize("generator", GENERATORS, ids=lambda g: type(g).__name__)
def test_generators_draw_kernels(generator):
    kernels = generator.step(4, torch.Generator().manual_seed(0))["kernel"]
    assert kernels.shape == (4, 1, generator.size, generator.size)
    assert (kernels >= 0).all()
    torch.testing.assert_close(kernels.sum((1, 2, 3)), torch.ones(4))
    first = generator.step(2, torch.Generator().manual_seed(0))["kernel"]
    torch.testing.assert_close(kernels[:2], first, rtol=0, atol=0)


def test_gaussian_is_scipys_impulse_response():
    impulse = np.zeros((25, 25))
    impulse[12, 12] = 1
    expected = scipy.ndimage.gaussian_filter(impulse, 2.0, truncate=6.0)
    np.testing.assert_allclose(gaussian_kernel(2.0, size=25).numpy(), expected, atol=1e-7)


def test_gaussian_has_the_covariance_of_its_angle():
    _, m = moments(gaussian_kernel((3.0, 1.0), angle=0.5, size=41))
    c, s = math.cos(0.5), math.sin(0.5)
    assert m[1, 1] == pytest.approx(9 * c * c + s * s, rel=1e-4)
    assert m[0, 0] == pytest.approx(9 * s * s + c * c, rel=1e-4)
    assert m[0, 1] == pytest.approx(8 * s * c, rel=1e-4)


def test_defocus_is_a_disc():
    k = defocus_kernel(6.0)
    mean, m = moments(k)
    np.testing.assert_allclose(mean, 0, atol=1e-6)
    # the second moment of a disc is r²/4 per axis; integrating over pixels adds 1/12
    assert m[0, 0] == pytest.approx(36 / 4 + 1 / 12, rel=5e-3)
    assert float(k.max()) == pytest.approx(1 / (math.pi * 36), rel=5e-3)


def test_motion_is_a_segment():
    _, m = moments(motion_kernel(12.0, 0.3))
    length = 12.0**2 / 12
    # bilinear spreading widens each point by at most 1/4 per axis
    assert m[1, 1] == pytest.approx(length * math.cos(0.3) ** 2, abs=0.26)
    assert m[0, 0] == pytest.approx(length * math.sin(0.3) ** 2, abs=0.26)
    assert motion_kernel(0.0, 1.0).max() == 1


def test_camera_shake_is_centred_reproducible_and_fits():
    a, b = camera_shake_kernel(seed=3), camera_shake_kernel(seed=3)
    assert torch.equal(a, b)
    assert not torch.equal(a, camera_shake_kernel(seed=4))
    for seed in range(10):
        mean, _ = moments(camera_shake_kernel(size=15, expected_length=200.0, anxiety=0.05, seed=seed))
        np.testing.assert_allclose(mean, 0, atol=1e-5)


def test_anxiety_bends_the_path():
    calm = [moments(camera_shake_kernel(anxiety=0.0, expected_length=20.0, seed=s))[1] for s in range(8)]
    for m in calm:  # without impulses the path is nearly straight: one principal direction
        full = np.array([[m[0, 0], m[0, 1]], [m[0, 1], m[1, 1]]])
        low, high = np.linalg.eigvalsh(full)
        assert low < 0.25 * high


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gaussian_kernel(0.0), "sigma=0.0 must be positive"),
        (lambda: gaussian_kernel(1.0, size=4), "size=4 must be odd"),
        (lambda: defocus_kernel(-1.0), "radius=-1.0 must be positive"),
        (lambda: motion_kernel(-1.0, 0.0), "length=-1.0 must be ≥ 0"),
        (
            lambda: motion_kernel(20.0, 0.0, size=9),
            "reaches 10.0 pixels from the centre, but size=9 covers 4",
        ),
        (lambda: camera_shake_kernel(expected_length=0.0), "expected_length=0.0 must be > 0"),
        (lambda: DefocusKernels(radius=(3.0, 1.0)), r"radius=\(3.0, 1.0\) must be \(low, high\)"),
        (lambda: MotionKernels(size=8), "size=8 must be odd"),
    ],
)
def test_bad_arguments_say_why(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
