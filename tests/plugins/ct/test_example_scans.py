"""The scans that the conformance kit draws: any number of bins, and always a ray that meets the image."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import find, given, settings

from wellposed_ct import FanBeam, ParallelBeam
from wellposed_ct._examples import fan, parallel

KINDS: list[Any] = [(ParallelBeam, parallel()), (FanBeam, fan())]


@pytest.mark.parametrize("scans", [scans for _, scans in KINDS], ids=["parallel", "fan"])
def test_even_and_odd_counts_of_bins_are_drawn(scans: Any) -> None:
    assert find(scans, lambda chosen: chosen["detectors"] % 2 == 0)
    assert find(scans, lambda chosen: chosen["detectors"] % 2 == 1)


@pytest.mark.parametrize(("kind", "scans"), KINDS, ids=["parallel", "fan"])
def test_a_ray_meets_the_image(kind: Any, scans: Any) -> None:
    @settings(max_examples=40, deadline=None, database=None, derandomize=True)
    @given(scans)
    def seen(chosen: dict[str, Any]) -> None:
        op = kind(**chosen)
        assert op.A(torch.ones(1, *op.domain.concrete_shape)).any()

    seen()
