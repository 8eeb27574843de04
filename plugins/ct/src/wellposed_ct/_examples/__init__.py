"""What the conformance kit tries each component on: small images, odd angles, detectors fine and coarse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

from wellposed.spaces import Space
from wellposed.testing import Example

Arguments = st.SearchStrategy[dict[str, Any]]

_ANGLES = st.lists(
    st.one_of(st.floats(-3.5, 6.5), st.sampled_from([0.0, 0.78539816339744831, 1.5707963267948966])),
    min_size=1,
    max_size=7,
)

_TURN = st.sampled_from([math.pi, 2 * math.pi])
_EVEN = st.builds(lambda n, turn: [i * turn / n for i in range(n)], st.sampled_from([2, 4, 6, 8, 12]), _TURN)
_SIZES = st.one_of(
    st.tuples(st.integers(1, 2), st.integers(1, 8), st.integers(1, 9)),
    st.integers(1, 8).map(lambda n: (1, n, n)),  # quarter turns are symmetries of squares
)
_PLACE = {
    "axis_mm": st.one_of(st.just(0.0), st.floats(-1, 1)),
    "centre_mm": st.one_of(st.just((0.0, 0.0)), st.tuples(st.floats(-1, 1), st.floats(-1, 1))),
}
_BINS = st.integers(2, 17)  # a single one has no spacing
_MODELS = st.sampled_from(["joseph", "siddon", "strip"])


def _is_seen(chosen: dict[str, Any]) -> bool:
    """Whether a ray crosses the image: coarse bins may miss a small one, and A is zero whatever one sets."""
    from wellposed_ct.geometry import FanGeometry, ParallelGeometry
    from wellposed_ct.geometry.angles import Ordered  # any order is meant

    shared = ("detectors", "detector_mm", "pixel_mm", "axis_mm", "centre_mm")
    beam = ("source_axis_mm", "source_detector_mm", "detector")
    known = {name: chosen[name] for name in (*shared, *beam) if name in chosen}
    _, *size = chosen["domain"]
    kind = FanGeometry if "source_axis_mm" in chosen else ParallelGeometry
    turn, s = kind(Ordered(chosen["angles"].tolist()), size, **known).lines()
    cos, sin = np.cos(turn), np.sin(turn)
    (x, y), (rows, columns) = chosen["centre_mm"], size
    reach = chosen["pixel_mm"] / 2 * (columns * abs(cos) + rows * abs(sin))
    return bool((abs(s - x * cos - y * sin) < reach).any())


def parallel() -> Arguments:
    """Images up to 2×8×9, any angles, bins from a third of a pixel to three pixels."""
    return st.fixed_dictionaries(
        {
            "angles": st.one_of(_EVEN, _ANGLES).map(lambda a: torch.tensor(a, dtype=torch.float64)),
            "domain": _SIZES,
            "detectors": _BINS,
            "pixel_mm": st.sampled_from([1.0, 0.4]),
            "detector_mm": st.sampled_from([1.0, 0.3, 3.0]),
            **_PLACE,
            "backend": st.sampled_from(["auto", "avx2", "portable", "torch"]),
            "model": _MODELS,
        }
    ).filter(_is_seen)


def fan() -> Arguments:
    """Draw images up to 2×8×9 near and far from the source."""
    return st.fixed_dictionaries(
        {
            "angles": st.one_of(_EVEN, _ANGLES).map(lambda a: torch.tensor(a, dtype=torch.float64)),
            "domain": _SIZES,
            "source_axis_mm": st.sampled_from([9.0, 40.0]),
            "source_detector_mm": st.sampled_from([40.0, 100.0]),
            "detectors": _BINS,
            "detector_mm": st.sampled_from([0.5, 1.5, 3.0]),
            "pixel_mm": st.sampled_from([1.0, 0.4]),
            **_PLACE,
            "backend": st.sampled_from(["auto", "avx2", "portable", "torch"]),
            "detector": st.sampled_from(["flat", "curved"]),
            "model": _MODELS,
        }
    ).filter(_is_seen)


def _scan(arguments: Arguments) -> st.SearchStrategy[Example]:
    """Draw a small scan to reconstruct from, every other one with the symmetries of a square."""

    def build(chosen: dict[str, Any], views: int, channels: int, even: bool) -> Example:
        from wellposed_ct.projectors import ParallelBeam

        angles = torch.linspace(0, 3.1, views, dtype=torch.float64)
        domain = Space((channels, 8, 7), torch.float64)
        if even:
            angles = torch.arange(8, dtype=torch.float64) * math.pi / 8
            domain = Space((channels, views, views), torch.float64)
        return Example(chosen, physics=ParallelBeam(angles, domain, pixel_mm=0.8))

    return st.builds(build, arguments, st.integers(5, 9), st.integers(1, 2), st.booleans())


def fbp() -> st.SearchStrategy[Example]:
    """Every window."""
    windows = st.sampled_from(["ramp", "shepp-logan", "cosine", "hamming", "hann"])
    return _scan(st.fixed_dictionaries({"window": windows, "cutoff": st.sampled_from([0.5, 1.0])}))


def sirt() -> st.SearchStrategy[Example]:
    """With and without the sign of attenuation."""
    return _scan(
        st.fixed_dictionaries(
            {
                "iterations": st.integers(1, 5),
                "relaxation": st.sampled_from([0.5, 1.0]),
                "non_negative": st.booleans(),
            }
        )
    )


def cgls() -> st.SearchStrategy[Example]:
    """With and without damping."""
    return _scan(
        st.fixed_dictionaries({"iterations": st.integers(1, 6), "damping": st.sampled_from([0.0, 0.1])})
    )


def tv() -> st.SearchStrategy[Example]:
    """Weights chosen and automatic, both kinds of variation."""
    return _scan(
        st.fixed_dictionaries(
            {
                "iterations": st.integers(1, 3),
                "weight": st.sampled_from([None, 0.01]),
                "isotropic": st.booleans(),
            }
        )
    )


def sinogram_reader() -> Arguments:
    """Draw image sizes."""
    return st.fixed_dictionaries(
        {"size": st.sampled_from([None, (8, 9)]), "pixel_mm": st.sampled_from([None, 0.5])}
    )
