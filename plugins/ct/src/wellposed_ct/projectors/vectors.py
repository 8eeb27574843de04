"""Scans in space as vectors: twelve numbers per view, from which every projector in space works.

A row holds the source (or the direction of parallel rays), the detector's middle, and the steps from column
to column (u) and from row to row (v), each as (x, y, z) in millimetres: ASTRA's ``cone_vec`` and
``parallel3d_vec``. Everything is differentiable, so a scan of a few parameters is calibrated through them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["circular_vectors", "parallel_vectors", "rotation_matrix"]


def circular_vectors(
    angles: Tensor,
    source_axis_mm: float | Tensor,
    source_detector_mm: float | Tensor,
    detector_mm: Sequence[float],
    axis_mm: float | Tensor = 0.0,
    plane_mm: float | Tensor = 0.0,
    pitch_mm: float | Tensor = 0.0,
    rotation: Sequence[float] | Tensor = (0.0, 0.0, 0.0),
) -> Tensor:
    """Return vectors ``(V, 12)`` of a source and flat detector on a circle or helix; float64.

    Arguments are those of :class:`~wellposed_ct.geometry.ConeGeometry`, numbers or tensors; the result can be
    differentiated with respect to the tensors.
    """
    angles = angles.to(torch.float64)
    turn = rotation_matrix(torch.zeros_like(angles), torch.zeros_like(angles), angles)
    panel = _panel(rotation, angles)
    u, v = turn @ panel[:, 0] * detector_mm[1], turn @ panel[:, 2] * detector_mm[0]
    rise = torch.as_tensor(pitch_mm, dtype=torch.float64, device=angles.device) * angles / (2 * math.pi)
    up = torch.stack([torch.zeros_like(rise), torch.zeros_like(rise), rise], 1)
    ahead = turn[:, :, 1]
    source = up - source_axis_mm * ahead
    middle = up + (source_detector_mm - source_axis_mm) * ahead
    middle = middle - axis_mm * u / detector_mm[1] - plane_mm * v / detector_mm[0]
    return torch.cat([source, middle, u, v], 1)


def parallel_vectors(
    angles: Tensor,
    detector_mm: Sequence[float],
    axis_mm: float | Tensor = 0.0,
    plane_mm: float | Tensor = 0.0,
    tilt: float | Tensor = 0.0,
) -> Tensor:
    """Return vectors ``(V, 12)`` of parallel rays whose direction rises by ``tilt`` (radians) over the plane.

    The detector is perpendicular to the rays: a tilt of 0 is a stack of parallel-beam slices, one near π/2 is
    laminography.
    """
    angles = angles.to(torch.float64)
    turn = rotation_matrix(torch.zeros_like(angles), torch.zeros_like(angles), angles)
    panel = _panel(
        torch.stack([angles.new_zeros(()), torch.as_tensor(tilt).to(angles), angles.new_zeros(())]), angles
    )
    u, v = turn @ panel[:, 0] * detector_mm[1], turn @ panel[:, 2] * detector_mm[0]
    middle = -axis_mm * u / detector_mm[1] - plane_mm * v / detector_mm[0]
    return torch.cat([turn @ panel[:, 1], middle, u, v], 1)


def rotation_matrix(roll: Tensor, tilt: Tensor, slant: Tensor) -> Tensor:
    """Return rotations ``(…, 3, 3)``: by ``roll`` about y, then ``tilt`` about x, then ``slant`` about z."""
    one, zero = torch.ones_like(roll), torch.zeros_like(roll)

    def rows(*values: Tensor) -> Tensor:
        return torch.stack(values, -1).reshape(*roll.shape, 3, 3)

    (a, b, c), (p, q, r) = (
        (torch.cos(t) for t in (roll, tilt, slant)),
        (torch.sin(t) for t in (roll, tilt, slant)),
    )
    about_y = rows(a, zero, p, zero, one, zero, -p, zero, a)
    about_x = rows(one, zero, zero, zero, b, -q, zero, q, b)
    about_z = rows(c, -r, zero, r, c, zero, zero, zero, one)
    return about_z @ about_x @ about_y


def _panel(rotation: Sequence[float] | Tensor, like: Tensor) -> Tensor:
    """Return the detector's own rotation, whose columns are u, the normal, and v at angle 0."""
    turns = torch.as_tensor(rotation, dtype=None if isinstance(rotation, Tensor) else torch.float64).to(like)
    return rotation_matrix(*turns.unbind())
