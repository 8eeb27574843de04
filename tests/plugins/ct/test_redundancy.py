"""Each line counts once, whatever arcs and sides it was measured from: discs and balls keep their value."""

import numpy as np
import pytest
import torch

from wellposed.errors import StructureError
from wellposed_ct import (
    FBP,
    FDK,
    ConeBeam,
    ConeGeometry,
    FanBeam,
    FanGeometry,
    ParallelBeam,
    ParallelGeometry,
    ball,
    disc,
)
from wellposed_ct.methods.redundancy import arc_weights, ray_weights

VIEWS = 720
TURN = np.arange(VIEWS) * 2 * np.pi / VIEWS
DETECTORS = ("flat", "curved")


def without(*runs):
    kept = np.ones(VIEWS, bool)
    for first, last in runs:
        kept[first:last] = False
    return TURN[kept]


def fan_value(angles, bins=128, axis_mm=0.0, detector="flat"):
    g = FanGeometry(angles, (64, 64), 200, 400, bins, 1.0, 0.5, axis_mm=axis_mm, detector=detector)
    x = FBP()(disc(12.0).sinogram(g), FanBeam.from_geometry(g, dtype=torch.float64))
    return x[0, 0, 20:44, 20:44]


def parallel_value(angles, axis_mm=0.0):
    g = ParallelGeometry(angles, (64, 64), 96, 0.5, 0.5, axis_mm)
    x = FBP()(disc(10.0).sinogram(g), ParallelBeam.from_geometry(g, dtype=torch.float64))
    return x[0, 0, 20:44, 20:44]


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize(
    "angles",
    [
        without((100, 104)),
        without((100, 104), (400, 404)),
        without((100, 104), (300, 304), (500, 504)),
        TURN[:500][np.r_[0:200, 204:500]],
        without((100, 140), (600, 640)),
    ],
    ids=["a gap", "two gaps", "three gaps", "a gap in a short scan", "two wide gaps"],
)
def test_missing_views_of_a_fan_keep_values(angles, detector):
    values = fan_value(angles, detector=detector)
    assert float((values - 1).abs().max()) < 5e-3


@pytest.mark.parametrize("where", [(50, 54, 200, 204), (0, 0, 100, 104)])
def test_missing_views_of_a_cone_keep_values(where):
    turn = np.delete(np.arange(360), np.r_[where[0] : where[1], where[2] : where[3]]) * 2 * np.pi / 360
    g = ConeGeometry(turn, (4, 48, 48), 200, 400, (16, 96), 2.0, 1.0)
    x = FDK()(ball(14.0).projections(g), ConeBeam.from_geometry(g, dtype=torch.float64))
    assert float((x[0, 0, 1:3, 18:30, 18:30] - 1).abs().max()) < 1e-2


@pytest.mark.parametrize("axis", [0.1, -0.2, 0.3, -0.4, 0.4])
def test_a_displaced_detector_over_a_full_turn_keeps_values(axis):
    assert float((parallel_value(TURN, axis * 48) - 1).abs().max()) < 1e-2
    assert float((fan_value(TURN, 96, axis * 96) - 1).abs().max()) < 1e-2


def test_a_displaced_panel_needs_what_lies_beyond_it():
    turn = TURN[::2]
    g = ConeGeometry(turn, (4, 48, 48), 200, 400, (16, 64), 2.0, 1.0, axis_mm=56.0)
    x = FDK()(ball(14.0).projections(g), ConeBeam.from_geometry(g, dtype=torch.float64))
    assert float((x[0, 0, 1:3, 18:30, 18:30] - 1).abs().max()) < 1e-2


def test_rounding_does_not_turn_a_limited_angle_into_a_whole_one():
    both = np.r_[TURN[:120], TURN[360:480]]
    one, rounded = parallel_value(both), parallel_value(both.astype(np.float32).astype(float))
    torch.testing.assert_close(rounded, one, atol=1e-4, rtol=0)
    assert float(one.mean()) == pytest.approx(1 / 3, abs=5e-3)


def test_two_opposite_rays_count_as_one():
    # views every half degree, rays every degree: the opposite of each ray is again one, to rounding
    angles = torch.tensor(without((100, 140), (500, 540)))
    degrees = torch.arange(-10, 11)
    gamma = torch.deg2rad(degrees.to(torch.float64)).expand(len(angles), -1)
    weights = ray_weights(angles, gamma, gamma)
    place = torch.round(torch.rad2deg(angles) * 2).long()
    whole = torch.zeros(VIEWS, len(degrees), dtype=torch.float64)
    whole[place] = weights
    opposite = (torch.arange(VIEWS)[:, None] + 360 - 4 * degrees) % VIEWS
    total = whole + whole[opposite, torch.arange(len(degrees)).flip(0)]
    seen = torch.isin(torch.arange(VIEWS), place)
    measured = seen[:, None] | seen[opposite]
    torch.testing.assert_close(total[measured], torch.ones_like(total[measured]))


def test_arcs_add_up_to_what_was_measured():
    assert float(arc_weights(torch.tensor(without((100, 104), (400, 404)))).sum()) == pytest.approx(2 * np.pi)
    assert float(arc_weights(torch.tensor(TURN[:500])).sum()) == pytest.approx(500 * 2 * np.pi / VIEWS)


def test_a_panel_turned_by_90_degrees_is_refused():
    g = ConeGeometry(TURN[::20], (4, 16, 16), 200, 400, (8, 32), 2.0, 1.0).as_vectors()
    v = g.vectors()
    v[:, 6:12] = np.concatenate([v[:, 9:12], v[:, 6:9]], 1)
    turned = ConeBeam.from_geometry(g.replace(vectors=v, detector=(32, 8)))
    with pytest.raises(StructureError, match="turned by 90°"):
        FDK()(torch.ones(1, 1, 36, 32, 8), turned)
