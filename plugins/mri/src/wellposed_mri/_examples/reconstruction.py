"""What the conformance kit tries the methods of parallel and low-rank imaging on: a few coils, few pixels."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st

from wellposed.testing import Example


@st.composite
def _columns(draw: st.DrawFn, arguments: dict[str, Any], every: int = 2, centre: int = 5) -> Example:
    """Sample every second column and a complete centre, with three coils."""
    from wellposed_mri.encoding import MultiCoilMRI
    from wellposed_mri.phantoms import birdcage_maps

    size = (draw(st.integers(7, 9)), draw(st.integers(9, 12)))
    mask = torch.zeros(size[1])
    mask[:: draw(st.sampled_from([every, every + 1]))] = 1
    start = size[1] // 2 - centre // 2
    mask[start : start + centre] = 1
    return Example(arguments, physics=MultiCoilMRI(birdcage_maps(3, size).to(torch.complex128), mask))


def grappa() -> st.SearchStrategy[Example]:
    """Fill columns by kernels of three by three."""
    return _columns({"kernel": (3, 3)})
