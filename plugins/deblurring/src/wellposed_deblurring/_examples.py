"""What the conformance kit tries each component on: small images, odd and even, every boundary rule."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st

from wellposed.spaces import Space
from wellposed.testing import Example
from wellposed_deblurring.blur import blur as make_blur
from wellposed_deblurring.kernels import gaussian_kernel

_BOUNDARIES = ("circular", "zero", "replicate", "reflect", "valid")


@st.composite
def _kernel(draw: st.DrawFn, most: tuple[int, int]) -> torch.Tensor:
    size = tuple(draw(st.integers(1, n)) for n in most)
    values = draw(st.lists(st.integers(-3, 3), min_size=size[0] * size[1], max_size=size[0] * size[1]))
    return torch.tensor(values, dtype=torch.get_default_dtype()).reshape(size)


@st.composite
def blur(draw: st.DrawFn) -> dict[str, Any]:
    """Signed kernels up to 4×5 on images up to 2×7×8."""
    domain = (draw(st.integers(1, 2)), draw(st.integers(4, 7)), draw(st.integers(5, 8)))
    kernel = draw(_kernel((4, 5)))
    if draw(st.booleans()):
        kernel = torch.stack([kernel, kernel.flip(0)])[: domain[0]]
    return {"kernel": kernel, "domain": domain, "boundary": draw(st.sampled_from(_BOUNDARIES))}


def gaussian() -> st.SearchStrategy[dict[str, Any]]:
    """Two sizes."""
    return st.sampled_from([{"sigma": (0.5, 2.0), "size": 9}, {"sigma": (1.0, 1.5), "size": 5}])


def defocus() -> st.SearchStrategy[dict[str, Any]]:
    """Two sizes."""
    return st.sampled_from([{"radius": (1.0, 3.0), "size": 9}, {"radius": (1.0, 2.0), "size": 5}])


def motion() -> st.SearchStrategy[dict[str, Any]]:
    """Two sizes."""
    return st.sampled_from([{"length": (0.0, 6.0), "size": 9}, {"length": (3.0, 4.0), "size": 7}])


def camera_shake() -> st.SearchStrategy[dict[str, Any]]:
    """Calm and anxious hands."""
    return st.sampled_from([{"size": 9, "anxiety": 0.0}, {"size": 11, "expected_length": 20.0}])


@st.composite
def _deblurring(draw: st.DrawFn, arguments: dict[str, Any]) -> Example:
    shape = (draw(st.integers(1, 2)), draw(st.integers(6, 9)), draw(st.integers(6, 9)))
    physics = make_blur(gaussian_kernel(0.7, size=3), shape, draw(st.sampled_from(_BOUNDARIES)))
    return Example(arguments, domain=Space(shape, torch.float32), physics=physics)


def inverse() -> st.SearchStrategy[Example]:
    """Take a strong floor, where the filter is well conditioned."""
    return _deblurring({"floor": 0.01})


def wiener() -> st.SearchStrategy[Example]:
    """Take a known noise level."""
    return _deblurring({"noise_level": 0.05})


def richardson_lucy() -> st.SearchStrategy[Example]:
    """Take a few iterations."""
    return _deblurring({"iterations": 3})
