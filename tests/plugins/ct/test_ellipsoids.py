"""Exact integrals of ellipsoids against quadrature, the plane's phantom, ODL's picture, and the projector."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.spatial.transform import Rotation

from wellposed.errors import ParameterError
from wellposed_ct import (
    ConeBeam,
    ConeGeometry,
    Ellipsoids,
    FanGeometry,
    ParallelBeam3D,
    VectorGeometry,
    ball,
    shepp_logan,
    shepp_logan_3d,
)
from wellposed_ct.projectors.vectors import parallel_vectors

F64 = torch.float64
ROWS = [(1.5, 3.0, 1.2, 2.0, 0.4, -0.7, 0.3, 0.6, -0.4, 1.1), (-0.4, 1.0, 2.0, 0.5, -1.0, 0.5, -0.6, 0, 0, 0)]


def value(point):
    total = 0.0
    for v, a, b, c, x, y, z, phi, theta, psi in ROWS:
        # scipy: intrinsic z-x-z, the first angle is that of the last turn
        turn = Rotation.from_euler("ZXZ", [phi, theta, psi]).as_matrix()
        local = turn.T @ (np.array(point) - (x, y, z))
        total += v * (np.sum((local / (a, b, c)) ** 2) <= 1)
    return total


def test_line_integrals_are_those_of_quadrature():
    generator = np.random.default_rng(0)
    for _ in range(6):
        p, d = generator.normal(size=3) * 0.5, generator.normal(size=3)
        unit = d / np.linalg.norm(d)
        want = quad(lambda t, p=p, u=unit: value(p + t * u), -8, 8, limit=3000)[0]
        got = Ellipsoids(ROWS).line_integrals(torch.tensor(p), torch.tensor(d))
        assert float(got) == pytest.approx(want, abs=3e-3)


def test_the_volume_is_made_of_the_same_ellipsoids():
    g = ConeGeometry([0.0], (5, 6, 7), 50.0, 60.0, (2, 2), 1.0, (0.5, 0.7, 0.6), centre_mm=(0.3, -0.2, 0.1))
    got = Ellipsoids(ROWS).volume(g, oversampling=1)[0, 0]
    for k in range(5):
        for i in range(6):
            for j in range(7):
                at = ((j - 3) * 0.6 + 0.3, -(i - 2.5) * 0.7 - 0.2, (k - 2) * 0.5 + 0.1)
                assert float(got[k, i, j]) == pytest.approx(value(at))


def test_the_central_plane_of_the_head_is_the_plane_phantom():
    fan = FanGeometry([0.3, 2.0], (8, 8), 300.0, 500.0, 60, 2.0)
    g = ConeGeometry([0.3, 2.0], (1, 8, 8), 300.0, 500.0, (1, 60), 2.0)
    for modified in (True, False):
        want = shepp_logan(80.0, modified).sinogram(fan)
        torch.testing.assert_close(shepp_logan_3d(80.0, modified).projections(g)[:, :, :, 0], want)


def test_the_head_is_odls():
    odl = pytest.importorskip("odl", reason="ODL is not installed")
    for modified in (True, False):
        theirs = odl.core.phantom.shepp_logan_ellipsoids(3, modified)
        np.testing.assert_allclose(shepp_logan_3d(1.0, modified).rows, theirs, atol=1e-12)


def test_the_projectors_are_accurate():
    angles = np.arange(6) * 2 * math.pi / 6
    phantom = ball(15.0, at_mm=(2.0, 1.5, -1.0))

    def error(kind, g):
        exact = phantom.projections(g)
        ours = kind.from_geometry(g, dtype=F64).A(phantom.volume(g, oversampling=2))
        return float((ours - exact).norm() / exact.norm())

    for n in (40, 80):
        cone = ConeGeometry(angles, (n, n, n), 300.0, 500.0, (60, 70), 1.0, 40 / n)
        table = parallel_vectors(torch.tensor(angles), (0.6, 0.6), tilt=0.7)
        tilted = VectorGeometry(table, (n, n, n), (60, 70), 40 / n, parallel=True)
        limit = 0.032 * 40 / n
        assert error(ConeBeam, cone) < limit
        assert error(ParallelBeam3D, tilted) < limit


def test_bad_rows_get_a_sentence():
    with pytest.raises(ParameterError, match=r"rows must be \(value, a, b, c, .* got shape \(1, 3\)"):
        Ellipsoids([(1.0, 2.0, 3.0)])
    with pytest.raises(ParameterError, match="semi-axes must be > 0"):
        ball(0.0)
