"""Siddon's projector and strips by vectors: every instruction set, any bins, rays that hardly lean."""

from __future__ import annotations

import math

import pytest
import torch

from wellposed.spaces import Space
from wellposed_ct import ParallelBeam

F64 = torch.float64
COMPILED = ["auto", "avx2", "portable"]
MODELS = ["siddon", "strip"]
ANGLES = [0.0, 1e-5, 0.0007, 0.003, 0.011, math.pi / 4, 1.0, math.pi / 2, math.pi / 2 + 0.0101, 2.5, math.pi]
# very fine bins, coarse ones and ones larger than the image take other ways through the code
BINS = [0.02, 0.3, 1.0, 2.6, 40.0, 300.0]


def beam(
    model: str, detector_mm: float, backend: str, dtype: torch.dtype = F64, angles=ANGLES
) -> ParallelBeam:
    detectors = max(3, min(300, int(40 / detector_mm)))
    domain = Space((1, 26, 23), dtype)
    return ParallelBeam(angles, domain, detectors, 1.0, detector_mm, 0.4, (0.3, -0.2), backend, model)


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("detector_mm", BINS)
@pytest.mark.parametrize("model", MODELS)
def test_they_agree_with_torch(model, detector_mm, backend):
    ours, want = (beam(model, detector_mm, b) for b in (backend, "torch"))
    g = torch.Generator().manual_seed(0)
    x, y = ours.domain.randn(2, g), ours.range.randn(2, g)
    torch.testing.assert_close(ours.A(x), want.A(x), atol=1e-7, rtol=1e-9)
    torch.testing.assert_close(ours.A_adjoint(y), want.A_adjoint(y), atol=1e-7, rtol=1e-9)


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1.2e-5), (F64, 2e-14)])
@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("detector_mm", BINS)
@pytest.mark.parametrize("model", MODELS)
def test_they_are_exactly_matched(model, detector_mm, backend, dtype, limit):
    # every view for itself: many views would hide one that is not
    for angle in ANGLES:
        op = beam(model, detector_mm, backend, dtype, [angle])
        g = torch.Generator().manual_seed(0)
        for x, y in (
            (op.domain.randn(1, g), op.range.randn(1, g)),
            (1 + op.domain.zeros(1), 1 + op.range.zeros(1)),
        ):
            ax, ay = op.A(x), op.A_adjoint(y)
            gap = abs(float((ax.double() * y.double()).sum() - (x.double() * ay.double()).sum()))
            assert gap / max(float(ax.norm() * y.norm()), float(x.norm() * ay.norm())) < limit


def test_a_bin_larger_than_the_image_adds_it_up_without_loss():
    # adding up ninety thousand pixels one by one would lose four digits
    op = ParallelBeam([0.7], (1, 300, 300), 3, 1.0, 450.0, model="strip")
    x = torch.ones(1, 1, 300, 300)
    assert float(op.A(x).sum()) == pytest.approx(300 * 300 / 450, rel=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_threads_change_nothing(model, same_on_threads):
    op = ParallelBeam(torch.linspace(0, 3, 91), (2, 64, 70), model=model)
    y = op.range.randn(3, torch.Generator().manual_seed(0))
    same_on_threads(lambda: op.A_adjoint(y), lambda: op.A(op.A_adjoint(y)))
