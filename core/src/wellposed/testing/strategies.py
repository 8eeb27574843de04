"""Hypothesis strategies for examples: small odd and even, non-square shapes, spaces, tensors, kernels, masks.

The power of a conformance run is in small shapes: one wrong border pixel shows at 8×8 and hides at 256².
Tensors are drawn as a seed and a shape, never entry by entry, so that examples stay small and fast.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import hypothesis
import torch
from hypothesis import strategies as st
from torch import Tensor

from wellposed.errors import RegistryError
from wellposed.spaces import Space
from wellposed.testing.example import Example

__all__ = [
    "draw",
    "examples",
    "image_shapes",
    "kernels",
    "masks",
    "resolve",
    "seeds",
    "shapes",
    "spaces",
    "tensors",
]


def seeds() -> st.SearchStrategy[int]:
    """Draw seeds."""
    return st.integers(0, 2**31 - 1)


def shapes(ndim: int = 2, low: int = 1, high: int = 8) -> st.SearchStrategy[tuple[int, ...]]:
    """Draw shapes of ``ndim`` axes of ``low`` to ``high`` entries."""
    return st.tuples(*[st.integers(low, high)] * ndim)


def image_shapes(
    channels: Sequence[int] = (1, 3), low: int = 1, high: int = 8
) -> st.SearchStrategy[tuple[int, ...]]:
    """Draw ``(C, H, W)``."""
    return st.builds(lambda c, s: (c, *s), st.sampled_from(list(channels)), shapes(2, low, high))


def spaces(
    dtypes: Sequence[torch.dtype] = (torch.float64,),
    channels: Sequence[int] = (1, 3),
    low: int = 1,
    high: int = 8,
) -> st.SearchStrategy[Space]:
    """Draw spaces of small images."""
    return st.builds(Space, image_shapes(channels, low, high), st.sampled_from(list(dtypes)))


@st.composite
def tensors(
    draw_: st.DrawFn,
    shape: Sequence[int] | st.SearchStrategy[tuple[int, ...]],
    dtype: torch.dtype = torch.float64,
) -> Tensor:
    """Draw standard normal tensors of a shape."""
    size = draw_(shape) if isinstance(shape, st.SearchStrategy) else tuple(shape)
    return torch.randn(size, dtype=dtype, generator=torch.Generator().manual_seed(draw_(seeds())))


@st.composite
def kernels(draw_: st.DrawFn, low: int = 1, high: int = 5, dtype: torch.dtype = torch.float64) -> Tensor:
    """Draw blur kernels: non-negative, of sum one, not symmetric."""
    size = draw_(shapes(2, low, high))
    values = torch.rand(size, dtype=dtype, generator=torch.Generator().manual_seed(draw_(seeds()))) + 0.01
    return values / values.sum()


@st.composite
def masks(
    draw_: st.DrawFn,
    shape: Sequence[int] | st.SearchStrategy[tuple[int, ...]],
    dtype: torch.dtype = torch.float64,
) -> Tensor:
    """Draw masks of zeros and ones, about two thirds of them ones."""
    size = draw_(shape) if isinstance(shape, st.SearchStrategy) else tuple(shape)
    generator = torch.Generator().manual_seed(draw_(seeds()))
    return (torch.rand(size, generator=generator) < 0.67).to(dtype)


def examples(
    arguments: Mapping[str, st.SearchStrategy[Any]] | st.SearchStrategy[dict[str, Any]],
    domain: st.SearchStrategy[Any] | Space | None = None,
    physics: st.SearchStrategy[Any] | Any = None,
) -> st.SearchStrategy[Example]:
    """Draw :class:`~wellposed.testing.Example` from strategies of its parts."""
    drawn = arguments if isinstance(arguments, st.SearchStrategy) else st.fixed_dictionaries(dict(arguments))
    return st.builds(Example, drawn, _strategy(domain), _strategy(physics))


def _strategy(value: Any) -> st.SearchStrategy[Any]:
    return value if isinstance(value, st.SearchStrategy) else st.just(value)


def draw(strategy: st.SearchStrategy[Any], seed: int, n: int) -> list[Example]:
    """Draw up to ``n`` examples; the same ones for the same seed."""
    drawn: list[Example] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=n,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategy)
    def collect(example: Any) -> None:
        drawn.append(Example.of(example))

    collect()
    return drawn


def resolve(target: str, owner: str) -> Callable[[], st.SearchStrategy[Any]]:
    """Import a ``"module:function"`` of examples; :class:`RegistryError` names whose it is."""
    module, _, attribute = target.partition(":")
    try:
        found: Callable[[], st.SearchStrategy[Any]] = getattr(importlib.import_module(module), attribute)
    except Exception as error:
        raise RegistryError(f"the examples of {owner!r} cannot be imported from {target}: {error}") from error
    return found
