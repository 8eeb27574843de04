"""Scans that can be written down and yet are hardly meant: one sentence with values, cause and fix."""

import math
import warnings

import numpy as np
import pytest
import torch

from wellposed.errors import ParameterError
from wellposed_ct import SART, ConeGeometry, FanGeometry, ParallelBeam, ParallelGeometry
from wellposed_ct.geometry.angles import steps_back

GOLDEN = math.pi * (math.sqrt(5) - 1) / 2


@pytest.mark.parametrize(
    "make",
    [
        lambda a: ParallelGeometry(a, (8, 8)),
        lambda a: FanGeometry(a, (8, 8), 100, 150, 8, 1.0),
        lambda a: ConeGeometry(a, (4, 8, 8), 100, 150, (4, 8), 1.0),
    ],
)
def test_angles_that_go_back_are_doubted_once(make):
    with pytest.warns(
        UserWarning, match="not monotone: 1 of 2 steps go the other way.*\n?.*subset"
    ) as caught:
        scan = make([0, 1, 0.5])
    assert caught[0].filename == __file__
    assert scan.replace(size=tuple(n + 1 for n in scan.size)).angles == scan.angles
    assert scan.subset([2, 0]).angles == (0.5, 0.0)


@pytest.mark.parametrize(
    "angles",
    [
        np.linspace(3, 0, 9),
        np.arange(6) * GOLDEN,
        np.arange(50) * GOLDEN % math.pi,
        np.arange(50) * GOLDEN % (2 * math.pi),
        (np.linspace(0, 2 * math.pi, 40, endpoint=False) + 4) % (2 * math.pi),
        [0.3],
    ],
)
def test_orders_that_scanners_have_are_not_doubted(angles):
    assert steps_back(angles) == 0
    ParallelGeometry(angles, (8, 8))


def test_views_that_stand_still_and_swapped_ones_are_counted():
    assert steps_back([0.0, 0.1, 0.1, 0.2]) == 1
    assert steps_back([0.0, 0.2, 0.1, 0.3, 0.4]) == 1
    assert steps_back(np.zeros(5)) == 4


def test_chosen_orders_and_subsets_of_methods_are_not_doubted():
    scan = ParallelGeometry(np.linspace(0, 3, 12), (8, 8)).subset([3, 9, 0, 7, 1, 4])
    op = ParallelBeam.from_geometry(scan)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert op.geometry.angles == scan.angles
        x = SART(iterations=2)(op.A(torch.ones(1, 1, 8, 8)), op)
    assert bool(x.isfinite().all())


def test_a_curved_detector_beyond_a_quarter_turn_is_refused():
    with pytest.raises(ParameterError, match=r"31 bins of 74 mm on an arc.*150 mm reach 424°.*90°.*unit"):
        FanGeometry(np.linspace(0, 6, 9), (32, 32), 100, 150, 31, 74.0, 1.0, detector="curved")
    assert FanGeometry([0.0], (32, 32), 100, 150, 31, 15.0, 1.0, detector="curved").fan_angle < math.pi / 2


@pytest.mark.parametrize("name", ["tilt", "axis_mm"])
def test_a_number_for_each_view_is_refused_in_words(name):
    with pytest.raises(ParameterError, match=rf"{name} = \[0.1.*must be one number.*VectorGeometry"):
        FanGeometry(np.linspace(0, 6, 9), (8, 8), 100, 150, 8, 1.0, **{name: [0.1] * 9})
