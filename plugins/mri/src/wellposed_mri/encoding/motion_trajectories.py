"""A patient who moves between the shots of a trajectory: a turned object is a turned trajectory.

Where the coils go with the object, rotation turns the trajectory and translation multiplies the samples by a
phase: exact for every image, and no dearer than without motion. Where they stay, every shot sees the moved
image through the same coils.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from wellposed.linalg import gram
from wellposed.operators import LinearOperator
from wellposed.operators.derived import Derived
from wellposed.spaces import Space
from wellposed.structure import Evidence, Symmetry
from wellposed_mri.encoding.along import Along
from wellposed_mri.encoding.checks import full_maps, hidden, require_known
from wellposed_mri.encoding.kernels import conjugated
from wellposed_mri.encoding.motion import require_motion, shots_of, total
from wellposed_mri.encoding.noncartesian import (
    accuracy_of,
    coil_images,
    combined,
    coordinates_of,
    each_along,
    normal_per_sample,
    per_sample,
    scaled_maps,
)
from wellposed_mri.encoding.normal import Normal
from wellposed_mri.encoding.rigid import moved, moved_back, rotation
from wellposed_mri.encoding.trajectory_checks import require_trajectory
from wellposed_mri.phase import GlobalPhase
from wellposed_mri.trajectories.density import pipe_menon


class MotionNonCartesianMRI(LinearOperator):
    """:class:`NonCartesianMRI` of an object that is turned and shifted from shot to shot, in 2-D or 3-D.

    Parameters
    ----------
    maps
        Complex coil sensitivities ``(coils, H, W)``, ``(B, coils, H, W)`` or ``(B, sets, coils, H, W)``; with
        D before H in three dimensions.
    trajectory
        ``(shots, …, samples, d)`` in cycles/FOV, rows first: as the scanner played it, without motion.
    angles
        Rotation of the object in each shot in radians, ``(shots,)`` or ``(B, shots)``, within ±π/2; three in
        space, ``(shots, 3)``. Sense and order are those of :class:`MotionMRI`.
    shifts
        Translation after the rotation in pixels, ``(shots, d)`` or ``(B, shots, d)``, rows (depth) first.
    accuracy
        Relative error of the non-uniform transforms, by default as for :class:`NonCartesianMRI`.
    coils_move
        Whether the coils go with the object: coils taped to it, and a single uniform coil. Then the model is
        exact for every image; ``A`` costs one transform per coil, and ``A*A`` one convolution, whatever the
        number of shots. Otherwise the coils stay, images are moved as by :class:`MotionMRI`, and every
        shot is transformed by itself.

    Notes
    -----
    Images are ``(B, sets, H, W)`` and data ``(B, coils, shots, …, samples)``. Angles, shifts, trajectory and
    maps carry gradients.

    Raises
    ------
    SpaceError
        For maps, a trajectory, angles or shifts that do not fit.
    ParameterError
        For angles beyond ±π/2, and for a trajectory beyond ±n/2 or in another unit.

    References
    ----------
    P. G. Batchelor et al., "Matrix description of general motion correction applied to multishot images",
    Magn. Reson. Med. 54 (2005) 1273–1280, doi:10.1002/mrm.20656.
    """

    maps: Tensor
    trajectory: Tensor
    angles: Tensor
    shifts: Tensor

    def __init__(
        self,
        maps: Tensor,
        trajectory: Tensor,
        angles: Tensor,
        shifts: Tensor,
        accuracy: float | None = None,
        coils_move: bool = False,
    ) -> None:
        dims, shots = coordinates_of(trajectory, 2), int(trajectory.shape[0])
        full = full_maps(maps, dims)
        image = tuple(full.shape[3:])
        require_trajectory(trajectory, image)
        require_motion(angles, shifts, shots, dims)
        super().__init__(
            Space((full.shape[1], *image), maps.dtype),
            Space((full.shape[2], *trajectory.shape[:-1]), maps.dtype),
        )
        require_known("maps", maps)
        real = maps.real.dtype
        self.register_value("maps", maps)
        self.register_value("trajectory", trajectory)
        self.register_value("angles", angles.to(real))
        self.register_value("shifts", shifts.to(real))
        self.accuracy = accuracy_of(accuracy, maps.dtype)
        self.coils_move = coils_move
        self._image = image
        each = angles.shape[0] if angles.ndim == (3 if dims == 3 else 2) else None
        self._along = each_along(image, self.accuracy, each if coils_move else shots)
        self._turned = Derived(partial(turned, shape=image))
        self._ramp = Derived(partial(ramp, shape=image))
        self._conjugate = Derived(conjugated)
        self._scaled = Derived(partial(scaled_maps, dims=dims, conjugate=False))
        self._scaled_conjugate = Derived(partial(scaled_maps, dims=dims, conjugate=True))

    def _forward(self, x: Tensor) -> Tensor:
        maps = self._scaled(self.maps)
        if self.coils_move:
            k = self._turned(self.trajectory, self.angles)
            data = per_sample(self._along, coil_images(x, maps), lambda along, part: along.to_points(part, k))
            return self._shaped(data) * self._ramp(self.trajectory, self.shifts)
        shots = zip(self._along, shots_of(self.angles, self.shifts), strict=True)
        each = [
            along.to_points(coil_images(moved(x, *motion), maps), self.trajectory) for along, motion in shots
        ]
        return self._shaped(torch.stack(each, 2))

    def _adjoint(self, y: Tensor) -> Tensor:
        back = self._scaled_conjugate(self.maps)
        if self.coils_move:
            k = self._turned(self.trajectory, self.angles)
            still = (y * self._ramp(self.trajectory, self.shifts).conj()).flatten(2)
            images = per_sample(self._along, still, lambda along, part: along.to_images(part, k))
            return combined(images, back)
        y, parts = y.flatten(3), []
        for s, (along, motion) in enumerate(
            zip(self._along, shots_of(self.angles, self.shifts), strict=True)
        ):
            images = along.to_images(y[:, :, s], self.trajectory)
            parts.append(moved_back(combined(images, back), *motion))
        return total(parts)

    def _shots(self) -> list[tuple[Along, tuple[Tensor, Tensor]]]:
        return list(zip(self._along, shots_of(self.angles, self.shifts), strict=True))

    def _shaped(self, data: Tensor) -> Tensor:
        return data.reshape(*data.shape[:2], *self.trajectory.shape[:-1])

    def density(self, iterations: int = 30) -> Tensor:
        """Return Pipe–Menon weights ``(shots, …, samples)`` of the trajectory without motion."""
        return pipe_menon(self.trajectory, self._image, iterations)

    def _evidence(self) -> tuple[Evidence, ...]:
        return (Symmetry(GlobalPhase(), GlobalPhase()),)


class MotionFramesGram(Normal[MotionNonCartesianMRI]):
    """``A*A`` of :class:`MotionNonCartesianMRI`: a convolution for all shots, or one for each."""

    def _forward(self, x: Tensor) -> Tensor:
        op = self.operator
        dims = len(op._image)
        maps, back = full_maps(op.maps, dims), full_maps(op._conjugate(op.maps), dims)
        if op.coils_move:  # phases of shifts cancel
            return normal_per_sample(op._along, x, maps, back, op._turned(op.trajectory, op.angles))
        parts = []
        for along, motion in op._shots():
            still = along.normal(moved(x, *motion), maps, back, op.trajectory)
            parts.append(moved_back(still, *motion))
        return total(parts)


@gram.register
def _(op: MotionNonCartesianMRI) -> LinearOperator:
    sources = (op.trajectory, op.angles) if op.coils_move else (op.trajectory,)
    if any(hidden(t) or t.requires_grad for t in sources):
        return op.H @ op
    k = op._turned(op.trajectory, op.angles) if op.coils_move else op.trajectory
    return MotionFramesGram(op) if all(along.pays_off(k) for along in op._along) else op.H @ op


def turned(trajectory: Tensor, angles: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return where an object turned by ``angles`` is sampled, seen from the object.

    ``(shots, …, d)`` of one motion, ``(B, shots, …, d)`` of B motions: by the transform of an object at
    ``R p``, which is that of the object at ``R^T k``, k in cycles per pixel.
    """
    dims = len(shape)
    sizes = torch.tensor(shape, dtype=trajectory.dtype, device=trajectory.device)
    matrices = rotation(angles.to(trajectory.dtype), dims)
    flat = (trajectory / sizes).flatten(1, -2)
    return ((flat @ matrices) * sizes).reshape(*matrices.shape[:-3], *trajectory.shape)


def ramp(trajectory: Tensor, shifts: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return the phases ``exp(−2πi k·shift/n)`` of a translation, ``(b, 1, shots, …)``."""
    sizes = torch.tensor(shape, dtype=trajectory.dtype, device=trajectory.device)
    by = shifts.reshape(-1, *shifts.shape[-2:]).to(trajectory.dtype)
    by = by.reshape(*by.shape[:2], *(1,) * (trajectory.ndim - 2), len(shape))
    angle = -2 * math.pi * (trajectory / sizes * by).sum(-1)
    phases = torch.polar(torch.ones_like(angle), angle).unsqueeze(1)
    return phases.to(torch.complex64 if shifts.dtype == torch.float32 else torch.complex128)
