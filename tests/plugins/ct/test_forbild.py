"""The FORBILD head against ODL's picture, and the integrals of cut ellipses against quadrature."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from wellposed.errors import ParameterError
from wellposed_ct import Ellipses, FanGeometry, ParallelGeometry, forbild_head

ROW = (1.5, 3.0, 1.2, 0.4, -0.7, 0.6)
CUTS = ((0.5, 0.3), (1.1, 2.0), (0.9, -1.7))


def test_cut_ellipses_are_integrated_exactly():
    phantom = Ellipses([ROW, (-0.5, 1.0, 2.0, 0.2, 0.3, 0.0)], (CUTS, ()))

    def value(x, y):
        v, a, b, x0, y0, t = ROW
        dx, dy = x - x0, y - y0
        inside = ((dx * math.cos(t) + dy * math.sin(t)) / a) ** 2 + (
            (dy * math.cos(t) - dx * math.sin(t)) / b
        ) ** 2 <= 1
        kept = all(dx * math.cos(p) + dy * math.sin(p) < d for d, p in CUTS)
        return v * (inside and kept) - 0.5 * ((x - 0.2) ** 2 + ((y - 0.3) / 2) ** 2 <= 1)

    for angle, s in [(0.0, 0.1), (0.3, 0.4), (0.3 + math.pi / 2, -0.5), (1.9, 0.9), (-2.5, 0.3), (4.0, 0.0)]:
        c, n = math.cos(angle), math.sin(angle)
        want = quad(lambda t, s=s, c=c, n=n: value(s * c - t * n, s * n + t * c), -6, 6, limit=3000)[0]
        got = phantom.line_integrals(torch.tensor(angle, dtype=torch.float64), torch.tensor(s))
        assert float(got) == pytest.approx(want, abs=3e-3)


@pytest.mark.parametrize("ear", [True, False])
def test_the_head_is_odls(ear):
    odl = pytest.importorskip("odl", reason="ODL is not installed")
    space = odl.uniform_discr([-12.8, -12.8], [12.8, 12.8], (256, 256))
    theirs = odl.core.phantom.forbild(space, ear=ear, scale="cm").data.T[::-1]
    g = ParallelGeometry([0.0], (256, 256), pixel_mm=1.0)
    ours = forbild_head(ear, value=1.0).image(g, oversampling=1)[0, 0].numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_its_integrals_are_those_of_its_picture():
    g = FanGeometry([0.3, 1.9], (512, 512), 600.0, 1000.0, 200, 2.0, 0.5)
    head = forbild_head()
    assert head.scaled(0.5).sinogram(g).shape == (1, 1, 2, 200)
    flat = ParallelGeometry([0.0, math.pi / 2], (256, 256), 256)
    picture = head.image(flat, oversampling=2)[0, 0]
    sums = torch.stack([picture.sum(0), picture.sum(1).flip(0)])
    exact = head.sinogram(flat)[0, 0]
    assert float((sums - exact).norm() / exact.norm()) < 0.015
    assert float((head.scaled(2.0).rows[:, 1:5] - 2 * head.rows[:, 1:5]).abs().max()) == 0
    assert head.scaled(2.0).cuts[12][0][0] == 2 * head.cuts[12][0][0]


def test_cuts_go_with_rows():
    with pytest.raises(ParameterError, match="1 cuts for 2 rows; give one each"):
        Ellipses([ROW, ROW], (CUTS,))
