"""Cone beams by every instruction set: rows finer and coarser than voxels, tilted, helical; and their FDK."""

from __future__ import annotations

import math

import pytest
import torch

from wellposed.spaces import Space
from wellposed_ct import FDK, ConeBeam
from wellposed_ct.projectors.vectors import circular_vectors

F64 = torch.float64
COMPILED = ["auto", "avx2", "portable"]
ANGLES = torch.tensor([0.0, 0.3, math.pi / 4, 1.5, 2.9, 4.1], dtype=F64)
SCANS = {
    # rows and columns; their pitch; the source's distances to axis and panel; pitch of a helix; tilt
    "usual": ((53, 37), (1.4, 1.6), 80.0, 120.0, 0.0, 0.0),
    "fine rows": ((150, 21), (0.5, 2.6), 80.0, 120.0, 0.0, 0.0),
    "very fine rows": ((300, 11), (0.16, 5.0), 80.0, 120.0, 0.0, 0.0),
    "coarse rows": ((19, 37), (4.0, 1.6), 80.0, 120.0, 0.0, 0.0),
    "very coarse rows": ((7, 30), (14.0, 2.0), 80.0, 120.0, 0.0, 0.0),
    "near the source": ((70, 50), (2.0, 2.0), 31.0, 62.0, 0.0, 0.0),
    "helix": ((53, 37), (1.4, 1.6), 80.0, 120.0, 9.0, 0.0),
    "tilted": ((33, 37), (1.4, 1.6), 80.0, 120.0, 0.0, 0.2),
}


def cone(name: str, dtype: torch.dtype = F64, backend: str = "auto") -> ConeBeam:
    detector, pixel, axis, panel, pitch, tilt = SCANS[name]
    vectors = circular_vectors(ANGLES, axis, panel, pixel, 0.3, -0.7, pitch, (0.0, tilt, 0.0))
    return ConeBeam(vectors, Space((1, 43, 31, 35), dtype), detector, (0.9, 1.0, 1.0), backend=backend)


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("name", SCANS)
def test_they_agree_with_torch(name, backend):
    ours, want = (cone(name, backend=b) for b in (backend, "torch"))
    g = torch.Generator().manual_seed(0)
    x, y = ours.domain.randn(1, g), ours.range.randn(1, g)
    torch.testing.assert_close(ours.A(x), want.A(x), atol=1e-9, rtol=0)
    torch.testing.assert_close(ours.A_adjoint(y), want.A_adjoint(y), atol=1e-9, rtol=0)


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("name", SCANS)
def test_single_precision_is_that_of_numbers(name, backend):
    ours, want = cone(name, torch.float32, backend), cone(name, backend="torch")
    g = torch.Generator().manual_seed(0)
    x, y = want.domain.randn(1, g), want.range.randn(1, g)
    for got, exact in ((ours.A(x.float()), want.A(x)), (ours.A_adjoint(y.float()), want.A_adjoint(y))):
        assert float((got.double() - exact).norm() / exact.norm()) < 1e-5


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1.2e-5), (F64, 2e-14)])
@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("name", SCANS)
def test_they_are_exactly_matched(name, backend, dtype, limit):
    op = cone(name, dtype, backend)
    g = torch.Generator().manual_seed(0)
    for x, y in (
        (op.domain.randn(1, g), op.range.randn(1, g)),
        (1 + op.domain.zeros(1), 1 + op.range.zeros(1)),
    ):
        ax, ay = op.A(x), op.A_adjoint(y)
        gap = abs(float((ax.double() * y.double()).sum() - (x.double() * ay.double()).sum()))
        assert gap / max(float(ax.norm() * y.norm()), float(x.norm() * ay.norm())) < limit


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("name", ["usual", "fine rows", "very coarse rows", "tilted"])
def test_threads_change_nothing(name, backend, same_on_threads):
    op = cone(name, torch.float32, backend)
    g = torch.Generator().manual_seed(0)
    x, y = op.domain.randn(2, g), op.range.randn(2, g)
    same_on_threads(lambda: op.A(x), lambda: op.A_adjoint(y))


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("name", ["usual", "fine rows", "very fine rows", "very coarse rows"])
def test_filtered_back_projection_agrees_with_torch(name, backend):
    angles = torch.arange(8, dtype=F64) * math.pi / 4
    detector, pixel, axis, panel, *_ = SCANS[name]
    vectors = circular_vectors(angles, axis, panel, pixel)
    op = ConeBeam(vectors, Space((1, 43, 31, 35), F64), detector, (0.9, 1.0, 1.0))
    y = op.range.randn(1, torch.Generator().manual_seed(0))
    results = [FDK()(y, op.replace(backend=b)) for b in (backend, "torch")]
    torch.testing.assert_close(*results, atol=1e-10, rtol=0)
