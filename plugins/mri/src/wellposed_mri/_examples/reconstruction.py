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


def spirit() -> st.SearchStrategy[Example]:
    """Solve to a tolerance at which batches agree."""
    return _columns({"kernel": 3, "tolerance": 1e-9, "regularisation": 0.1, "max_iterations": 200})


@st.composite
def _cut(draw: st.DrawFn, arguments: dict[str, Any]) -> Example:
    """Leave out some rows or columns on one side."""
    from wellposed_mri.encoding import CartesianMRI, MultiCoilMRI
    from wellposed_mri.phantoms import birdcage_maps

    size = (draw(st.integers(7, 9)), draw(st.integers(7, 10)))
    mask = torch.ones(size, dtype=torch.float64)
    if draw(st.booleans()):
        mask[:2] = 0
    else:
        mask[:, -2:] = 0
    if draw(st.booleans()):
        return Example(arguments, physics=CartesianMRI(mask))
    return Example(arguments, physics=MultiCoilMRI(birdcage_maps(3, size).to(torch.complex128), mask))


def pocs() -> st.SearchStrategy[Example]:
    """Run a few iterations."""
    return _cut({"iterations": 4})


def homodyne() -> st.SearchStrategy[Example]:
    """There is nothing to choose."""
    return _cut({})


def sake() -> st.SearchStrategy[Example]:
    """Run a few iterations of small patches."""
    return _columns({"kernel": 3, "max_iterations": 4, "tolerance": 0.0})


@st.composite
def _film(draw: st.DrawFn, arguments: dict[str, Any]) -> Example:
    """Sample other columns in every one of a few frames."""
    from wellposed_mri.encoding import DynamicMRI
    from wellposed_mri.phantoms import birdcage_maps

    size, frames = (draw(st.integers(5, 7)), draw(st.integers(6, 8))), draw(st.integers(2, 4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 9)))
    mask = (torch.rand(frames, 1, size[1], generator=generator) < 0.5).double()
    mask[..., size[1] // 2] = 1
    return Example(arguments, physics=DynamicMRI(birdcage_maps(3, size).to(torch.complex128), mask))


def llr() -> st.SearchStrategy[Example]:
    """Run a few iterations of small blocks, with a weight given and measured."""
    weights = st.sampled_from([None, 0.5])
    return weights.flatmap(lambda w: _film({"block": 3, "weight": w, "max_iterations": 4, "tolerance": 0.0}))


def kt_low_rank() -> st.SearchStrategy[Example]:
    """Run a few iterations."""
    return _film({"max_iterations": 4, "tolerance": 0.0})


def l_plus_s() -> st.SearchStrategy[Example]:
    """Run a few iterations."""
    return _film({"max_iterations": 4, "tolerance": 0.0})


def pnp() -> st.SearchStrategy[Example]:
    """Run two rounds of a quick denoiser."""
    from wellposed_optim.denoisers import WaveletDenoiser

    return _columns({"denoiser": WaveletDenoiser(), "iterations": 2, "noise": 0.1})
