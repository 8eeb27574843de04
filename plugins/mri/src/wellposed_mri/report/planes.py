"""One plane of data with many axes, and what a page shows of k-space and trajectories."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from wellposed_mri.encoding.recognised import is_encoding

LARGEST = 512
"""Pixels a side above which pictures are thinned: a page stays small enough to be mailed."""


def plane(image: Tensor) -> Tensor:
    """Return the middle plane ``(H, W)`` of ``(B, sets, [T or D,] H, W)``, of the first map set."""
    if image.ndim == 5 and image.shape[0] == 1:
        found = image[0, 0, image.shape[2] // 2]
    elif image.ndim == 5:
        found = image[image.shape[0] // 2, 0, image.shape[2] // 2]
    else:
        found = image[image.shape[0] // 2].reshape(-1, *image.shape[-2:])[0]
    return thinned(found)


def planes(images: Tensor) -> Tensor:
    """Return the middle plane of every coil, ``(coils, H, W)``, of ``(B, coils, [D,] H, W)``."""
    chosen = images[images.shape[0] // 2]
    chosen = chosen[:, chosen.shape[1] // 2] if chosen.ndim == 4 else chosen
    return torch.stack([thinned(c, LARGEST // 2) for c in chosen])


def thinned(values: Tensor, largest: int = LARGEST) -> Tensor:
    """Return every n-th row and column, so that neither side exceeds ``largest``."""
    rows, columns = (max(1, math.ceil(n / largest)) for n in values.shape[-2:])
    return values[..., ::rows, ::columns]


def mask_plane(mask: Tensor, size: tuple[int, ...]) -> tuple[Tensor, str]:
    """Return the sampled positions ``(H, W)`` of two axes, and which axes they are."""
    full = torch.broadcast_to(mask, (*mask.shape[: max(0, mask.ndim - len(size))], *size))
    full = full.reshape(-1, *size)[mask.shape[0] // 2 if mask.ndim > len(size) + 1 else 0]
    if len(size) == 3:
        # where the readout is complete, the two phase-encoding axes tell the pattern
        complete = bool((full == full[..., :1]).all())
        return (full[..., 0], "partitions × rows") if complete else (full[size[0] // 2], "middle partition")
    return full, "rows × columns"


def trajectory_plane(trajectory: Tensor, size: int = 256) -> Tensor:
    """Return how often each cell of the last two axes is visited, as log(1 + count), ``(size, size)``."""
    points = trajectory.detach().cpu().reshape(-1, trajectory.shape[-1])[:, -2:].double()
    reach = max(float(points.abs().max()), 1e-30)
    cells = ((points / reach + 1) / 2 * (size - 1)).round().long()
    counts = torch.zeros(size * size).index_add(0, cells[:, 0] * size + cells[:, 1], torch.ones(len(cells)))
    return torch.log1p(counts).reshape(size, size)


def kspace_plane(y: Tensor, cartesian: bool) -> Tensor:
    """Return log₁₀ of the root sum of squares over coils, relative to its maximum, of the middle plane."""
    chosen = y[y.shape[0] // 2].detach()
    energy = torch.linalg.vector_norm(chosen, dim=0)
    if energy.ndim == 3:
        energy = energy[energy.shape[0] // 2]
    if not cartesian:
        energy = energy.reshape(-1, energy.shape[-1])
    return torch.log10(thinned(energy) / energy.max().clamp(min=1e-30)).clamp(min=-6)


def operator_of(run: Any) -> Any:
    """Return the run's operator where it is an MRI encoding, this pack's or a stranger's, else ``None``."""
    physics = getattr(getattr(run, "measurement", None), "physics", None)
    operator = getattr(physics, "operator", physics)
    return operator if is_encoding(operator) else None
