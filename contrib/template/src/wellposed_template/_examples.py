"""Constructor arguments to test each component with: small, odd and non-square shapes find the most."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from wellposed import Space
from wellposed.testing import Example

_sizes = st.integers(1, 3)


@st.composite
def _binning(draw: st.DrawFn) -> Example:
    factor = draw(_sizes)
    shape = (draw(_sizes), factor * draw(_sizes), factor * draw(_sizes))
    return Example({"domain": Space(shape, torch.float64), "factor": factor})


def binning() -> st.SearchStrategy[Example]:
    """Return arguments of ``Binning``."""
    return _binning()


def tikhonov() -> st.SearchStrategy[Example]:
    """Return arguments of ``Tikhonov``."""
    return st.builds(lambda gamma: Example({"gamma": gamma}), st.sampled_from([0.1, 1.0, 10.0]))
