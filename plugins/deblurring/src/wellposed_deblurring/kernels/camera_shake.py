"""Camera shake: a random trajectory of the hand during the exposure.

The particle model of Boracchi & Foi (2012), "Modeling the performance of image restoration from motion
blur", IEEE TIP 21(8), sec. III: a point moves with a velocity that a centripetal force and Gaussian
impulses perturb, and that sometimes jerks to nearly the opposite direction; the kernel is the time
spent over each pixel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_deblurring.kernels.grid import draw, odd_size
from wellposed_deblurring.kernels.rasterising import rasterise

STEPS = 2000
MARGIN = 1.0


def camera_shake_kernel(
    size: int = 25,
    expected_length: float = 60.0,
    anxiety: float = 0.005,
    seed: int | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return a random camera-shake kernel ``(size, size)``, centred on its mean, summing to one.

    Parameters
    ----------
    size
        Odd size in pixels; a longer path is scaled down to fit.
    expected_length
        Length of the path in pixels (``Lmax`` of the paper).
    anxiety
        Strength of the impulses and the rate of jerks, ≥ 0; 0 gives smooth drifts.
    seed, generator
        Source of randomness: a seed, or a generator; by default torch's own.
    """
    odd_size(0, size)
    if expected_length <= 0 or anxiety < 0:
        raise ParameterError(f"expected_length={expected_length} must be > 0 and anxiety={anxiety} ≥ 0.")
    if seed is not None:
        generator = torch.Generator().manual_seed(seed)
    path = _trajectory(expected_length, anxiety, generator)
    path = path - path.mean(0)
    reach = float(path.abs().max())
    room = (size - 1) / 2 - MARGIN
    return rasterise(path * min(1.0, max(room, 0.0) / reach) if reach > 0 else path, size)


def _trajectory(length: float, anxiety: float, generator: torch.Generator | None) -> Tensor:
    draws = torch.rand(STEPS, generator=generator, dtype=torch.float64).tolist()
    normals = torch.randn(STEPS, 2, generator=generator, dtype=torch.float64)
    noise = torch.view_as_complex(normals).tolist()
    first, centripetal_draw, jerk_scale, impulse_scale = torch.rand(
        4, generator=generator, dtype=torch.float64
    ).tolist()
    step = length / (STEPS - 1)
    centripetal = 0.7 * centripetal_draw
    jerk_rate = 0.2 * jerk_scale
    impulse = anxiety * 10 * (0.5 + impulse_scale)
    angle = 2 * math.pi * first
    velocity = step * complex(math.cos(angle), math.sin(angle))
    position, points = 0j, []
    for u, e in zip(draws, noise, strict=True):
        points.append(position)
        turn = 0j
        if u < jerk_rate * anxiety:
            turn = 2 * velocity * complex(math.cos(math.pi + u - 0.5), math.sin(math.pi + u - 0.5))
        velocity += turn + step * (impulse * e - centripetal * position / STEPS)
        velocity *= step / abs(velocity) if velocity else 1
        position += velocity
    return torch.tensor([[p.imag, p.real] for p in points], dtype=torch.float64)


@attrs.frozen
class CameraShakeKernels:
    """Draws camera-shake kernels: ``{"kernel": (B, 1, k, k)}``."""

    size: int = 25
    expected_length: float = 60.0
    anxiety: float = 0.005

    def __attrs_post_init__(self) -> None:
        """Check the size."""
        odd_size(0, self.size)

    def step(self, batch_size: int = 1, generator: torch.Generator | None = None) -> Mapping[str, Tensor]:
        """Draw ``batch_size`` kernels."""
        return draw(self._one, batch_size, generator)

    def _one(self, g: torch.Generator) -> Tensor:
        return camera_shake_kernel(self.size, self.expected_length, self.anxiety, generator=g)
