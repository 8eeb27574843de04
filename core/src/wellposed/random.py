"""Per-sample random streams: sample ``i`` of a batch draws from a stream derived from ``(seed, i)``.

Results then do not depend on the batch size, the number of workers, or how ranks share the work:
the first three samples of a batch of eight are the samples of a batch of three.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

_MASK = (1 << 64) - 1


def mix(seed: int, index: int) -> int:
    """Return a well-spread 63-bit seed for ``(seed, index)`` (SplitMix64; Steele, Lea & Flood 2014)."""
    z = (seed + (index + 1) * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return (z ^ (z >> 31)) >> 1


def draw_seed(generator: torch.Generator | None) -> int:
    """Draw one seed, advancing ``generator`` (or torch's default one when ``None``) by one step."""
    device = "cpu" if generator is None else generator.device
    bound = torch.iinfo(torch.int64).max
    return int(torch.randint(bound, (), generator=generator, dtype=torch.int64, device=device))


def streams(
    generator: torch.Generator | None, batch: int, device: torch.device | str
) -> list[torch.Generator]:
    """Return one generator per sample on ``device``, derived from a seed drawn from ``generator``."""
    seed = draw_seed(generator)
    return [torch.Generator(device).manual_seed(mix(seed, i)) for i in range(batch)]


def per_sample(
    draw: Callable[[torch.Generator], Tensor],
    batch: int,
    generator: torch.Generator | None,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Stack ``draw(stream_i)`` over the batch: ``(B, *draw's shape)``."""
    return torch.stack([draw(g) for g in streams(generator, batch, device)])


def randn_like(x: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return standard normals of the shape of ``x``, one stream per sample; complex: E|z|² = 1."""
    return _like(torch.randn, x, generator)


def rand_like(x: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return uniforms on [0, 1) of the shape of real ``x``, one stream per sample."""
    return _like(torch.rand, x, generator)


def _like(sampler: Callable[..., Tensor], x: Tensor, generator: torch.Generator | None) -> Tensor:
    shape: Sequence[int] = x.shape[1:]
    return per_sample(
        lambda g: sampler(shape, generator=g, dtype=x.dtype, device=x.device), x.shape[0], generator, x.device
    )
