"""Error bars of any method: reconstruct the scan again and again with fresh noise on top (pseudo-replica)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.random import randn_like
from wellposed_mri.encoding.traits import sampled
from wellposed_mri.reconstruction.common import operator_of, require_measurements
from wellposed_mri.reconstruction.outer_noise import noise_deviation


@attrs.frozen(eq=False)
class Replicas:
    """What repeated reconstructions show.

    Attributes
    ----------
    mean
        Their mean, ``(B, sets, *image)`` complex.
    std
        Their standard deviation √E|x − mean|², real, of the same shape.
    count
        How many there were.
    """

    mean: Tensor
    std: Tensor
    count: int


def pseudo_replica(
    method: Callable[[Tensor, Any], Tensor],
    y: Tensor,
    physics: Any,
    replicas: int = 64,
    noise: float | None = None,
    generator: torch.Generator | None = None,
) -> Replicas:
    """Return mean and standard deviation of ``method`` under repeated noise (Robson et al. 2008).

    Noise of the scan's own strength is added to it, white and only where something was acquired. Mean and
    variance are streamed: memory does not grow with the number of replicas. The relative error of the
    standard deviation is about 1/(2√replicas).

    Parameters
    ----------
    method
        Any reconstructor, ``method(y, physics)``.
    y, physics
        The scan.
    replicas
        Reconstructions, at least 2.
    noise
        Standard deviation of the complex noise in y, E|n|² = noise²: 1 after :func:`~wellposed_mri.whiten`.
        ``None`` measures it in the outer part of k-space.
    generator
        Source of the noise; sample i of the batch has a stream of its own.

    Notes
    -----
    For a linear method the result is that of new scans. A nonlinear one sees noise twice, that of the scan
    and the replica's: its standard deviation describes how it reacts to noise, not its whole error.

    References
    ----------
    P. M. Robson et al., Magn. Reson. Med. 60 (2008) 895–907, doi:10.1002/mrm.21728.
    """
    require_measurements(y)
    if replicas < 2 or (noise is not None and noise < 0):
        raise ParameterError(f"replicas = {replicas} must be ≥ 2, and noise = {noise} ≥ 0.")
    strength = noise_deviation(y, physics) if noise is None else y.real.new_full((y.shape[0],), noise)
    scale = strength.reshape((-1,) + (1,) * (y.ndim - 1))
    acquired = sampled(operator_of(physics))
    scale = scale if acquired is None else scale * acquired
    with torch.no_grad():
        mean = method(y + scale * randn_like(y, generator), physics)
        spread = torch.zeros_like(mean.real)
        for k in range(2, replicas + 1):
            x = method(y + scale * randn_like(y, generator), physics)
            change = x - mean
            mean = mean + change / k
            spread = spread + (change * (x - mean).conj()).real
    return Replicas(mean, (spread / (replicas - 1)).clamp(min=0).sqrt(), replicas)
