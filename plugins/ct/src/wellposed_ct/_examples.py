"""What the conformance kit tries each component on: small images, odd angles, detectors fine and coarse."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st

Arguments = st.SearchStrategy[dict[str, Any]]

_ANGLES = st.lists(
    st.one_of(st.floats(-3.5, 6.5), st.sampled_from([0.0, 0.78539816339744831, 1.5707963267948966])),
    min_size=1,
    max_size=7,
)


def parallel() -> Arguments:
    """Images up to 2×8×9, any angles, bins from a third of a pixel to three pixels."""
    return st.fixed_dictionaries(
        {
            "angles": _ANGLES.map(lambda a: torch.tensor(a, dtype=torch.float64)),
            "domain": st.tuples(st.integers(1, 2), st.integers(1, 8), st.integers(1, 9)),
            "detectors": st.integers(1, 14),
            "pixel_mm": st.sampled_from([1.0, 0.4]),
            "detector_mm": st.sampled_from([1.0, 0.3, 3.0]),
            "axis_mm": st.floats(-1, 1),
            "centre_mm": st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
            "backend": st.sampled_from(["auto", "portable", "torch"]),
        }
    )
