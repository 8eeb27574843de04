"""What a noise model says about a measured sinogram: photon counts, and how far each ray can be trusted.

A ray that met much attenuation left few photons, and its logarithm is uncertain: the variance of −log(K/N0)
is about 1/K. Statistical methods weigh every ray by the inverse of its variance.
"""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError, StructureError

__all__ = ["Counts", "count_photons", "statistical_weights", "weighted_column_norm"]


@attrs.frozen(eq=False)
class Counts:
    """A transmission scan in photons.

    Attributes
    ----------
    counts
        K + e·n, of the shape of the sinogram.
    blank
        N0, photons without an object, broadcast against the counts.
    variance
        e², variance of the electronic noise, photons².
    scale
        mu: nepers per unit of the data.
    """

    counts: Tensor
    blank: Tensor
    variance: Tensor
    scale: Tensor


def count_photons(y: Tensor, physics: Any) -> Counts:
    """Return the photons behind a log-sinogram ``y``, by the noise model of ``physics``.

    Raises
    ------
    StructureError
        The physics has no noise of photons (``LogPoisson`` or ``ct.low_dose``).
    """
    noise: Any = getattr(physics, "noise_model", None)
    n0, mu = getattr(noise, "N0", None), getattr(noise, "mu", None)
    if n0 is None or mu is None:
        found = "no noise model" if noise is None else type(noise).__name__
        raise StructureError(
            f"photons are needed, but the physics has {found}; wrap the projector: "
            "ForwardModel(projector, LogPoisson(N0=…))."
        )
    blank, scale = _like(n0, y), _like(mu, y)
    read = getattr(noise, "read_out", None)
    if read is not None:
        return Counts(read(y), blank, _like(noise.electronic, y) ** 2, scale)
    counts = blank * torch.exp(-scale * y)
    written = getattr(noise, "zero_count", None)
    if written is not None:
        counts = torch.where((counts / _like(written, y) - 1).abs() < 1e-3, 0.0, counts)
    return Counts(counts, blank, torch.zeros_like(scale), scale)


def statistical_weights(y: Tensor, physics: Any) -> Tensor:
    """Return the inverse variance of every measurement, by the noise model of ``physics``.

    Photons: mu²·K²/(K + e²), with at least one photon believed. Gaussian noise: 1/σ². Any other noise:
    the inverse of its ``variance`` at ``y``. No noise model: 1.

    Parameters
    ----------
    y
        Sinograms ``(B, C, views, …)``.
    physics
        A forward model with noise, or a projector alone.
    """
    noise = getattr(physics, "noise_model", None)
    if noise is None:
        return torch.ones_like(y)
    if getattr(noise, "N0", None) is not None and getattr(noise, "mu", None) is not None:
        photons = count_photons(y, physics)
        k = photons.counts.clamp(min=1)
        weights: Tensor = photons.scale**2 * k**2 / (k + photons.variance)
        return weights
    variance = noise.variance(y) if hasattr(noise, "variance") else None
    if variance is None or bool((variance <= 0).any()):
        raise ParameterError(
            f"{type(noise).__name__} has no positive variance at these data to weigh them by; use ct.tv or "
            "ct.cgls, or a physics with Gaussian or LogPoisson noise."
        )
    inverse: Tensor = 1 / variance
    return inverse.expand_as(y)


def weighted_column_norm(physics: Any, weights: Tensor) -> Tensor:
    """Return ‖W^½ A e‖ for the pixel in the middle, per sample, shaped to broadcast against images.

    Its inverse is the noise that a pixel would have if all others were known: the natural unit of a penalty.
    """
    with torch.no_grad():
        impulse = torch.zeros_like(physics.A_adjoint(weights[:1]))
        for channel in impulse[0]:
            channel[tuple(n // 2 for n in channel.shape)] = 1
        seen = weights * physics.A(impulse) ** 2
        size: Tensor = seen.flatten(1).sum(1).div(impulse.shape[1]).sqrt()
    return size.reshape(-1, *(1,) * (impulse.ndim - 1))


def _like(level: Any, y: Tensor) -> Tensor:
    value = torch.as_tensor(level, device=y.device).to(y.dtype)
    return value.reshape(value.shape + (1,) * (y.ndim - value.ndim))
