"""Coil sensitivities by the law of Biot and Savart: circular loops on a cylinder around the object."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from wellposed.errors import ParameterError


def birdcage_maps(
    coils: int,
    shape: tuple[int, ...],
    distance: float = 1.3,
    radius: float | None = None,
    normalise: bool = True,
    segments: int = 48,
) -> Tensor:
    """Return sensitivities of loops around the object, ``(coils, *shape)`` complex64.

    A loop's transverse field B₁ˣ − i·B₁ʸ is, by reciprocity (Hoult & Richards 1976), its sensitivity.

    Parameters
    ----------
    coils
        Number of loops, evenly placed on the cylinder; in 3-D on two rings when there are eight or more.
    shape
        Image size ``(H, W)`` or ``(D, H, W)``; the field of view is [−1, 1] along each axis.
    distance
        Radius of the cylinder, in half fields of view, > 1.
    radius
        Radius of a loop; by default so that neighbours touch.
    normalise
        Divide by the root sum of squares, so that an image keeps its brightness.
    segments
        Straight pieces that each loop is made of.
    """
    if coils < 1 or len(shape) not in (2, 3):
        raise ParameterError(f"coils = {coils} must be ≥ 1 and shape = {shape} (H, W) or (D, H, W).")
    if distance <= 1:
        raise ParameterError(f"distance = {distance} lies inside the field of view; it must be > 1.")
    rings = 2 if len(shape) == 3 and coils >= 8 else 1
    per_ring = -(-coils // rings)
    size = distance * np.sin(np.pi / max(per_ring, 3)) if radius is None else radius
    points = _grid(shape)
    maps = np.empty((coils, points.shape[0]), dtype=np.complex128)
    for c in range(coils):
        angle = 2 * np.pi * (c % per_ring + 0.5 * (c // per_ring)) / per_ring
        height = 0.0 if rings == 1 else (-0.5, 0.5)[c // per_ring]
        maps[c] = _transverse_field(points, angle, height, distance, size, segments)
    maps /= np.sqrt((np.abs(maps) ** 2).sum(0)) if normalise else np.abs(maps).max()
    return torch.from_numpy(maps.reshape(coils, *shape).astype(np.complex64))


def _grid(shape: tuple[int, ...]) -> np.ndarray:
    """Return pixel centres (x, y, z), ``(pixels, 3)``, with the origin at index n//2."""
    axes = [(np.arange(n) - n // 2) * 2 / n for n in shape]
    depth = axes[0] if len(shape) == 3 else np.zeros(1)
    z, y, x = np.meshgrid(depth, -axes[-2], axes[-1], indexing="ij")
    return np.stack([x.ravel(), y.ravel(), z.ravel()], 1)


def _transverse_field(
    points: np.ndarray, angle: float, height: float, distance: float, radius: float, segments: int
) -> np.ndarray:
    """Sum dl × r / |r|³ over the loop whose axis points at the cylinder's."""
    outward = np.array([np.cos(angle), np.sin(angle), 0.0])
    along, up = np.array([-np.sin(angle), np.cos(angle), 0.0]), np.array([0.0, 0.0, 1.0])
    step = 2 * np.pi / segments
    field = np.zeros_like(points)
    for t in (np.arange(segments) + 0.5) * step:
        wire = distance * outward + height * up + radius * (np.cos(t) * along + np.sin(t) * up)
        element = step * radius * (-np.sin(t) * along + np.cos(t) * up)
        r = points - wire
        field += np.cross(element, r) / ((r**2).sum(1, keepdims=True) ** 1.5)
    result: np.ndarray = field[:, 0] - 1j * field[:, 1]
    return result
