"""Siddon's lengths, strips, and curved detectors, against ASTRA, geometry by hand, and exact integrals."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch

from wellposed.errors import ParameterError
from wellposed.spaces import Space
from wellposed_ct import FBP, FanBeam, FanGeometry, ParallelBeam, ParallelGeometry, disc, shepp_logan
from wellposed_ct.geometry import to_astra

F64 = torch.float64
ANGLES = np.array([0.1, 0.7, 1.9, 2.8, 4.0, 5.5])
PARALLEL = ParallelGeometry(ANGLES, (14, 11), 19, 0.8, 0.9, centre_mm=(0.3, -0.7))
FAN = FanGeometry(ANGLES, (14, 11), 60.0, 100.0, 23, 1.1, 0.8, centre_mm=(0.3, -0.7))
CURVED = FAN.replace(detector="curved", axis_mm=0.4)


def beam(geometry, model="joseph", **changes):
    kind = FanBeam if isinstance(geometry, FanGeometry) else ParallelBeam
    return kind.from_geometry(geometry, dtype=F64).replace(model=model, **changes)


def lengths(g) -> np.ndarray:
    """Length of every ray in every pixel, by clipping the line to the square."""
    rows, columns = g.size
    x = (np.arange(columns) - (columns - 1) / 2) * g.pixel_mm + g.centre_mm[0]
    y = -(np.arange(rows) - (rows - 1) / 2) * g.pixel_mm + g.centre_mm[1]
    phi, s = (t[..., None, None] for t in g.lines())
    low, high = np.full(phi.shape, -1e9), np.full(phi.shape, 1e9)
    for start, way, centre in (
        (s * np.cos(phi), -np.sin(phi), x[None, None, None, :]),
        (s * np.sin(phi), np.cos(phi), y[None, None, :, None]),
    ):
        ends = [(centre + sign * g.pixel_mm / 2 - start) / way for sign in (-1, 1)]
        low, high = np.maximum(low, np.minimum(*ends)), np.minimum(high, np.maximum(*ends))
    return np.clip(high - low, 0, None).reshape(g.views * g.detectors, -1)


@pytest.mark.parametrize("backend", ["auto", "torch"])
@pytest.mark.parametrize("g", [PARALLEL, FAN, CURVED], ids=["parallel", "fan", "curved"])
def test_siddon_is_the_length_in_every_pixel(g, backend):
    op, want = beam(g, "siddon", backend=backend), lengths(g)
    x = op.domain.randn(2, torch.Generator().manual_seed(1))
    y = op.range.randn(2, torch.Generator().manual_seed(2))
    np.testing.assert_allclose(op.A(x).reshape(2, -1), x.reshape(2, -1).numpy() @ want.T, atol=1e-11)
    np.testing.assert_allclose(op.A_adjoint(y).reshape(2, -1), y.reshape(2, -1).numpy() @ want, atol=1e-11)


@pytest.mark.parametrize("backend", ["auto", "torch"])
@pytest.mark.parametrize("g", [PARALLEL, FAN, CURVED], ids=["parallel", "fan", "curved"])
def test_strips_are_means_over_the_bin(g, backend):
    many = 4001
    fine = g.replace(detectors=g.detectors * many, detector_mm=g.detector_mm / many)
    mean = beam(fine, "siddon").A(image(g)).reshape(g.views, g.detectors, many).mean(-1)
    ours = beam(g, "strip", backend=backend).A(image(g))[0, 0]
    # a strip of a fan is weighed with the middle ray's length, and by its width in each row
    limit = 1e-6 if g is PARALLEL else 1e-3
    assert float((ours - mean).abs().max() / mean.abs().max()) < limit


def image(g):
    return torch.rand(1, 1, *g.size, dtype=F64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("g", "model", "theirs"),
    [
        (PARALLEL, "siddon", "line"),
        (PARALLEL, "strip", "strip"),
        (FAN, "siddon", "line_fanflat"),
        (PARALLEL, "joseph", "linear"),
    ],
)
def test_matrices_are_those_of_astra(g, model, theirs):
    astra = pytest.importorskip("astra", reason="astra-toolbox is not installed")
    projections, volume = to_astra(g)
    matrix = astra.matrix.get(astra.projector.matrix(astra.create_projector(theirs, projections, volume)))
    ours = beam(g, model).to_matrix().numpy()
    np.testing.assert_allclose(ours, matrix.toarray(), rtol=0, atol=3e-4)  # theirs is in single precision


@pytest.mark.parametrize("backend", ["auto", "torch"])
@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1.2e-5), (F64, 2e-14)])
@pytest.mark.parametrize("model", ["joseph", "siddon", "strip"])
@pytest.mark.parametrize("g", [PARALLEL, FAN, CURVED], ids=["parallel", "fan", "curved"])
def test_pairs_are_exactly_matched(g, model, dtype, limit, backend):
    # bins along borders of pixels, and rays along rows, are where lengths jump
    scan = g.replace(
        angles=[0.0, math.pi / 4, 1.0, math.pi / 2, math.pi], size=(40, 37), centre_mm=(0.4, 0.0)
    )
    op = type(beam(scan)).from_geometry(scan, dtype=dtype).replace(model=model, backend=backend)
    draw = torch.Generator().manual_seed(0)
    x, y = op.domain.randn(2, draw), op.range.randn(2, draw)
    ax, ay = op.A(x), op.A_adjoint(y)
    gap = abs(float((ax.double() * y.double()).sum() - (x.double() * ay.double()).sum()))
    assert gap / max(float(ax.norm() * y.norm()), float(x.norm() * ay.norm())) < limit


def test_threads_change_nothing(same_on_threads):
    for model in ("siddon", "strip"):
        op = FanBeam(torch.linspace(0, 6, 90), (2, 64, 70), 100.0, 150.0, 90, 1.5, model=model)
        y = op.range.randn(3, torch.Generator().manual_seed(0))
        back = op.A_adjoint(y)
        same_on_threads(partial(op.A_adjoint, y), partial(op.A, back))


@pytest.mark.parametrize("model", ["siddon", "strip"])
@pytest.mark.parametrize("g", [PARALLEL, CURVED], ids=["parallel", "curved"])
def test_derivatives(g, model):
    small = g.replace(angles=[0.13, 0.9, 2.2], size=(5, 4), detectors=7)
    op = beam(small, model)
    x = op.domain.randn(1, torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(op.A, (x,))
    y = op.range.randn(1, torch.Generator().manual_seed(1))
    angles = torch.tensor(small.angles, dtype=F64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda a: (op.A(x.detach(), angles=a), op.A_adjoint(y, angles=a)), (angles,)
    )


def test_a_curved_fan_sees_the_lines_of_its_geometry():
    g = FanGeometry(np.arange(40) * np.pi / 20, (256, 256), 400.0, 700.0, 500, 1.3, 0.8, detector="curved")
    phi, s = g.lines()
    # every ray passes through its source, and neighbours are equally far apart in angle
    x, y = 400 * np.sin(g.angles), -400 * np.cos(g.angles)
    np.testing.assert_allclose(x[:, None] * np.cos(phi) + y[:, None] * np.sin(phi), s, atol=1e-9)
    np.testing.assert_allclose(np.diff(phi), -1.3 / 700)
    phantom = shepp_logan(95.0)
    exact = phantom.sinogram(g)
    ours = beam(g).A(phantom.image(g))
    assert float((ours - exact).norm() / exact.norm()) < 0.015
    assert "500 bins of 1.3 mm on an arc" in repr(g)
    with pytest.raises(ParameterError, match="ASTRA has no curved detectors"):
        to_astra(g)


@pytest.mark.parametrize("backend", ["auto", "torch"])
@pytest.mark.parametrize("turn", [2 * np.pi, 1.35 * np.pi], ids=["full turn", "short scan"])
@pytest.mark.parametrize("detector", ["flat", "curved"])
def test_a_disc_of_one_reconstructs_to_one(detector, turn, backend):
    views = int(110 * turn / np.pi)
    g = FanGeometry(
        np.arange(views) * turn / views, (96, 96), 150.0, 250.0, 280, 0.8, 0.7, 0.9, (0.8, -1.1), detector
    )
    x = FBP()(disc(20.0, 1.0, (3.2, -2.1)).sinogram(g), beam(g, backend=backend))[0, 0]
    columns = (np.arange(96) - 47.5) * 0.7
    inside = (columns + 0.8 - 3.2) ** 2 + (-columns[:, None] - 1.1 + 2.1) ** 2 < 16.0**2
    values = x[torch.from_numpy(inside)]
    assert float(values.mean()) == pytest.approx(1, abs=1e-3)
    assert float((values - 1).abs().max()) < 0.01


def test_curved_backends_agree_in_back_projection():
    y = beam(CURVED).range.randn(2, torch.Generator().manual_seed(0))
    far = CURVED.replace(source_axis_mm=9.0, source_detector_mm=14.0)
    for g in (CURVED, far):
        torch.testing.assert_close(
            FBP()(y, beam(g)), FBP()(y, beam(g, backend="torch")), atol=1e-10, rtol=1e-10
        )


def test_bad_choices_get_a_sentence():
    with pytest.raises(ParameterError, match="model = 'exact' must be one of joseph, siddon, strip"):
        ParallelBeam([0.0], (1, 4, 4), model="exact")
    with pytest.raises(ParameterError, match="detector = 'bent' must be 'flat' or 'curved'"):
        FAN.replace(detector="bent")
    assert FanBeam.from_geometry(CURVED).geometry == CURVED


def test_strips_count_every_pixel_equally_where_joseph_misses_some():
    # bins of three pixels: the sum over the sinogram is the sum over the image only for strips
    scan = ParallelGeometry([0.3], (24, 24), 20, 1.0, 3.0)
    seen = beam(scan, "strip").A_adjoint(torch.ones(1, 1, 1, 20, dtype=F64))
    torch.testing.assert_close(seen, torch.full_like(seen, 1 / 3))
    assert float(beam(scan).A_adjoint(torch.ones(1, 1, 1, 20, dtype=F64)).min()) == 0


def test_space_keeps_single_precision():
    op = ParallelBeam([0.3], Space((1, 8, 8), torch.float32), model="strip")
    assert op.A(op.domain.randn(1)).dtype == torch.float32
