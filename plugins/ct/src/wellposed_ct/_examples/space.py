"""What the conformance kit tries components in space on: tiny volumes, panels of all kinds."""

from __future__ import annotations

import math
from typing import Any

import torch
from hypothesis import strategies as st

from wellposed.spaces import Space
from wellposed.testing import Example

__all__ = ["cone", "fdk", "parallel3d"]

Arguments = st.SearchStrategy[dict[str, Any]]


def _scan(vectors: st.SearchStrategy[torch.Tensor]) -> Arguments:
    return st.fixed_dictionaries(
        {
            "vectors": vectors,
            "domain": st.one_of(
                st.tuples(st.integers(1, 2), *[st.integers(1, 6)] * 3),
                st.tuples(st.integers(1, 5), st.integers(1, 6)).map(lambda n: (1, n[0], n[1], n[1])),
            ),
            "detector": st.tuples(st.integers(1, 8), st.integers(1, 9)),
            "voxel_mm": st.sampled_from([1.0, (0.5, 0.8, 0.7), (2.0, 0.6, 0.6)]),
            "centre_mm": st.one_of(st.just((0.0, 0.0, 0.5)), st.tuples(*[st.floats(-1, 1)] * 3)),
            "backend": st.sampled_from(["auto", "portable", "torch"]),
        }
    )


_ANGLES = st.lists(
    st.one_of(st.floats(-3.5, 6.5), st.sampled_from([0.0, 0.78539816339744831, 1.5707963267948966])),
    min_size=1,
    max_size=4,
)
_ANGLES = st.one_of(_ANGLES, st.sampled_from([4, 12]).map(lambda n: [i * 2 * math.pi / n for i in range(n)]))
_SPACING = st.sampled_from([(0.6, 0.6), (1.5, 1.5), (4.0, 1.0), (-1.5, 1.5)])


def cone() -> Arguments:
    """Circles and helices of upright panels, some turned over, and tilted ones."""
    from wellposed_ct.projectors.vectors import circular_vectors

    def build(angles: list[float], spacing: Any, axis: float, pitch: float, rotation: Any) -> torch.Tensor:
        table = torch.tensor(angles, dtype=torch.float64)
        return circular_vectors(table, 15.0, 28.0, spacing, axis, 0.4, pitch, rotation)

    rotation = st.sampled_from([(0.0, 0.0, 0.0), (0.1, -0.2, 0.3), (0.0, 0.0, 0.2)])
    return _scan(st.builds(build, _ANGLES, _SPACING, st.floats(-1, 1), st.sampled_from([0.0, 3.0]), rotation))


def parallel3d() -> Arguments:
    """Rays in the plane, out of it, and along z."""
    from wellposed_ct.projectors.vectors import parallel_vectors

    def build(angles: list[float], spacing: Any, axis: float, tilt: float) -> torch.Tensor:
        return parallel_vectors(torch.tensor(angles, dtype=torch.float64), spacing, axis, 0.3, tilt)

    return _scan(st.builds(build, _ANGLES, _SPACING, st.floats(-1, 1), st.sampled_from([0.0, 0.4, 1.5])))


def fdk() -> st.SearchStrategy[Example]:
    """Full turns and short scans, panels upright, displaced and rotated."""
    chosen = st.fixed_dictionaries(
        {
            "window": st.sampled_from(["ramp", "shepp-logan", "cosine", "hamming", "hann"]),
            "cutoff": st.sampled_from([0.5, 1.0]),
        }
    )

    def build(chosen: dict[str, Any], span: float, axis: float, roll: float, channels: int) -> Example:
        from wellposed_ct.projectors import ConeBeam
        from wellposed_ct.projectors.vectors import circular_vectors

        angles = torch.arange(8, dtype=torch.float64) * span / 8
        vectors = circular_vectors(angles, 15.0, 28.0, (1.2, 1.2), axis, rotation=(roll, 0.0, 0.0))
        size = (channels, 4, 6, 6 if span > 6 else 5)  # full turns have the symmetries of a square
        return Example(chosen, physics=ConeBeam(vectors, Space(size, torch.float64), (7, 12)))

    spans, axes = st.sampled_from([6.283185307179586, 4.2]), st.sampled_from([0.0, 3.0])
    return st.builds(build, chosen, spans, axes, st.sampled_from([0.0, 0.05]), st.integers(1, 2))
