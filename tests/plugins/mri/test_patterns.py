"""The newer sampling patterns: counts, densities, frames; and fastMRI's own numbers."""

from __future__ import annotations

import pytest
import torch

from wellposed.errors import ParameterError
from wellposed_mri import (
    DynamicMRI,
    FastMRIEquispaced,
    GoldenAngle,
    KTGolden,
    VariableDensity,
    birdcage_maps,
)

FILE = (102, 105, 108, 101)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("generator", "seed", "columns"),
    # Printed by fastMRI's EquiSpacedMaskFunc.
    [
        (FastMRIEquispaced(64, matched=False), 42, [*range(2, 30, 4), *range(30, 35), *range(38, 63, 4)]),
        (FastMRIEquispaced(64, matched=False), FILE, [*range(3, 28, 4), *range(30, 36), *range(39, 64, 4)]),
        (
            FastMRIEquispaced(61, (0.1, 0.05), (3, 6), matched=False),
            FILE,
            [3, 9, 15, 21, 27, 29, 30, 31, 33, 39, 45, 51, 57],
        ),
    ],
)
def test_unmatched_columns_are_fastmri_s_own(generator, seed, columns):
    assert generator.mask(seed).nonzero().flatten().tolist() == columns


def test_variable_density_has_the_number_asked_for_and_falls_outwards():
    drawn = VariableDensity((48, 40), 6, power=3, calibration=8).step(60, seeded())["mask"]
    assert drawn.shape == (60, 1, 48, 40)
    assert bool((drawn.flatten(1).sum(1) == round(48 * 40 / 6)).all())
    density = drawn.mean((0, 1))
    assert bool((density[20:28, 16:24] == 1).all())
    rings = [float(density[24 - r, 20 - r : 20 + r].mean()) for r in (6, 10, 14, 18)]
    assert rings == sorted(rings, reverse=True)
    assert rings[0] > 4 * rings[-1]
    even = VariableDensity((48, 40), 6, power=0, calibration=0).step(200, seeded())["mask"].mean((0, 1))
    assert float((even[:8, :8].mean() - even[20:28, 16:24].mean()).abs()) < 0.03
    with pytest.raises(ParameterError, match="calibration square"):
        VariableDensity((32, 32), 8, calibration=24)


def test_spokes_pass_the_centre_and_arms_are_connected():
    mask = GoldenAngle((33, 40), arms=5).step(1, seeded())["mask"][0, 0]
    assert float(mask[16, 20]) == 1
    # a spoke meets every circle around the centre twice
    rows, columns = torch.meshgrid(torch.arange(33) - 16.0, torch.arange(40) - 20.0, indexing="ij")
    radius = torch.hypot(rows / 16.5, columns / 20)
    for inner in (0.4, 0.7):
        ring = mask[(radius >= inner) & (radius < inner + 0.12)]
        assert int(ring.sum()) >= 10
    assert float(mask[radius > 1.05].sum()) == 0
    spiral = GoldenAngle((64, 64), arms=1, turns=4).step(1, seeded())["mask"][0, 0]
    # along a line from the centre outwards, one arm of four turns is crossed four times
    crossings = (spiral[32, 33:].diff() == 1).sum()
    assert 3 <= int(crossings) <= 4
    frames = GoldenAngle((32, 32), arms=4, frames=3).step(2, seeded())["mask"]
    assert frames.shape == (2, 1, 3, 32, 32)
    assert not torch.equal(frames[0, 0, 0], frames[0, 0, 1])
    assert DynamicMRI(birdcage_maps(2, (32, 32)), frames).range.shape == (2, 3, 32, 32)
    with pytest.raises(ParameterError, match="must be positive"):
        GoldenAngle((8, 8), arms=0)


def test_columns_by_the_golden_ratio_fill_any_window_evenly():
    mask = KTGolden(64, frames=8, lines=10, calibration=2).step(3, seeded())["mask"]
    assert mask.shape == (3, 1, 8, 1, 64)
    frames = mask[0, 0, :, 0]
    assert bool((frames.sum(1) == 10).all())
    assert bool((frames[:, 31:33] == 1).all())
    for first in range(5):
        window = frames[first : first + 4].amax(0)
        gaps = window.nonzero().flatten().diff()
        assert int(gaps.max()) <= 5  # 32 lines of 64 columns: two apart on average
    dense = (
        KTGolden(64, frames=20, lines=10, calibration=2, power=2).step(1, seeded())["mask"].sum((0, 1, 2, 3))
    )
    assert float(dense[20:44].sum()) > 2 * float(dense[:20].sum() + dense[44:].sum()) * 0.6
    assert DynamicMRI(birdcage_maps(2, (16, 64)), mask).range.shape == (2, 8, 16, 64)
    with pytest.raises(ParameterError, match="calibration = 9 ≤ lines = 4"):
        KTGolden(64, 2, lines=4, calibration=9)


@pytest.mark.parametrize(
    "generator",
    [VariableDensity((16, 18), 3, calibration=2), GoldenAngle((16, 18), 2), KTGolden(20, 3, 6, 2)],
)
def test_the_same_seed_gives_the_same_mask(generator):
    first, again = (generator.step(2, seeded(5))["mask"] for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first[0], first[1])
    assert torch.equal(generator.step(1, seeded(5))["mask"][0], first[0])
