"""Trajectories that a scanner can play: within the limits of gradient amplitude and slew rate.

A curve in k-space says where to go, not how fast. The gradient is the speed along it, the slew rate the
acceleration, so the fastest way is found as for a car on a road: as fast as the bends allow, and between them
as strongly accelerated, and decelerated, as what the bends leave of the slew rate.
"""

from __future__ import annotations

import attrs
import numpy as np
import torch
from torch import Tensor

from wellposed.errors import ParameterError

PROTON = 42.577478518e6
"""Gyromagnetic ratio of the proton, γ/2π in Hz/T (CODATA 2018)."""

ROAD = 20
"""Points of the road per sample of the curve given: the speed hardly changes between them."""


@attrs.frozen
class Gradients:
    """What a gradient system can do, and how large the field of view is.

    Parameters
    ----------
    amplitude
        Largest gradient in mT/m: the modulus of the vector, so that planes may be turned.
    slew
        Largest slew rate in T/m/s.
    raster
        Time between samples in seconds.
    fov
        Field of view in metres, the same along all axes.
    """

    amplitude: float = 40.0
    slew: float = 150.0
    raster: float = 1e-5
    fov: float = 0.24

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        for name, value in attrs.asdict(self).items():
            if not value > 0:
                raise ParameterError(f"{name} = {value}, but it must be positive.")

    @property
    def top_speed(self) -> float:
        """Fastest motion through k-space, in cycles/FOV per second."""
        return PROTON * self.amplitude * 1e-3 * self.fov

    @property
    def acceleration(self) -> float:
        """Strongest acceleration, in cycles/FOV per second squared."""
        return PROTON * self.slew * self.fov

    def amplitudes(self, trajectory: Tensor) -> Tensor:
        """Return the gradient's modulus in mT/m between samples, ``(…, samples − 1)``."""
        speed = torch.linalg.vector_norm(trajectory.double().diff(dim=-2), dim=-1) / self.raster
        moduli: Tensor = speed / (PROTON * self.fov) * 1e3
        return moduli

    def slew_rates(self, trajectory: Tensor) -> Tensor:
        """Return the slew rate's modulus in T/m/s, ``(…, samples − 1)``, the gradient before being zero."""
        steps = trajectory.double().diff(dim=-2)
        steps = torch.cat([torch.zeros_like(steps[..., :1, :]), steps], -2)
        changes: Tensor = torch.linalg.vector_norm(steps.diff(dim=-2), dim=-1)
        return changes / (self.raster**2 * PROTON * self.fov)

    def traverse(self, curve: Tensor) -> Tensor:
        """Return the fastest samples along ``curve`` within the limits, ``(samples, d)`` float64.

        Parameters
        ----------
        curve
            Points of a smooth curve ``(n, d)`` in cycles/FOV, close enough to be joined by a spline. It is
            begun at rest, and left at any speed.

        References
        ----------
        M. Lustig, S.-J. Kim and J. M. Pauly, "A fast method for designing time-optimal gradient waveforms for
        arbitrary k-space trajectories", IEEE Trans. Med. Imaging 27 (2008) 866–873,
        doi:10.1109/TMI.2008.922699.
        """
        if curve.ndim != 2 or curve.shape[0] < 8:
            raise ParameterError(f"a curve is (n, d) with n ≥ 8 points, got {tuple(curve.shape)}.")
        points = curve.detach().double().cpu().numpy()
        speed, acceleration = self.top_speed, self.acceleration
        for _ in range(8):  # what counts are differences of samples: keep a margin if need be
            samples = torch.from_numpy(_drive(points, speed, acceleration, self.raster))
            if len(samples) < 3:
                break
            fast = float(self.amplitudes(samples).max()) / self.amplitude
            hard = float(self.slew_rates(samples).max()) / self.slew
            if max(fast, hard) <= 1:
                return samples
            speed *= min(1.0, 0.9999 / fast)
            acceleration *= min(1.0, 0.999 / hard)
        raise ParameterError(
            f"no samples every {self.raster * 1e6:g} µs keep a slew rate of {self.slew:g} T/m/s on this "
            "curve; has it a corner, or is it too short? Smooth it, or shorten the raster."
        )


def _drive(points: np.ndarray, top_speed: float, acceleration: float, raster: float) -> np.ndarray:
    """Return the places reached every ``raster`` seconds."""
    from scipy.interpolate import CubicSpline

    length = np.concatenate([[0.0], np.linalg.norm(np.diff(points, axis=0), axis=1).cumsum()])
    road = CubicSpline(length, points)
    s = np.linspace(0, length[-1], ROAD * len(points))
    curvature = np.linalg.norm(road(s, 2), axis=1)
    limit = np.minimum(top_speed**2, acceleration / np.maximum(curvature, 1e-12))  # of the squared speed
    squared = _accelerated(limit, curvature, acceleration, s[1] - s[0], start=0.0)
    # The same backwards: brake early enough for the next bend.
    squared = np.minimum(squared, _accelerated(limit[::-1], curvature[::-1], acceleration, s[1] - s[0])[::-1])
    speed = np.sqrt(squared)
    time = np.concatenate([[0.0], (2 * np.diff(s) / (speed[1:] + speed[:-1])).cumsum()])
    when = np.arange(int(time[-1] / raster) + 1) * raster
    places: np.ndarray = road(CubicSpline(time, s)(when))
    return places


def _accelerated(
    limit: np.ndarray, curvature: np.ndarray, acceleration: float, step: float, start: float | None = None
) -> np.ndarray:
    """Return the squared speed along the road: v dv/ds is what the bend leaves of the acceleration."""
    squared = np.empty_like(limit)
    squared[0] = limit[0] if start is None else start
    for i in range(len(limit) - 1):
        inward = curvature[i] * squared[i]
        along = np.sqrt(max(acceleration**2 - inward**2, 0.0))
        squared[i + 1] = min(limit[i + 1], squared[i] + 2 * step * along)
    return squared
