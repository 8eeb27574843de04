"""The adjoint of fans, which sums cells between columns: every arc and flat panel, batch, and border."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch

from wellposed.spaces import Space
from wellposed_ct import FanBeam

F64 = torch.float64
COMPILED = ["auto", "avx2", "portable"]

FANS = {
    "usual": (300.0, 500.0, 300, 1.3),
    "near the source": (115.0, 200.0, 300, 1.3),
    "fine bins": (300.0, 500.0, 700, 0.5),
    "very fine bins": (300.0, 500.0, 1500, 0.2),
    "finer still": (300.0, 500.0, 4000, 0.05),
    "coarse bins": (300.0, 500.0, 40, 12.0),
    "one bin": (300.0, 500.0, 1, 1.0),
    "wide fan": (110.0, 115.0, 500, 0.5),
    "far source": (1e6, 1e6, 300, 1.0),
}


def fan(name: str, detector: str, dtype: torch.dtype = F64, views: int = 14) -> FanBeam:
    angles = torch.arange(views, dtype=F64) * 2 * math.pi / views
    source, distance, bins, detector_mm = FANS[name]
    space = Space((1, 130, 141), dtype)
    return FanBeam(
        angles, space, source, distance, bins, detector_mm, 1.0, 0.4, (0.3, -0.8), detector=detector
    )


@cache
def by_torch(name: str, detector: str) -> tuple[torch.Tensor, ...]:
    op = fan(name, detector, views=3).replace(backend="torch")
    x = op.domain.randn(1, torch.Generator().manual_seed(0))
    y = op.range.randn(1, torch.Generator().manual_seed(1))
    return x, y, op.A(x), op.A_adjoint(y)


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("detector", ["flat", "curved"])
@pytest.mark.parametrize("name", FANS)
def test_the_compiled_pair_is_that_of_torch(name, detector, backend):
    op = fan(name, detector, views=3).replace(backend=backend)
    x, y, ax, ay = by_torch(name, detector)
    far = 2e-6 if name == "far source" else 1e-9  # of coordinates that count 1e6 pixels
    torch.testing.assert_close(op.A(x), ax, atol=far, rtol=0)
    torch.testing.assert_close(op.A_adjoint(y), ay, atol=far, rtol=0)


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("detector", ["flat", "curved"])
@pytest.mark.parametrize("name", FANS)
def test_single_precision_is_exactly_matched(name, detector, backend):
    op = fan(name, detector, torch.float32).replace(backend=backend)
    g = torch.Generator().manual_seed(0)
    for x, y in (
        (op.domain.randn(1, g), op.range.randn(1, g)),
        (1 + 0 * op.domain.randn(1, g), 1 + 0 * op.range.randn(1, g)),
    ):
        ax, ay = op.A(x), op.A_adjoint(y)
        gap = abs(float((ax.double() * y.double()).sum() - (x.double() * ay.double()).sum()))
        assert gap / max(float(ax.norm() * y.norm()), float(x.norm() * ay.norm())) < 1.2e-5


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("detector", ["flat", "curved"])
def test_every_ray_is_back_projected_once(detector, backend):
    """A ray's weights sum to its length in the image, so that none is lost, and none is counted twice."""
    op = fan("usual", detector, torch.float32, 90).replace(backend=backend)
    inside = op.A(torch.ones(1, 1, 130, 141))
    y = torch.zeros(op.range.concrete_shape)[None]
    g = torch.Generator().manual_seed(3)
    for _ in range(25):
        view, bins = int(torch.randint(90, (1,), generator=g)), int(torch.randint(300, (1,), generator=g))
        y.zero_()[0, 0, view, bins] = 1
        assert float(op.A_adjoint(y).sum()) == pytest.approx(float(inside[0, 0, view, bins]), abs=2e-3)


@pytest.mark.parametrize("backend", COMPILED)
def test_samples_of_a_batch_are_what_they_are_alone(backend):
    op = fan("usual", "flat", torch.float32).replace(backend=backend)
    y = op.range.randn(7, torch.Generator().manual_seed(0))
    together = op.A_adjoint(y)
    for one, image in zip(y, together, strict=True):
        assert torch.equal(op.A_adjoint(one[None])[0], image)


def test_an_arc_of_half_a_turn_has_the_weights_of_its_lines():
    """Rays run along the rows, and across them both ways, in one view."""
    op = FanBeam([0.31, 2.0], Space((1, 9, 12), F64), 12.0, 20.0, 41, 1.5, 1.0, detector="curved")
    assert op.geometry.fan_angle > math.pi / 2 - 0.1
    phi, s = op.geometry.lines()
    x, y = np.arange(12) - 5.5, 4.0 - np.arange(9)
    cos, sin = np.cos(phi)[..., None, None], np.sin(phi)[..., None, None]
    across = np.clip(1 - np.abs(x - (s[..., None, None] - y[:, None] * sin) / cos), 0, None) / np.abs(cos)
    along = np.clip(1 - np.abs(y[:, None] - (s[..., None, None] - x * cos) / sin), 0, None) / np.abs(sin)
    want = np.where(np.abs(cos) >= np.abs(sin), across, along).reshape(2 * 41, -1)
    for backend in (*COMPILED, "torch"):
        ours = op.replace(backend=backend)
        np.testing.assert_allclose(ours.to_matrix().numpy(), want, atol=1e-10)
        eye = torch.eye(82, dtype=F64).reshape(82, 1, 2, 41)
        np.testing.assert_allclose(ours.A_adjoint(eye).reshape(82, -1).numpy(), want, atol=1e-10)


@pytest.mark.parametrize("backend", COMPILED)
@pytest.mark.parametrize("detector", ["flat", "curved"])
@pytest.mark.parametrize("bins_per_pixel", [3, 12, 32])
@pytest.mark.parametrize("size", [(64, 64), (20, 3), (5, 7)])
def test_runs_of_rays_that_end_inside_the_image(size, bins_per_pixel, detector, backend):
    # near the diagonals a view is two runs, and whole vectors of cells look for bins beyond the end of each
    angles = torch.tensor([0.8, 2.5, 3.9, 5.6], dtype=F64)
    reach = math.hypot(*size) / 2
    bins = int(2.1 * reach * bins_per_pixel)
    op = FanBeam(
        angles,
        Space((1, *size), F64),
        1.5 * reach,
        3 * reach,
        bins,
        2 / bins_per_pixel,
        1.0,
        detector=detector,
    )
    y = op.range.randn(3, torch.Generator().manual_seed(0))
    want = op.replace(backend="torch").A_adjoint(y)
    op = op.replace(backend=backend)
    for _ in range(3):  # what memory held before makes no difference
        torch.testing.assert_close(op.A_adjoint(y), want, atol=1e-9, rtol=0)
