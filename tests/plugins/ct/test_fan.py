"""The fan-beam projector against a matrix from the definition, exact integrals, and the parallel beam."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from wellposed.errors import ParameterError
from wellposed.spaces import Space
from wellposed_ct import FanBeam, FanGeometry, ParallelBeam, shepp_logan

F64 = torch.float64


def joseph_matrix(g: FanGeometry) -> np.ndarray:
    """Joseph's weights, ray by ray, from the lines of the geometry."""
    rows, columns = g.size
    x = (np.arange(columns) - (columns - 1) / 2) * g.pixel_mm + g.centre_mm[0]
    y = -(np.arange(rows) - (rows - 1) / 2) * g.pixel_mm + g.centre_mm[1]
    phi, s = g.lines()
    matrix = np.zeros((phi.size, rows, columns))
    for ray, angle, t in zip(matrix, phi.ravel(), s.ravel(), strict=True):
        c, n = math.cos(angle), math.sin(angle)
        if abs(c) >= abs(n):
            for i in range(rows):
                at = (t - y[i] * n) / c
                ray[i] = np.clip(1 - np.abs(x - at) / g.pixel_mm, 0, None) * g.pixel_mm / abs(c)
        else:
            for j in range(columns):
                at = (t - x[j] * c) / n
                ray[:, j] = np.clip(1 - np.abs(y - at) / g.pixel_mm, 0, None) * g.pixel_mm / abs(n)
    return matrix.reshape(phi.size, -1)


@pytest.mark.parametrize("backend", ["auto", "avx2", "portable", "torch"])
@pytest.mark.parametrize(
    ("size", "detectors", "detector_mm", "distances"),
    [
        ((7, 9), 15, 1.2, (20.0, 35.0)),
        ((40, 35), 90, 1.0, (60.0, 100.0)),
        ((12, 20), 9, 9.0, (14.0, 50.0)),
        ((9, 9), 31, 2.0, (8.0, 11.0)),
    ],
)
def test_it_is_josephs_matrix(size, detectors, detector_mm, distances, backend):
    angles = [0.0, math.pi / 4, math.pi / 2, 3 * math.pi / 4, math.pi, -0.3, 2.0, 4.1, 5.5]
    g = FanGeometry(
        angles, size, *distances, detectors, detector_mm, 0.7, axis_mm=0.33, centre_mm=(0.2, -0.5)
    )
    op = FanBeam.from_geometry(g, dtype=F64).replace(backend=backend)
    want = joseph_matrix(g)
    x = op.domain.randn(2, torch.Generator().manual_seed(1))
    y = op.range.randn(2, torch.Generator().manual_seed(2))
    np.testing.assert_allclose(op.A(x).reshape(2, -1), x.reshape(2, -1).numpy() @ want.T, atol=1e-10)
    np.testing.assert_allclose(op.A_adjoint(y).reshape(2, -1), y.reshape(2, -1).numpy() @ want, atol=1e-10)


@pytest.mark.parametrize("backend", ["auto", "avx2", "portable", "torch"])
def test_a_curved_detector_is_josephs_matrix_too(backend):
    angles = [-0.3, 0.0, math.pi / 4, math.pi / 2, 2.0, 4.1]
    g = FanGeometry(angles, (12, 9), 20.0, 35.0, 19, 1.2, 0.7, 0.33, (0.2, -0.5), "curved")
    op, want = FanBeam.from_geometry(g, dtype=F64).replace(backend=backend), joseph_matrix(g)
    y = op.range.randn(1, torch.Generator().manual_seed(0))
    np.testing.assert_allclose(op.to_matrix().numpy(), want, atol=1e-10)
    np.testing.assert_allclose(op.A_adjoint(y).reshape(1, -1), y.reshape(1, -1).numpy() @ want, atol=1e-10)


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1.2e-5), (torch.float64, 2e-14)])
def test_the_adjoint_is_exact_at_size(dtype, limit):
    angles = torch.linspace(0, 2 * math.pi, 61)[:-1]
    op = FanBeam(angles, Space((1, 130, 141), dtype), 300.0, 500.0, 300, 1.3)
    g = torch.Generator().manual_seed(0)
    x, y = op.domain.randn(2, g), op.range.randn(2, g)
    ax, ay = op.A(x), op.A_adjoint(y)
    gap = abs(float((ax.double() * y.double()).sum() - (x.double() * ay.double()).sum()))
    assert gap / max(float(ax.norm() * y.norm()), float(x.norm() * ay.norm())) < limit


def test_it_is_accurate():
    angles = np.arange(60) * 2 * np.pi / 60
    g = FanGeometry(angles, (256, 256), 600.0, 1000.0, 512, 1.2)
    phantom = shepp_logan(90.0)
    exact = phantom.sinogram(g)
    ours = FanBeam.from_geometry(g, dtype=F64).A(phantom.image(g))
    assert float((ours - exact).norm() / exact.norm()) < 0.015


def test_a_source_far_away_is_a_parallel_beam():
    angles = [0.0, 0.6, 2.5]
    far = FanBeam(angles, Space((1, 16, 17), F64), 1e9, 1e9, 25, 1.0, pixel_mm=1.0, axis_mm=0.4)
    near = ParallelBeam(angles, Space((1, 16, 17), F64), 25, axis_mm=0.4)
    x = near.domain.randn(1, torch.Generator().manual_seed(0))
    torch.testing.assert_close(far.A(x), near.A(x), atol=1e-5, rtol=0)


def test_results_do_not_depend_on_threads(same_on_threads):
    op = FanBeam(torch.linspace(0, 6, 50), (2, 64, 70), 100.0, 150.0, 90, 1.5)
    x, y = op.domain.randn(3, torch.Generator().manual_seed(0)), op.range.randn(3)
    same_on_threads(lambda: op.A(x), lambda: op.A_adjoint(y))


def test_geometry_can_be_calibrated():
    op = FanBeam([0.13, 0.9, 2.2], Space((1, 6, 5), F64), 20.0, 30.0, 9, 1.1, axis_mm=0.21)
    x = op.domain.randn(1, torch.Generator().manual_seed(0))
    y = op.range.randn(1, torch.Generator().manual_seed(1))
    angles = torch.tensor([0.13, 0.9, 2.2], dtype=F64, requires_grad=True)
    axis = torch.tensor(0.21, dtype=F64, requires_grad=True)

    def both(a, s):
        return op.A(x, angles=a, axis_mm=s), op.A_adjoint(y, angles=a, axis_mm=s)

    assert torch.autograd.gradcheck(both, (angles, axis))


def test_bad_geometry_gets_a_sentence():
    with pytest.raises(
        ParameterError, match=r"source_detector_mm = 3.0 must be at least source_axis_mm = 4.0"
    ):
        FanGeometry([0.0], (2, 2), 4.0, 3.0, 5, 1.0)
    with pytest.raises(
        ParameterError, match=r"the image reaches 14.14 mm .* source is at 10 mm; make the image"
    ):
        FanGeometry([0.0], (20, 20), 10.0, 20.0, 5, 1.0, pixel_mm=1.0)
    with pytest.raises(ParameterError, match=r"detector_mm = 0.0 must be a finite length > 0"):
        FanGeometry([0.0], (2, 2), 10.0, 20.0, 5, 0.0)
    g = FanGeometry([0.0, 1.0], (2, 2), 10.0, 20.0, 5, 1.0)
    assert g.pixel_mm == 0.5
    assert g.subset([1]).angles == (1.0,)
    assert FanBeam.from_geometry(g).geometry == g
    assert "source 10 mm before the axis and 20 mm before 5 bins of 1 mm" in repr(g)
