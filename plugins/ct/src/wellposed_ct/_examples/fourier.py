"""What the conformance kit tries the Fourier slice projector on."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st

_ANGLES = st.lists(st.floats(-3.5, 6.5), min_size=1, max_size=5)


def parallel_fourier() -> st.SearchStrategy[dict[str, Any]]:
    """Draw images up to 2×8×9, any angles, bins from a third of a pixel to three pixels."""
    return st.fixed_dictionaries(
        {
            "angles": _ANGLES.map(lambda a: torch.tensor(a, dtype=torch.float64)),
            "domain": st.tuples(st.integers(1, 2), st.integers(1, 8), st.integers(1, 9)),
            "detectors": st.integers(1, 14),
            "pixel_mm": st.sampled_from([1.0, 0.4]),
            "detector_mm": st.sampled_from([1.0, 0.3, 3.0]),
            "axis_mm": st.one_of(st.just(0.0), st.floats(-1, 1)),
            "centre_mm": st.one_of(st.just((0.0, 0.0)), st.tuples(st.floats(-1, 1), st.floats(-1, 1))),
            "accuracy": st.sampled_from([1e-6, 1e-3]),
        }
    )
