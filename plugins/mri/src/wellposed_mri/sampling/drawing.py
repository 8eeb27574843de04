"""Seeded drawing: one stream per sample, in torch's generators or NumPy's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from wellposed.random import draw_seed, per_sample

Drawn: TypeAlias = Mapping[str, Tensor]


def draw(one: Callable[[torch.Generator], Tensor], batch: int, generator: torch.Generator | None) -> Drawn:
    """Return ``{"mask": (B, …)}``, sample i from its own stream."""
    return {"mask": per_sample(one, batch, generator)}


def numpy_stream(generator: torch.Generator) -> np.random.Generator:
    """Return a NumPy generator seeded from ``generator``."""
    return np.random.default_rng(draw_seed(generator))


def legacy_seed(generator: torch.Generator) -> int:
    """Return a seed that ``numpy.random.RandomState`` takes."""
    return draw_seed(generator) % 2**32
