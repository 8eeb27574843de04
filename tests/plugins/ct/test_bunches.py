"""Siddon's projector and strips of fans: every instruction set, flat and curved detectors, any bins."""

from __future__ import annotations

import math

import pytest
import torch

from wellposed.spaces import Space
from wellposed_ct import FanBeam

F64 = torch.float64
COMPILED = ["auto", "avx2", "portable"]
MODELS = ["siddon", "strip"]
ANGLES = [0.0, 0.3, math.pi / 4, math.pi / 2, 2.0, math.pi, 4.1, 5.5]
FANS = {
    "usual": (60.0, 100.0, 60, 1.3),
    "near the source": (29.0, 45.0, 90, 1.3),
    "fine bins": (60.0, 100.0, 300, 0.2),
    "coarse bins": (60.0, 100.0, 9, 9.0),
}


def fan(name: str, model: str, detector: str, dtype: torch.dtype = F64, backend: str = "auto") -> FanBeam:
    source, panel, bins, width = FANS[name]
    return FanBeam(
        ANGLES, Space((1, 35, 41), dtype), source, panel, bins, width, 1.0, 0.4, (0.3, -0.8),
        detector=detector, model=model, backend=backend,
    )  # fmt: skip


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("detector", ["flat", "curved"])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", FANS)
def test_they_agree_with_torch(name, model, detector, backend):
    ours, want = (fan(name, model, detector, backend=b) for b in (backend, "torch"))
    g = torch.Generator().manual_seed(0)
    x, y = ours.domain.randn(2, g), ours.range.randn(2, g)
    torch.testing.assert_close(ours.A(x), want.A(x), atol=1e-8, rtol=1e-9)
    torch.testing.assert_close(ours.A_adjoint(y), want.A_adjoint(y), atol=1e-8, rtol=1e-9)


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1.2e-5), (F64, 2e-14)])
@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("detector", ["flat", "curved"])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", FANS)
def test_they_are_exactly_matched(name, model, detector, backend, dtype, limit):
    op = fan(name, model, detector, dtype, backend)
    g = torch.Generator().manual_seed(0)
    for x, y in (
        (op.domain.randn(1, g), op.range.randn(1, g)),
        (1 + op.domain.zeros(1), 1 + op.range.zeros(1)),
    ):
        ax, ay = op.A(x), op.A_adjoint(y)
        gap = abs(float((ax.double() * y.double()).sum() - (x.double() * ay.double()).sum()))
        assert gap / max(float(ax.norm() * y.norm()), float(x.norm() * ay.norm())) < limit
    if dtype == torch.float32:
        want = fan(name, model, detector, F64, "torch").A(x.double())
        assert float((ax.double() - want).norm() / want.norm()) < 1e-5


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("detector", ["flat", "curved"])
@pytest.mark.parametrize("model", MODELS)
def test_threads_change_nothing(model, detector, backend, same_on_threads):
    op = fan("usual", model, detector, torch.float32, backend)
    g = torch.Generator().manual_seed(0)
    x, y = op.domain.randn(2, g), op.range.randn(2, g)
    same_on_threads(lambda: op.A(x), lambda: op.A_adjoint(y))
