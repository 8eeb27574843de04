"""The Fourier slice projector: exact low-passed integrals of pixels, and an exact adjoint."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch

from wellposed.errors import ParameterError
from wellposed.spaces import Space
from wellposed_ct import FourierSlice, ParallelBeam, ParallelGeometry, disc, shepp_logan

F64 = torch.float64


def test_it_is_the_transform_of_square_pixels():
    # one pixel; its exact integrals are trapezoids, whose transform is known in closed form
    angles, p, d, bins = [0.0, 0.4, 2.5, 4.0], 0.8, 0.5, 64
    op = FourierSlice(angles, Space((1, 6, 5), F64), bins, p, d, 0.2, (0.3, -0.6), accuracy=1e-12)
    x = torch.zeros(1, 1, 6, 5, dtype=F64)
    x[0, 0, 1, 3] = 1.0
    centre = (0.3 + (3 - 2) * p, -0.6 + (2.5 - 1) * p)
    s = (np.arange(bins) - (bins - 1) / 2) * d - 0.2
    length = op.slices().length
    m = np.arange(-(length // 2) + 1, length // 2)
    omega = 2 * np.pi * m / (length * d)
    for view, angle in zip(op.A(x)[0, 0].numpy(), angles, strict=True):
        c, n = math.cos(angle), math.sin(angle)
        spectrum = p**2 * np.sinc(omega * c * p / 2 / np.pi) * np.sinc(omega * n * p / 2 / np.pi)
        shifts = s - centre[0] * c - centre[1] * n
        want = (spectrum * np.cos(np.outer(shifts, omega))).sum(1) / (length * d)
        # the highest frequency alone is left out above
        assert np.abs(view - want).max() < 2 * abs(spectrum[0]) / (length * d) + 1e-10


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1.2e-5), (F64, 2e-14)])
@pytest.mark.parametrize("accuracy", [1e-3, 1e-6])
def test_the_adjoint_is_exact_whatever_the_accuracy(accuracy, dtype, limit):
    angles = torch.linspace(0, 3.1, 40, dtype=F64)
    op = FourierSlice(angles, Space((2, 50, 61), dtype), 77, axis_mm=0.3, accuracy=accuracy)
    g = torch.Generator().manual_seed(0)
    x, y = op.domain.randn(2, g), op.range.randn(2, g)
    ax, ay = op.A(x), op.A_adjoint(y)
    gap = abs(float((ax.double() * y.double()).sum() - (x.double() * ay.double()).sum()))
    assert gap / max(float(ax.norm() * y.norm()), float(x.norm() * ay.norm())) < limit


def test_accuracy_is_what_is_asked_for():
    angles = torch.linspace(0, 3.1, 40, dtype=F64)
    x = torch.rand(1, 1, 50, 61, dtype=F64, generator=torch.Generator().manual_seed(0))
    fine = FourierSlice(angles, Space((1, 50, 61), F64), accuracy=1e-13).A(x)
    for accuracy in (1e-3, 1e-6, 1e-9):
        rough = FourierSlice(angles, Space((1, 50, 61), F64), accuracy=accuracy).A(x)
        assert 0 < float((rough - fine).norm() / fine.norm()) < 10 * accuracy


def test_it_is_as_accurate_as_joseph_on_a_phantom():
    g = ParallelGeometry(np.arange(60) * np.pi / 60, (256, 256))
    phantom = shepp_logan(110.0)
    exact = phantom.sinogram(g)
    errors = [
        float((kind.from_geometry(g, dtype=F64).A(phantom.image(g)) - exact).norm() / exact.norm())
        for kind in (FourierSlice, ParallelBeam)
    ]
    assert errors[0] < 1.5 * errors[1]
    assert errors[0] < 0.02


def test_offsets_are_those_of_the_geometry():
    g = ParallelGeometry([0.2, 1.1, 2.4], (90, 81), 120, 0.7, 0.9, axis_mm=2.0, centre_mm=(3.0, -4.0))
    phantom = disc(12.0, 1.0, (8.0, -9.0))
    ours = FourierSlice.from_geometry(g, dtype=F64).A(phantom.image(g))
    exact = phantom.sinogram(g)
    assert float((ours - exact).norm() / exact.norm()) < 0.02
    assert FourierSlice.from_geometry(g).geometry == g


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # by torch.func.jvp itself
def test_derivatives_are_the_operator_itself():
    op = FourierSlice([0.1, 0.9, 2.2], Space((1, 6, 5), F64), 9, accuracy=1e-12)
    x = op.domain.randn(2, torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(op.A, (x,))
    many = torch.randn(4, 2, 1, 6, 5, dtype=F64)
    torch.testing.assert_close(torch.func.vmap(op.A)(many), torch.stack([op.A(m) for m in many]))


def test_what_it_cannot_do_gets_a_sentence(monkeypatch):
    op = FourierSlice([0.1, 0.9], (1, 6, 5))
    with pytest.raises(ParameterError, match=r"FourierSlice does not have; use ct\.parallel"):
        op.A(torch.zeros(1, 1, 6, 5), angles=torch.tensor([0.1, 0.9], requires_grad=True))
    with pytest.raises(ParameterError, match=r"accuracy = 2 must be in \[1e-14, 0.1\]"):
        FourierSlice([0.1], (1, 6, 5), accuracy=2)
    monkeypatch.setitem(sys.modules, "finufft", None)
    with pytest.raises(ParameterError, match=r'needs finufft, .* pip install "wellposed-ct\[fourier\]"'):
        op.A(torch.zeros(1, 1, 6, 5))
