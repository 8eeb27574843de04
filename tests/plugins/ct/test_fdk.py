"""FDK is quantitative, for every kind of circle that it takes, and says which it does not."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from wellposed.errors import ParameterError, StructureError, UnsuitableError
from wellposed_ct import FBP, FDK, ConeBeam, ConeGeometry, FanBeam, FanGeometry, ParallelBeam, ball, disc

F64 = torch.float64
FULL = np.arange(180) * 2 * math.pi / 180
SHORT = np.arange(130) * math.radians(225) / 130
AT, RADIUS = (2.0, -1.0, 0.5), 18.0


def scan(angles=FULL, size=(48, 64, 64), **more):
    options = {"voxel_mm": 0.8} | more
    return ConeGeometry(angles, size, 200.0, 300.0, (64, 128), 0.9, **options)


def inside(g, margin=4.0):
    """Voxels well within the ball."""
    (dz, dy, dx), (d, h, w) = g.voxel_mm, g.size
    z = (torch.arange(d) - (d - 1) / 2) * dz + g.centre_mm[2] - AT[2]
    y = -(torch.arange(h) - (h - 1) / 2) * dy + g.centre_mm[1] - AT[1]
    x = (torch.arange(w) - (w - 1) / 2) * dx + g.centre_mm[0] - AT[0]
    return z[:, None, None] ** 2 + y[:, None] ** 2 + x**2 < (RADIUS - margin) ** 2


@pytest.mark.parametrize(
    "g",
    [
        scan(),
        scan(SHORT),
        scan(axis_mm=-30.0),
        scan(axis_mm=30.0, plane_mm=4.0),
        scan(rotation=(0.02, 0.05, 0.03)),
        scan(voxel_mm=(1.2, 0.8, 0.8), centre_mm=(1.0, -2.0, 3.0)),
        scan(FULL[::-1]),
    ],
    ids=["full", "short", "displaced", "displaced the other way", "rotated", "flat voxels", "backwards"],
)
def test_a_ball_of_one_is_one(g):
    y = ball(RADIUS, at_mm=AT).projections(g)
    x = FDK()(y, ConeBeam.from_geometry(g, dtype=F64))[0, 0]
    chosen = inside(g)
    z = (np.arange(g.size[0]) - (g.size[0] - 1) / 2) * g.voxel_mm[0] + g.centre_mm[2]
    central = torch.tensor(np.abs(z) < 1.3)[:, None, None] & chosen
    assert int(central.sum()) > 500
    assert float((x[central] - 1).abs().max()) < 0.005
    assert float(x[chosen].mean()) == pytest.approx(1, abs=0.005)


def test_the_central_plane_is_the_fan_beams_fbp():
    flat = FanGeometry(SHORT, (40, 44), 200.0, 300.0, 100, 1.0, 0.8, axis_mm=1.3, centre_mm=(0.4, -0.8))
    g = ConeGeometry(SHORT, (1, 40, 44), 200.0, 300.0, (1, 100), 1.0, 0.8, 1.3, centre_mm=(0.4, -0.8, 0.0))
    y = disc(10.0).sinogram(flat)
    want = FBP("hann")(y, FanBeam.from_geometry(flat, dtype=F64))
    got = FDK("hann")(y[:, :, :, None], ConeBeam.from_geometry(g, dtype=F64))
    torch.testing.assert_close(got[:, :, 0], want, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("more", [{}, {"axis_mm": 20.0}, {"plane_mm": 3.0, "detector_mm": (-1.2, 1.2)}])
def test_compiled_and_torch_agree(more):
    vectors = scan(FULL[::30]).vectors()
    op = ConeBeam(vectors, (1, 7, 9, 11), (64, 128), (2.0, 1.5, 1.5))
    y = op.range.randn(2, torch.Generator().manual_seed(0))
    want = FDK()(y, op.replace(backend="torch"))
    for backend in ("auto", "portable"):
        torch.testing.assert_close(FDK()(y, op.replace(backend=backend)), want, rtol=1e-4, atol=1e-5)


def test_threads_change_nothing(same_on_threads):
    op = ConeBeam.from_geometry(scan(FULL[::20], (20, 30, 33)))
    y = op.range.randn(1, torch.Generator().manual_seed(0))
    same_on_threads(lambda: FDK()(y, op))


def test_what_it_cannot_invert_is_told():
    helix = ConeBeam.from_geometry(scan(pitch_mm=20.0))
    y = torch.zeros(1, *helix.range.shape)
    with pytest.raises(
        StructureError, match=r"rise by 19.89 mm along z \(a helix\?\).*ct.sirt, ct.cgls or ct.tv"
    ):
        FDK()(y, helix)
    table = scan(FULL[::20]).vectors()
    table[3, :3] *= 1.5
    with pytest.raises(StructureError, match="between 200 and 300 mm from the z axis"):
        FDK()(torch.zeros(1, 1, 9, 64, 128), ConeBeam(table, (1, 4, 4, 4), (64, 128)))
    with pytest.raises(
        UnsuitableError, match=r"FDK needs a cone beam .* ParallelBeam does not have; .* ct.fbp, .*ct.cgls"
    ):
        FDK()(torch.zeros(1, 1, 1, 2), ParallelBeam([0.0], (1, 2, 2), 2))
    with pytest.raises(ParameterError, match="window = 'box' must be one of"):
        FDK("box")
    with pytest.raises(ParameterError, match=r"cutoff = 2 must be in \(0, 1\]"):
        FDK(cutoff=2)
