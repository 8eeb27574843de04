"""Rigid motion of images, exactly invertible: rotations as shears, shears and shifts as phases.

A rotation in a plane is three shears, a shear shifts every line by its own amount, and a shift is a phase in
Fourier space. So the motion is unitary, its inverse is its adjoint, and it is smooth in its parameters. In
space a rotation is three rotations in planes.

Convention: pixel ``p``, counted from ``n // 2`` on every axis, goes to ``R p + t``. In a plane R turns the
later axis towards the earlier one's beginning, which is anticlockwise as displayed. In space the object is
turned about axis D first (anticlockwise as displayed), then about H, and about W last.
"""

from __future__ import annotations

import torch
from torch import Tensor

Step = tuple[int, Tensor]


def moved(x: Tensor, angles: Tensor, shifts: Tensor) -> Tensor:
    """Return complex images ``(…, H, W)`` turned by ``angles`` ``(…)``, then moved by ``shifts`` ``(…, 2)``.

    Volumes ``(…, D, H, W)`` take three angles ``(…, 3)``, about D, H and W, and three shifts along them.
    """
    for axis, by in _steps(x, angles, shifts):
        x = _shifted(x, by, axis)
    return x


def moved_back(x: Tensor, angles: Tensor, shifts: Tensor) -> Tensor:
    """Return the images before :func:`moved`: its inverse, which is its adjoint."""
    for axis, by in reversed(_steps(x, angles, shifts)):
        x = _shifted(x, -by, axis)
    return x


def rotation(angles: Tensor, dims: int) -> Tensor:
    """Return the matrix R ``(…, d, d)`` of angles ``(…)`` in a plane, ``(…, 3)`` in space."""
    if dims == 2:
        return _turn(angles, 0, 1, 2)
    about_d, about_h, about_w = angles.unbind(-1)
    return _turn(about_w, 0, 1, 3) @ _turn(about_h, 0, 2, 3) @ _turn(about_d, 1, 2, 3)


def _turn(angle: Tensor, i: int, j: int, dims: int) -> Tensor:
    """Return the rotation in the plane of axes i and j: ``i' = cos·i − sin·j``, ``j' = sin·i + cos·j``."""
    eye = torch.eye(dims, dtype=angle.dtype, device=angle.device)
    skew = eye[:, j, None] * eye[None, i] - eye[:, i, None] * eye[None, j]
    plane = eye[:, i, None] * eye[None, i] + eye[:, j, None] * eye[None, j]
    return eye + (torch.cos(angle)[..., None, None] - 1) * plane + torch.sin(angle)[..., None, None] * skew


def _steps(x: Tensor, angles: Tensor, shifts: Tensor) -> list[Step]:
    """Return along which axis, and by how much, lines are shifted, one after the other."""
    if shifts.shape[-1] == 2:
        return _shears(x, angles, (-2, -1), (shifts[..., 0], shifts[..., 1]), 2)
    none = torch.zeros_like(shifts[..., 0])
    # The last rotation leaves W alone, so the translation along W goes with the one before it.
    steps = _shears(x, angles[..., 0], (-2, -1), (none, none), 3)
    steps += _shears(x, angles[..., 1], (-3, -1), (none, shifts[..., 2]), 3)
    steps += _shears(x, angles[..., 2], (-3, -2), (shifts[..., 0], shifts[..., 1]), 3)
    return _joined(steps)


def _shears(
    x: Tensor, angle: Tensor, plane: tuple[int, int], shift: tuple[Tensor, Tensor], dims: int
) -> list[Step]:
    """Return the shears of a rotation in ``plane`` and of a translation in it.

    The translation needs no transforms of its own: along the second axis it goes with the last shear, along
    the first with the one in the middle, whose effect the last has to make up for.
    """
    down, right = (t[(..., *(None,) * dims)] for t in shift)
    angle = angle[(..., *(None,) * dims)]
    slant, turn = torch.tan(angle / 2), torch.sin(angle)
    rows, columns = (_coordinates(x, axis, angle) for axis in plane)
    first, last = slant * rows, slant * (rows - down) + right
    return [(plane[1], first), (plane[0], down - turn * columns), (plane[1], last)]


def _joined(steps: list[Step]) -> list[Step]:
    """Return the steps with neighbours along one axis made one: shifts of the same lines add up."""
    joined = steps[:1]
    for axis, by in steps[1:]:
        if axis == joined[-1][0]:
            joined[-1] = (axis, joined[-1][1] + by)
        else:
            joined.append((axis, by))
    return joined


def _coordinates(x: Tensor, axis: int, like: Tensor) -> Tensor:
    """Return the pixels along ``axis`` counted from ``n // 2``, broadcasting against the image."""
    n = x.shape[axis]
    return (torch.arange(n, dtype=like.dtype, device=x.device) - n // 2).reshape((n,) + (1,) * (-axis - 1))


def _shifted(x: Tensor, by: Tensor, axis: int) -> Tensor:
    """Return lines along ``axis`` moved by ``by`` pixels, by the phases of their Fourier coefficients."""
    n = x.shape[axis]
    k = torch.fft.fftfreq(n, dtype=by.dtype, device=x.device).reshape((n,) + (1,) * (-axis - 1))
    angle = -2 * torch.pi * k * by
    phases = torch.polar(torch.ones_like(angle), angle)
    result: Tensor = torch.fft.ifft(torch.fft.fft(x, dim=axis) * phases, dim=axis)
    return result
