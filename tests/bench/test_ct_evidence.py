"""The scripts behind docs/benchmarks/ct-anchors.md, where they need no data and little time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from bench.ct import anchors, helsinki

from wellposed_ct import FanGeometry, disc


def test_shepp_logan_is_reproduced():
    for name, published, ours in anchors.shepp(draws=1):
        assert abs(ours - published) < 0.5, name


def test_a_picture_of_ellipses_fills_its_range():
    image = anchors.random_image(np.random.RandomState(0))
    assert image.shape == (128, 128)
    assert image.min() == 0
    assert image.max() == 1


def test_the_disc_is_found_from_a_few_views():
    g = FanGeometry(np.deg2rad(np.arange(40, 70, 0.5)), (64, 64), 410.66, 553.74, 560, 0.2, pixel_mm=1.2)
    y = disc(34.6, 0.03, (0.7, -0.4)).sinogram(g)
    (x, y0), radius = helsinki.find_disc(y, g)
    assert (x, y0) == pytest.approx((0.7, -0.4), abs=0.1)
    assert radius == pytest.approx(34.6, abs=0.1)


def test_the_score_is_that_of_matthews():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.rand(50, generator=generator) > 0.4 for _ in range(2))
    tp, tn = float((a & b).sum()), float((~a & ~b).sum())
    fp, fn = float((a & ~b).sum()), float((~a & b).sum())
    want = (tp * tn - fp * fn) / ((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)) ** 0.5
    assert helsinki.matthews(a, b) == pytest.approx(want)
