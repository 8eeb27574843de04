"""Scans in space from and to ASTRA, and from ODL and TIGRE, against these libraries' own numbers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from wellposed.errors import ParameterError
from wellposed_ct import ConeBeam, ConeGeometry, FanGeometry, ParallelGeometry, VectorGeometry
from wellposed_ct.geometry import from_astra, from_odl, from_tigre, to_astra
from wellposed_ct.projectors.vectors import parallel_vectors

ANGLES = np.array([0.1, 0.7, 1.9, 2.8, 4.0, 5.5])
MIRROR = np.tile([1, -1, 1], 4)


# ---- ASTRA ------------------------------------------------------------------------------------------------


@pytest.fixture
def astra():
    return pytest.importorskip("astra", reason="astra-toolbox is not installed")


@pytest.mark.parametrize("kind", ["cone", "parallel3d"])
def test_astras_vectors_are_ours(astra, kind):
    distances = (20.0, 15.0) if kind == "cone" else ()
    theirs = astra.create_proj_geom(kind, 1.2, 0.9, 8, 12, ANGLES, *distances)
    volume = astra.create_vol_geom(6, 8, 5, -4.0, 6.0, -3.0, 5.0, -1.0, 4.0)
    got = from_astra(theirs, volume)
    vectors = astra.geom_2vec(theirs)
    np.testing.assert_allclose(got.vectors() * MIRROR, vectors["Vectors"], atol=1e-12)
    assert got == from_astra(vectors, volume)
    assert (got.size, got.detector, got.parallel) == ((5, 6, 8), (8, 12), kind == "parallel3d")
    assert got.voxel_mm == pytest.approx((1.0, 8 / 6, 10 / 8))
    assert got.centre_mm == pytest.approx((1.0, -1.0, 1.5))


def test_to_astra_and_back(astra):
    cone = ConeGeometry(
        ANGLES,
        (5, 6, 7),
        50.0,
        80.0,
        (8, 9),
        1.1,
        (1.0, 0.8, 0.9),
        0.3,
        0.2,
        2.0,
        (0.1, 0.2, 0.3),
        (1.0, 2.0, 3.0),
    )
    table = parallel_vectors(torch.tensor(ANGLES), (1.0, 1.0), tilt=0.5)
    tilted = VectorGeometry(table, (5, 6, 7), (8, 9), parallel=True)
    for g in (cone, tilted):
        projections, volume = to_astra(g)
        astra.data3d.create("-vol", volume)  # ASTRA takes what it is given
        astra.data3d.create("-proj3d", projections)
        back = from_astra(projections, volume)
        np.testing.assert_allclose(back.vectors(), g.vectors(), atol=1e-12)
        assert back.size == g.size
        assert back.voxel_mm == pytest.approx(g.voxel_mm)
        assert back.centre_mm == pytest.approx(g.centre_mm)
    with pytest.raises(ParameterError, match="give the volume geometry as well"):
        from_astra(projections)


def test_the_same_volume_gives_the_same_projections(astra):
    """A mirrored scan of a mirrored volume: the voxel (z, y, x) of both arrays is the same."""
    theirs = astra.create_proj_geom("cone", 1.0, 1.0, 9, 11, ANGLES, 40.0, 20.0)
    g = from_astra(theirs, astra.create_vol_geom(6, 7, 5))
    x = torch.rand(1, 1, 5, 6, 7, dtype=torch.float64)
    ours = ConeGeometry(ANGLES, (5, 6, 7), 40.0, 60.0, (9, 11), 1.0, 1.0)
    upright = ConeBeam.from_geometry(ours, dtype=torch.float64).A(x.flip(3))  # ASTRA's y runs upwards
    torch.testing.assert_close(ConeBeam.from_geometry(g, dtype=torch.float64).A(x), upright)


# ---- ODL --------------------------------------------------------------------------------------------------


@pytest.fixture
def tomo():
    return pytest.importorskip("odl.applications.tomo", reason="ODL is not installed")


@pytest.fixture
def plane(tomo):
    import odl

    return odl.uniform_discr([-3.0, -2.0], [5.0, 4.0], (16, 12))


@pytest.fixture
def room(tomo):
    import odl

    return odl.uniform_discr([-3.0, -2.0, -1.0], [5.0, 4.0, 6.0], (16, 6, 7))


def parts(tomo, *counts):
    import odl

    low = [-0.6 * n + 0.35 for n in counts]
    angle = odl.uniform_partition(0.3, 4.2, 9)
    return angle, odl.uniform_partition(low, [a + 1.1 * n for a, n in zip(low, counts, strict=True)], counts)


def same_lines(g, geometry):
    """Every bin of ours lies on the line of ODL's."""
    phi, s = g.lines()
    grid = geometry.det_partition.grid.coord_vectors[0]
    for i, angle in enumerate(np.asarray(geometry.angles)):
        for k, param in enumerate(grid):
            normal = np.array([np.cos(phi[i, k]), np.sin(phi[i, k])])
            point = np.asarray(geometry.det_point_position(angle, param))
            assert point @ normal == pytest.approx(s[i, k], abs=1e-9)
            toward = np.asarray(geometry.det_to_src(angle, param))
            assert toward @ normal == pytest.approx(0, abs=1e-9)


def test_odls_parallel_beam(tomo, plane):
    geometry = tomo.Parallel2dGeometry(*parts(tomo, 10))
    g = from_odl(geometry, plane)
    assert isinstance(g, ParallelGeometry)
    assert (g.size, g.pixel_mm, g.centre_mm) == ((12, 16), 0.5, (1.0, 1.0))
    same_lines(g, geometry)
    assert from_odl(tomo.parallel_beam_geometry(plane), plane).views > 10


@pytest.mark.parametrize("curved", [None, 75.0])
def test_odls_fan(tomo, plane, curved):
    angle, detector = parts(tomo, 10)
    if curved:
        import odl

        detector = odl.uniform_partition(-0.2, 0.3, 10)  # radians
    geometry = tomo.FanBeamGeometry(angle, detector, 50.0, 25.0, det_curvature_radius=curved)
    g = from_odl(geometry, plane)
    assert isinstance(g, FanGeometry)
    assert g.detector == ("curved" if curved else "flat")
    assert (g.source_axis_mm, g.source_detector_mm) == (50.0, 75.0)
    same_lines(g, geometry)


@pytest.mark.parametrize("pitch", [0.0, 3.0])
def test_odls_cone_beam(tomo, room, pitch):
    angle, detector = parts(tomo, 10, 6)
    geometry = tomo.ConeBeamGeometry(angle, detector, 50.0, 25.0, pitch=pitch, offset_along_axis=0.5)
    g = from_odl(geometry, room)
    assert (g.size, g.detector, g.parallel) == ((7, 6, 16), (6, 10), False)
    assert g.voxel_mm == pytest.approx((1.0, 1.0, 0.5))
    assert g.centre_mm == pytest.approx((1.0, 1.0, 2.5))
    middle = np.asarray(detector.mid_pt)
    ours = ConeGeometry(
        np.asarray(geometry.angles),
        g.size,
        50.0,
        75.0,
        (6, 10),
        1.1,
        g.voxel_mm,
        -middle[0],
        -middle[1],
        pitch,
    )
    want = ours.vectors()
    want[:, [2, 5]] += 0.5  # offset_along_axis moves source and panel
    np.testing.assert_allclose(g.vectors(), want, atol=1e-9)


def test_odls_parallel_beam_in_space(tomo, room):
    geometry = tomo.Parallel3dAxisGeometry(*parts(tomo, 10, 6))
    g = from_odl(geometry, room)
    assert g.parallel
    for i, angle in enumerate(np.asarray(geometry.angles)):
        first, middle, u, v = g.vectors()[i].reshape(4, 3)
        for j, k in ((0, 0), (9, 5), (3, 2)):
            param = [
                grid[n] for grid, n in zip(geometry.det_partition.grid.coord_vectors, (j, k), strict=True)
            ]
            np.testing.assert_allclose(
                geometry.det_point_position(angle, param), middle + (j - 4.5) * u + (k - 2.5) * v, atol=1e-9
            )
            np.testing.assert_allclose(np.cross(first, geometry.det_to_src(angle, param)), 0, atol=1e-9)


def test_what_is_not_converted_from_odl_is_told(tomo, plane):
    import odl

    angle, detector = parts(tomo, 10)
    wide = odl.uniform_discr([0.0, 0.0], [1.0, 1.0], (10, 20))
    with pytest.raises(ParameterError, match=r"pixels of 0.1 × 0.05; square pixels are needed"):
        from_odl(tomo.Parallel2dGeometry(angle, detector), wide)
    arc = tomo.FanBeamGeometry(
        angle, odl.uniform_partition(-0.2, 0.2, 5), 50.0, 25.0, det_curvature_radius=60.0
    )
    with pytest.raises(ParameterError, match="detector's radius 60 is not its distance 75 from the source"):
        from_odl(arc, plane)


# ---- TIGRE ------------------------------------------------------------------------------------------------

# source, pixel (0, 0), step along u, step along v: printed by TIGRE's own C function computeDeltas_Siddon
# (CERN/TIGRE e702473, Common/CUDA/Siddon_projection.cu) compiled for the geometry below; in voxels
PRINTED = np.array(
    [
        (122.167061, 48.5743152, 2.16666667, -54.7357243, -22.9254731, 6.58337034),
        (-0.45823897, 1.63152353, 0.0599790026, 0.0111222511, 0.0445676691, -1.4990252),
        (-59.5786743, 128.633833, -28.6360728, 38.5115045, -50.2261179, 23.0497599),
        (-1.27519795, -0.897911626, -0.108227271, 0.165661139, -0.177188262, -1.46917608),
        (-80.9679629, -103.546282, 2.16666667, 36.0088181, 63.7594818, 7.63973934),
        (1.16404429, -1.08105823, 0.0199996667, 0.00873062317, -0.00810820701, -1.499925),
    ]
).reshape(3, 12)
TURNS = np.array([[0.3, 0.0, 0.0], [2.5, 0.2, -0.4], [4.0, 0.0, 0.0]])


def tigre_geometry(**changes):
    values = {
        "mode": "cone",
        "DSO": np.array([100.0, 101.0, 102.0]),
        "DSD": np.array([150.0, 151.0, 150.0]),
        "nVoxel": np.array([6, 7, 8]),
        "dVoxel": np.array([0.6, 0.7, 0.8]),
        "nDetector": np.array([8, 12]),
        "dDetector": np.array([0.9, 1.2]),
        "offOrigin": np.array([0.5, -2.0, 1.0]),
        "offDetector": np.array([[-0.3, 0.7], [0.0, 0.8], [0.2, 0.9]]),
        "rotDetector": np.array([[0.03, -0.02, 0.01], [0.02, 0.01, 0.02], [0.01, 0.0, 0.03]]),
        "COR": np.array([0.0, 0.6, -0.4]),
    }
    return SimpleNamespace(**(values | changes))


def test_tigres_vectors_are_its_own():
    g = from_tigre(tigre_geometry(), TURNS)
    assert (g.size, g.detector, g.centre_mm) == ((6, 7, 8), (8, 12), (1.0, 2.0, 0.5))
    for ours, printed in zip(g.vectors() * MIRROR, PRINTED, strict=True):
        source, middle, u, v = ours.reshape(4, 3)
        voxel, half = np.array([0.8, 0.7, 0.6]), np.array([6.4, 4.9, 3.6]) / 2
        corner = (np.array([1.0, -2.0, 0.5]) - half, voxel)
        np.testing.assert_allclose((source - corner[0]) / voxel, printed[:3], atol=1e-5)
        # its kernel stores row v of the panel from pixel (rows - 1 - v)
        top = middle - 5.5 * u + 3.5 * v
        np.testing.assert_allclose((top - corner[0]) / voxel, printed[3:6], atol=1e-5)
        np.testing.assert_allclose(u / voxel, printed[6:9], atol=1e-6)
        np.testing.assert_allclose(-v / voxel, printed[9:], atol=1e-6)


def test_tigres_circle_is_ours_turned():
    plain = tigre_geometry(offOrigin=None, offDetector=None, rotDetector=None, COR=None, DSO=100.0, DSD=150.0)
    g = from_tigre(plain, ANGLES)
    ours = ConeGeometry(ANGLES + np.pi / 2, (6, 7, 8), 100.0, 150.0, (8, 12), (0.9, 1.2), (0.6, 0.7, 0.8))
    np.testing.assert_allclose(g.vectors() * MIRROR, ours.vectors(), atol=1e-9)


def test_what_is_not_converted_from_tigre_is_told():
    with pytest.raises(ParameterError, match="mode 'helix': only 'cone' and 'parallel'"):
        from_tigre(tigre_geometry(mode="helix"), TURNS)
    with pytest.raises(ParameterError, match="offOrigin changes from view to view"):
        from_tigre(tigre_geometry(offOrigin=np.arange(9.0).reshape(3, 3)), TURNS)
    with pytest.raises(ParameterError, match=r"COR has shape \(2,\); give 1 numbers, or 1 per view"):
        from_tigre(tigre_geometry(COR=np.zeros(2)), TURNS)
    with pytest.raises(ParameterError, match=r"angles have shape \(3, 2\)"):
        from_tigre(tigre_geometry(), TURNS[:, :2])
    assert from_tigre(tigre_geometry(mode="parallel"), TURNS).parallel
