"""Probes: the few small vectors on which a defect cannot hide.

One batch mixes three families. Gaussian vectors meet every entry of a matrix at once, so any wrong entry
shows (with probability one). Small integers are exact in every dtype, so rounding cannot be the excuse.
One-hot vectors read off single columns, among them a corner, where boundary mistakes live.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed.spaces import AnySpace, ProductSpace, Space, Vector

FREE_AXES = (5, 6, 7, 4)
"""Sizes given to free axes, in turn: odd and even, never square."""

_DOUBLE = {torch.float32: torch.float64, torch.complex64: torch.complex128}
_SINGLE = {v: k for k, v in _DOUBLE.items()}


def fill(space: AnySpace) -> AnySpace:
    """Give every free axis a small size and every free dtype float64."""
    if isinstance(space, ProductSpace):
        return ProductSpace(fill(s) for s in space.spaces)
    sizes = iter(FREE_AXES * len(space.shape))
    return Space([next(sizes) if n is None else n for n in space.shape], space.dtype or torch.float64)


def with_precision(space: AnySpace, double: bool) -> AnySpace:
    """Return the space in double or in single precision; real stays real, complex stays complex."""
    if isinstance(space, ProductSpace):
        return ProductSpace(with_precision(s, double) for s in space.spaces)
    table = _DOUBLE if double else _SINGLE
    return space if space.dtype is None else space.to(table.get(space.dtype, space.dtype))


def spaces_of(space: AnySpace) -> tuple[Space, ...]:
    """Return the factors of a space, left to right."""
    return (space,) if isinstance(space, Space) else tuple(f for s in space.spaces for f in spaces_of(s))


def space_of(vector: Vector) -> AnySpace:
    """Return the space that a vector lives in."""
    if isinstance(vector, Tensor):
        return Space(vector.shape[1:], vector.dtype)
    return ProductSpace(space_of(part) for part in vector)


def is_complex(space: AnySpace) -> bool:
    """Whether every factor is complex (so that complex scalars act on it)."""
    return all(s.is_complex for s in spaces_of(space))


def eps(space: AnySpace) -> float:
    """Return the machine epsilon of the coarsest factor."""
    return max(torch.finfo(s.dtype or torch.float64).eps for s in spaces_of(space))


def probe(space: AnySpace, generator: torch.Generator, batch: int = 4) -> Vector:
    """Return a batch that cycles through Gaussian, small integers, a corner one-hot and a random one-hot."""
    if isinstance(space, ProductSpace):
        return tuple(probe(s, generator, batch) for s in space.spaces)
    rows = [_FAMILIES[i % len(_FAMILIES)](space, generator) for i in range(batch)]
    return torch.stack(rows)


def gaussian(space: AnySpace, generator: torch.Generator, batch: int = 3) -> Vector:
    """Return a batch of standard normal vectors."""
    return space.randn(batch, generator)


def image(space: AnySpace, generator: torch.Generator, batch: int = 3) -> Vector:
    """Return a batch of images with values in [0.1, 0.9] (complex: that modulus range, any phase)."""
    if isinstance(space, ProductSpace):
        return tuple(image(s, generator, batch) for s in space.spaces)
    dtype = space.dtype or torch.float64
    real = torch.empty(0, dtype=dtype).real.dtype if dtype.is_complex else dtype
    size = (batch, *space.concrete_shape)
    modulus = 0.1 + 0.8 * torch.rand(size, dtype=real, generator=generator)
    if not dtype.is_complex:
        return modulus
    return torch.polar(modulus, 6.28 * torch.rand(size, dtype=real, generator=generator))


def _gaussian(space: Space, generator: torch.Generator) -> Tensor:
    return space.randn(1, generator)[0]


def _integers(space: Space, generator: torch.Generator) -> Tensor:
    return torch.randint(-3, 4, space.concrete_shape, generator=generator).to(space.dtype)


def _corner(space: Space, generator: torch.Generator) -> Tensor:
    return _one_hot(space, space.size - 1)


def _anywhere(space: Space, generator: torch.Generator) -> Tensor:
    return _one_hot(space, int(torch.randint(max(space.size, 1), (), generator=generator)))


def _one_hot(space: Space, index: int) -> Tensor:
    flat = torch.zeros(space.size, dtype=space.dtype)
    flat[index : index + 1] = 1
    return flat.reshape(space.concrete_shape)


_FAMILIES = (_gaussian, _integers, _corner, _anywhere)
