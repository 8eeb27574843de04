"""Every instruction set gives the numbers of pure torch, and exactly matched pairs."""

from __future__ import annotations

import math

import pytest
import torch

from wellposed.spaces import Space
from wellposed_ct import FBP, FanBeam, ParallelBeam

F64 = torch.float64
COMPILED = ["auto", "avx2", "portable"]

FANS = {
    "usual": (300.0, 500.0, 300, 1.3, 1.0),
    "near the source": (115.0, 200.0, 300, 1.3, 1.0),
    "fine bins": (300.0, 500.0, 700, 0.5, 1.0),
    "very fine bins": (300.0, 500.0, 1500, 0.2, 1.0),
    "coarse bins": (300.0, 500.0, 40, 12.0, 1.0),
    "wide fan": (110.0, 115.0, 500, 2.0, 1.0),
}


def fan(name: str, dtype: torch.dtype = F64, views: int = 23) -> FanBeam:
    angles = torch.arange(views, dtype=F64) * 2 * math.pi / views
    source, detector, *rest = FANS[name]
    return FanBeam(angles, Space((1, 130, 141), dtype), source, detector, *rest, 0.4, (0.3, -0.8))


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("name", FANS)
def test_fans_agree_with_torch(name, backend):
    op = fan(name)
    x = op.domain.randn(1, torch.Generator().manual_seed(0))
    y = op.range.randn(1, torch.Generator().manual_seed(1))
    ours, want = op.replace(backend=backend), op.replace(backend="torch")
    torch.testing.assert_close(ours.A(x), want.A(x), atol=1e-9, rtol=0)
    torch.testing.assert_close(ours.A_adjoint(y), want.A_adjoint(y), atol=1e-9, rtol=0)
    torch.testing.assert_close(FBP()(y, ours), FBP()(y, want), atol=1e-10, rtol=0)


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1.2e-5), (F64, 2e-14)])
@pytest.mark.parametrize("backend", [*COMPILED, "torch"])
@pytest.mark.parametrize("name", FANS)
def test_fans_are_exactly_matched(name, backend, dtype, limit):
    op = fan(name, dtype, 11).replace(backend=backend)
    g = torch.Generator().manual_seed(0)
    assert defect(op, op.domain.randn(1, g), op.range.randn(1, g)) < limit
    assert defect(op, 1 + 0 * op.domain.randn(1), 1 + 0 * op.range.randn(1)) < limit


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1.2e-5), (F64, 2e-14)])
@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("detector_mm", [0.3, 1.0, 2.6])
def test_parallel_beams_are_exactly_matched(detector_mm, backend, dtype, limit):
    angles = torch.linspace(0, math.pi, 37, dtype=F64)[:-1]
    op = ParallelBeam(angles, Space((1, 130, 141), dtype), None, 1.0, detector_mm, 0.4, backend=backend)
    g = torch.Generator().manual_seed(0)
    assert defect(op, op.domain.randn(1, g), op.range.randn(1, g)) < limit


def defect(op, x, y):
    ax, ay = op.A(x), op.A_adjoint(y)
    gap = abs(float((ax.double() * y.double()).sum() - (x.double() * ay.double()).sum()))
    return gap / max(float(ax.norm() * y.norm()), float(x.norm() * ay.norm()))


def test_fan_back_projection_has_its_transpose_as_derivative():
    op = FanBeam([0.1, 0.9, 2.2, 4.0], Space((1, 6, 5), F64), 20.0, 30.0, 9, 1.1)
    y = op.range.randn(2, torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(lambda t: FBP()(t, op), (y,))
