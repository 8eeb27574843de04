"""Exact line integrals against quadrature, scikit-image's picture, and the projector."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from skimage.data import shepp_logan_phantom

from wellposed.errors import ParameterError
from wellposed_ct import Ellipses, ParallelBeam, ParallelGeometry, disc, random_ellipses, shepp_logan


def test_line_integrals_are_those_of_quadrature():
    rows = [(1.5, 3.0, 1.2, 0.4, -0.7, 0.6), (-0.4, 1.0, 2.0, -1.0, 0.5, 2.0)]
    phantom = Ellipses(rows)

    def value(x, y):
        total = 0.0
        for v, a, b, x0, y0, t in rows:
            u = ((x - x0) * math.cos(t) + (y - y0) * math.sin(t)) / a
            w = ((y - y0) * math.cos(t) - (x - x0) * math.sin(t)) / b
            total += v * (u * u + w * w <= 1)
        return total

    for angle, s in [(0.0, 0.1), (0.7, -0.6), (1.9, 0.9), (-2.5, 0.3)]:
        c, n = math.cos(angle), math.sin(angle)
        want = quad(lambda t, s=s, c=c, n=n: value(s * c - t * n, s * n + t * c), -6, 6, limit=2000)[0]
        got = phantom.line_integrals(torch.tensor(angle, dtype=torch.float64), torch.tensor(s))
        assert float(got) == pytest.approx(want, abs=2e-3)


def test_shepp_logan_is_the_usual_picture():
    want = shepp_logan_phantom()
    g = ParallelGeometry([0.0], want.shape)
    got = shepp_logan(want.shape[0] / 2).image(g, oversampling=2)[0, 0].numpy()
    assert np.abs(got - want).mean() < 0.01
    assert np.median(np.abs(got - want)) < 1e-6
    original = shepp_logan(200.0, modified=False).image(g)
    assert float(original[0, 0, 200, 200]) == pytest.approx(1.02, abs=0.011)


@pytest.mark.parametrize(
    ("phantom", "limit"), [(disc(90.3, 1.0, (5.2, -3.7)), 4e-3), (shepp_logan(128.0), 1.7e-2)]
)
def test_the_projector_is_accurate(phantom, limit):
    g = ParallelGeometry(np.linspace(0, np.pi, 90, endpoint=False), (256, 256))
    op = ParallelBeam.from_geometry(g, dtype=torch.float64)
    exact = phantom.sinogram(g)
    assert float((op.A(phantom.image(g)) - exact).norm() / exact.norm()) < limit


def test_a_disc_has_its_chords_and_area():
    g = ParallelGeometry([0.3, 2.0], (101, 101), pixel_mm=0.5)
    y = disc(10.0, 0.02).sinogram(g)
    s = torch.from_numpy(g.positions_mm())
    torch.testing.assert_close(y[0, 0, 0], 0.04 * (100 - s**2).clamp(min=0).sqrt())
    assert float(disc(10.0).image(g).sum()) * 0.25 == pytest.approx(math.pi * 100, rel=1e-3)


def test_random_ellipses_follow_their_generator():
    one = random_ellipses(torch.Generator().manual_seed(3), radius_mm=2.0)
    two = random_ellipses(torch.Generator().manual_seed(3), radius_mm=2.0)
    assert torch.equal(one.rows, two.rows)
    many = torch.cat([random_ellipses(torch.Generator().manual_seed(i)).rows for i in range(60)])
    assert len(many) / 60 == pytest.approx(50, rel=0.1)
    assert float(many[:, 1].mean()) == pytest.approx(0.2, rel=0.05)
    assert float(many[:, 0].abs().mean()) == pytest.approx(0.1, rel=0.1)


def test_bad_ellipses_get_a_sentence():
    with pytest.raises(
        ParameterError, match=r"rows must be \(value, a, b, x, y, angle\), got shape \(1, 5\)"
    ):
        Ellipses([(1.0, 1.0, 1.0, 0.0, 0.0)])
    with pytest.raises(ParameterError, match="semi-axes must be ≥ 0"):
        Ellipses([(1.0, -1.0, 1.0, 0.0, 0.0, 0.0)])
