"""What the kit tries the core's operators on: tiny images, odd and even, every rule."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st

from wellposed.noise import Gaussian
from wellposed.operators import Convolution
from wellposed.spaces import Space

Arguments = st.SearchStrategy[dict[str, Any]]

_sizes = st.integers(1, 6)
_shapes = st.tuples(st.integers(1, 2), st.integers(3, 6), st.integers(3, 7))


@st.composite
def _values(draw: st.DrawFn, *shape: int) -> torch.Tensor:
    n = torch.Size(shape).numel()
    numbers = draw(st.lists(st.integers(-4, 4), min_size=n, max_size=n))
    return torch.tensor(numbers, dtype=torch.get_default_dtype()).reshape(shape) / 2


@st.composite
def _complex(draw: st.DrawFn, *shape: int) -> torch.Tensor:
    return torch.complex(draw(_values(*shape)), draw(_values(*shape)))


@st.composite
def matrix(draw: st.DrawFn) -> dict[str, Any]:
    """Real and complex, wide and tall."""
    shape = draw(_sizes), draw(_sizes)
    return {"matrix": draw(draw(st.sampled_from((_values, _complex)))(*shape))}


@st.composite
def multiply(draw: st.DrawFn) -> dict[str, Any]:
    """Weights shared by channels, or one per entry, real and complex."""
    shape = draw(_shapes)
    weights = shape if draw(st.booleans()) else shape[1:]
    if draw(st.booleans()):
        return {"weights": draw(_values(*weights)), "domain": shape}
    return {"weights": draw(_complex(*weights)), "domain": shape}


@st.composite
def mask(draw: st.DrawFn) -> dict[str, Any]:
    """Masks on real and complex data."""
    shape = draw(_shapes)
    kept = (draw(_values(*shape[1:])) > 0).to(torch.get_default_dtype())
    dtype = draw(st.sampled_from((torch.float32, torch.complex64)))
    return {"mask": kept, "domain": Space(shape, dtype)}


@st.composite
def fourier(draw: st.DrawFn) -> dict[str, Any]:
    """One and two axes, centred or not."""
    dims = draw(st.sampled_from(((-2, -1), (-1,), (-2,))))
    return {"domain": draw(_shapes), "dims": dims, "centred": draw(st.booleans())}


@st.composite
def fourier_multiplier(draw: st.DrawFn) -> dict[str, Any]:
    """Spectra of real kernels on real images, any spectrum on complex ones."""
    shape = draw(_shapes)
    if draw(st.booleans()):
        return {"spectrum": torch.fft.rfft2(draw(_values(*shape[1:]))), "domain": shape}
    return {"spectrum": draw(_complex(*shape[1:])), "domain": Space(shape, torch.complex64)}


@st.composite
def circular_convolution(draw: st.DrawFn) -> dict[str, Any]:
    """Kernels smaller and larger than the image."""
    return {"kernel": draw(_values(draw(_sizes), draw(_sizes))), "domain": draw(_shapes)}


@st.composite
def convolution(draw: st.DrawFn) -> dict[str, Any]:
    """Every boundary rule."""
    kernel = draw(_values(draw(st.integers(1, 3)), draw(st.integers(1, 3))))
    rules = ("valid", "zero", "circular", "replicate", "reflect")
    return {"kernel": kernel, "domain": draw(_shapes), "boundary": draw(st.sampled_from(rules))}


@st.composite
def pad(draw: st.DrawFn) -> dict[str, Any]:
    """Every boundary rule, uneven widths."""
    widths = tuple((draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(2))
    domain = Space(draw(_shapes), torch.float32)
    rules = ("zero", "circular", "replicate", "reflect")
    return {"domain": domain, "widths": widths, "boundary": draw(st.sampled_from(rules))}


@st.composite
def crop(draw: st.DrawFn) -> dict[str, Any]:
    """Uneven widths."""
    widths = tuple((draw(st.integers(0, 1)), draw(st.integers(0, 1))) for _ in range(2))
    return {"domain": Space(draw(_shapes), torch.float32), "widths": widths}


@st.composite
def gradient(draw: st.DrawFn) -> dict[str, Any]:
    """One to three axes, both boundaries."""
    boundary = draw(st.sampled_from(("neumann", "circular")))
    domain = Space(draw(_shapes), torch.float32)
    return {"domain": domain, "ndim": draw(st.integers(1, 3)), "boundary": boundary}


@st.composite
def identity(draw: st.DrawFn) -> dict[str, Any]:
    """Any shape."""
    return {"domain": Space(draw(_shapes), torch.float32)}


@st.composite
def zero(draw: st.DrawFn) -> dict[str, Any]:
    """Between different shapes."""
    return {"domain": Space(draw(_shapes), torch.float32), "range": Space(draw(_shapes), torch.float32)}


@st.composite
def forward_model(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a convolution, exact or with Gaussian noise."""
    operator = Convolution(**draw(convolution()))
    return {"operator": operator, "noise": draw(st.sampled_from((None, Gaussian(0.1))))}
