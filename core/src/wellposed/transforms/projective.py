"""Projective maps: what a flat scene undergoes when the camera moves."""

from __future__ import annotations

import math
from typing import ClassVar

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.random import per_sample
from wellposed.transforms.plane import PlaneTransform


@attrs.frozen(eq=False)
class Homography:
    """Invertible matrices ``(n, 3, 3)`` on (right, down, 1); see :func:`~wellposed.transforms.warp`."""

    matrices: Tensor


def _small(instance: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not 0 <= value < math.inf:
        raise ParameterError(f"Projective: {attribute.name}={value} must be finite and ≥ 0; 0 leaves it out")


def _positive(instance: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not 0 < value < math.inf:
        raise ParameterError(
            f"Projective: {attribute.name}={value} must be finite and > 0; around 2 is a camera"
        )


@attrs.frozen
class Projective(PlaneTransform[Homography]):
    """Homographies: rotation about the optical axis, pan, and tilt of a pinhole camera.

    Parameters
    ----------
    max_roll
        Largest rotation in the image plane, in radians.
    max_tilt
        Largest rotation about the horizontal and about the vertical axis, in radians.
    focal_length
        Distance of the camera, in halves of the image's longer side.

    Notes
    -----
    A drawn element is K R K⁻¹ with R a rotation in space and K the camera, after Wang & Davies,
    "Perspective-equivariance for unsupervised imaging with camera geometry", 2024. ``accuracy`` is the
    relative error of the group laws on :meth:`probe` at 32 × 32 pixels for the default ranges: 0.004 was the
    worst of 4800 draws.
    """

    accuracy: ClassVar[float] = 0.01
    max_roll: float = attrs.field(default=math.pi / 6, validator=_small)
    max_tilt: float = attrs.field(default=0.05, validator=_small)
    focal_length: float = attrs.field(default=2.0, validator=_positive)

    def sample(self, generator: torch.Generator | None = None, n: int = 1) -> Homography:
        """Draw the three angles uniformly."""
        draws = per_sample(lambda g: torch.rand(3, generator=g, dtype=torch.float64), n, generator)
        limits = torch.tensor([self.max_tilt, self.max_tilt, self.max_roll], dtype=torch.float64)
        angles = limits * (2 * draws - 1)
        camera = torch.tensor([self.focal_length, self.focal_length, 1.0], dtype=torch.float64)
        return Homography(camera[:, None] * _rotation(angles) / camera)

    def matrix(self, g: Homography) -> Tensor:
        """Return the matrices."""
        return g.matrices

    def inverse(self, g: Homography) -> Homography:
        """Return the inverse matrices."""
        return Homography(torch.linalg.inv(g.matrices))

    def compose(self, g: Homography, h: Homography) -> Homography:
        """Return the matrix products."""
        return Homography(g.matrices @ h.matrices)

    def identity(self) -> Homography:
        """Return the unit matrix."""
        return Homography(torch.eye(3, dtype=torch.float64)[None])


def _rotation(axis_angle: Tensor) -> Tensor:
    """Return the rotations in space about ``(n, 3)`` rotation vectors."""
    x, y, z = axis_angle.unbind(-1)
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(-1, 3, 3)
    rotation: Tensor = torch.linalg.matrix_exp(skew)
    return rotation
