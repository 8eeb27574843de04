"""A film along trajectories: every frame has one of its own, as golden-angle radial imaging wants it."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from wellposed.linalg import gram
from wellposed.operators import LinearOperator
from wellposed.operators.derived import Derived
from wellposed.spaces import Space
from wellposed.structure import Evidence, Symmetry
from wellposed_mri.encoding.checks import full_maps, hidden, require_known
from wellposed_mri.encoding.kernels import conjugated
from wellposed_mri.encoding.noncartesian import (
    accuracy_of,
    coil_images,
    combined,
    coordinates_of,
    each_along,
    each_density,
    scaled_maps,
)
from wellposed_mri.encoding.normal import Normal
from wellposed_mri.encoding.trajectory_checks import require_trajectory
from wellposed_mri.phase import GlobalPhase


class DynamicNonCartesianMRI(LinearOperator):
    """:class:`NonCartesianMRI` over time: frame t is sampled along ``trajectory[t]``.

    Parameters
    ----------
    maps
        Complex coil sensitivities, shared by all frames: ``(coils, H, W)``, ``(B, coils, H, W)`` or
        ``(B, sets, coils, H, W)``; with one more axis in three dimensions.
    trajectory
        ``(T, …, samples, d)`` in cycles/FOV, rows first, shared by the batch.
    accuracy
        Relative error of the non-uniform transforms, by default as for :class:`NonCartesianMRI`.

    Notes
    -----
    Images are ``(B, sets, T, H, W)`` and data ``(B, coils, T, …, samples)``.

    Raises
    ------
    SpaceError
        For maps or a trajectory with a wrong number of axes.
    ParameterError
        For a trajectory beyond ±n/2 or in another unit.

    References
    ----------
    L. Feng et al., "Golden-angle radial sparse parallel MRI", Magn. Reson. Med. 72 (2014) 707–717,
    doi:10.1002/mrm.24980.
    """

    maps: Tensor
    trajectory: Tensor

    def __init__(self, maps: Tensor, trajectory: Tensor, accuracy: float | None = None) -> None:
        dims = coordinates_of(trajectory, 2)
        full = full_maps(maps, dims)
        accuracy = accuracy_of(accuracy, maps.dtype)
        image, frames = tuple(full.shape[3:]), int(trajectory.shape[0])
        require_trajectory(trajectory, image)
        super().__init__(
            Space((full.shape[1], frames, *image), maps.dtype),
            Space((full.shape[2], *trajectory.shape[:-1]), maps.dtype),
        )
        require_known("maps", maps)
        self.register_value("maps", maps)
        self.register_value("trajectory", trajectory)
        self.accuracy = accuracy
        self._image = image
        self._along = each_along(image, accuracy, frames)
        self._conjugate = Derived(conjugated)
        self._scaled = Derived(partial(scaled_maps, dims=dims, conjugate=False))
        self._scaled_conjugate = Derived(partial(scaled_maps, dims=dims, conjugate=True))

    def _forward(self, x: Tensor) -> Tensor:
        maps, k = self._scaled(self.maps), self.trajectory
        frames = [along.to_points(coil_images(x[:, :, t], maps), k) for t, along in enumerate(self._along)]
        data = torch.stack(frames, 2)
        return data.reshape(*data.shape[:3], *self.trajectory.shape[1:-1])

    def _adjoint(self, y: Tensor) -> Tensor:
        maps, k, y = self._scaled_conjugate(self.maps), self.trajectory, y.flatten(3)
        frames = [combined(along.to_images(y[:, :, t], k), maps) for t, along in enumerate(self._along)]
        return torch.stack(frames, 2)

    def density(self, iterations: int = 30) -> Tensor:
        """Return Pipe–Menon weights ``(T, …, samples)``, of each frame's own trajectory."""
        return each_density(self.trajectory, self._image, iterations)

    def _evidence(self) -> tuple[Evidence, ...]:
        return (Symmetry(GlobalPhase(), GlobalPhase()),)


class FramesGram(Normal[DynamicNonCartesianMRI]):
    """``A*A`` of :class:`DynamicNonCartesianMRI`: a convolution for every frame."""

    def _forward(self, x: Tensor) -> Tensor:
        op = self.operator
        dims = len(op._image)
        maps, conjugate = full_maps(op.maps, dims), full_maps(op._conjugate(op.maps), dims)
        frames = [a.normal(x[:, :, t], maps, conjugate, op.trajectory) for t, a in enumerate(op._along)]
        return torch.stack(frames, 2)


@gram.register
def _(op: DynamicNonCartesianMRI) -> LinearOperator:
    if (
        hidden(op.trajectory)
        or op.trajectory.requires_grad
        or not all(along.pays_off(op.trajectory) for along in op._along)
    ):
        return op.H @ op
    return FramesGram(op)
