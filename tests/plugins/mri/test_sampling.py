from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from wellposed.errors import ParameterError
from wellposed_mri import FastMRIEquispaced, FastMRIRandom, PartialFourier, PoissonDisc, Uniform
from wellposed_mri.sampling.poisson_disc import throw_darts

FILE = (102, 105, 108, 101)  # "file": the challenge seeds by the letters of a file's name
TWO = {"columns": 61, "center_fractions": (0.1, 0.05), "accelerations": (3, 6)}


@pytest.mark.parametrize(
    ("generator", "seed", "columns"),
    # Printed by fastMRI's RandomMaskFunc and EquispacedMaskFractionFunc.
    [
        (FastMRIRandom(64), 42, [4, 5, 6, 10, 14, 15, 21, *range(29, 35), 37, 40, 42, 49, 56, 58]),
        (FastMRIRandom(64), FILE, [2, 7, 8, 14, 15, 19, 22, *range(30, 35), 42, 49, 52, 53]),
        (
            FastMRIRandom(**TWO),
            42,
            [1, 5, 8, 10, 13, 17, 18, 21, 23, 24, *range(28, 34), 36, 37, 38, 42, 44, 47, 49],
        ),
        (FastMRIRandom(**TWO), FILE, [0, 3, 16, 19, 26, 29, 30, 31, 39, 41, 52, 55, 58, 59]),
        (FastMRIEquispaced(64), 42, [3, 8, 14, 19, 24, *range(30, 36), 41, 46, 51, 57, 62]),
        (
            FastMRIEquispaced(**TWO),
            42,
            [3, 7, 11, 15, 18, 22, 26, *range(28, 35), 38, 41, 45, 49, 53, 57],
        ),
        (FastMRIEquispaced(**TWO), FILE, [3, 11, 19, 27, 29, 30, 31, 35, 43, 52, 60]),
    ],
)
def test_the_same_seed_gives_fastmri_s_own_mask(generator, seed, columns):
    assert generator.mask(seed).nonzero().flatten().tolist() == columns


@pytest.mark.parametrize("slope", [0.0, 2.0])
def test_poisson_disc_keeps_its_distance_exactly(slope):
    radius = PoissonDisc((40, 36), calibration=0, slope=slope).radius(1.7)
    kept = throw_darts(np.random.default_rng(0).permutation(40 * 36), radius)
    places, radii = np.argwhere(kept), radius[kept]
    distance = np.linalg.norm(places[:, None] - places, axis=-1) + 1e9 * np.eye(len(places))
    assert np.isfinite(radii).all()
    assert (distance >= np.maximum(radii[:, None], radii)).all()
    # maximal: every other position is too near to something kept
    others = np.argwhere(np.isfinite(radius) & ~kept)
    gap = np.linalg.norm(others[:, None] - places, axis=-1)
    assert (gap < np.maximum(radius[tuple(others.T)][:, None], radii)).any(1).all()


def test_poisson_disc_is_denser_in_the_middle_and_empty_in_the_corners():
    drawn = PoissonDisc((64, 64), 8, calibration=10).step(2, torch.Generator().manual_seed(0))["mask"]
    assert drawn.shape == (2, 1, 64, 64)
    for mask in drawn[:, 0]:
        assert float(64 * 64 / mask.sum()) == pytest.approx(8, rel=0.02)
        assert bool((mask[27:37, 27:37] == 1).all())
        assert float(mask[:4, :4].sum()) == 0
        assert float(mask[20:27, 20:44].mean()) > 2 * float(mask[4:11, 20:44].mean())


def test_uniform_spacings_and_shifts():
    mask = Uniform((8, 12), (2, 3), shift=1).step(1, torch.Generator().manual_seed(3))["mask"][0, 0]
    rows = mask.sum(1).nonzero().flatten()
    assert bool((rows.diff() == 2).all())
    first = [int(mask[r].nonzero()[0]) for r in rows]
    assert [(b - a) % 3 for a, b in itertools.pairwise(first)] == [1] * (len(first) - 1)
    for r in rows:
        assert bool((mask[r].nonzero().flatten().diff() == 3).all())
    columns = Uniform((8, 12), (1, 4), calibration=4).step(1, torch.Generator().manual_seed(0))["mask"][0, 0]
    assert bool((columns[:, 4:8] == 1).all())
    assert torch.equal(columns, columns[:1].expand(8, 12))


def test_partial_fourier_keeps_a_contiguous_majority():
    masks = PartialFourier(100, (0.6, 0.7)).step(20, torch.Generator().manual_seed(0))["mask"][:, 0, 0]
    assert masks.shape == (20, 100)
    assert bool(((masks.sum(1) >= 60) & (masks.sum(1) <= 70)).all())
    assert bool((masks.diff().abs().sum(1) == 1).all())
    assert 0 < int(masks[:, 0].sum()) < 20  # from either side


def test_wrong_patterns_are_refused():
    with pytest.raises(ParameterError, match="in pairs"):
        FastMRIRandom(64, (0.1,), (4, 8))
    with pytest.raises(ParameterError, match="centre alone"):
        FastMRIEquispaced(64, (0.5,), (4,))
    with pytest.raises(ParameterError, match="must be in"):
        FastMRIRandom(64, (0.1,), (0.5,))
    with pytest.raises(ParameterError, match="calibration square"):
        PoissonDisc((32, 32), 8, calibration=24)
    with pytest.raises(ParameterError, match="slope"):
        PoissonDisc((32, 32), slope=-1)
    with pytest.raises(ParameterError, match="acceleration"):
        Uniform((8, 8), (0, 2))
    with pytest.raises(ParameterError, match="less than half"):
        PartialFourier(8, (0.4, 0.6))
