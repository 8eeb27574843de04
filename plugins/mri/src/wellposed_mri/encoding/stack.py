"""Stacks of stars and of spirals: an FFT along the slices, one planar trajectory within them."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from wellposed.errors import SpaceError
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
    each_along,
    each_density,
)
from wellposed_mri.encoding.normal import Normal
from wellposed_mri.encoding.trajectory_checks import require_trajectory
from wellposed_mri.fourier import modulation
from wellposed_mri.phase import GlobalPhase
from wellposed_mri.trajectories.density import pipe_menon


class StackMRI(LinearOperator):
    """Parallel imaging on stacks of one planar trajectory: an FFT along slices, a NUFFT in the plane.

    The same numbers as :class:`NonCartesianMRI` along the three-dimensional trajectory, at a fraction of its
    cost: the third axis is Cartesian, and planes share the plan of their transform.

    Parameters
    ----------
    maps
        Complex coil sensitivities ``(coils, D, H, W)``, per sample ``(B, coils, D, H, W)`` or with map sets
        ``(B, sets, coils, D, H, W)``.
    trajectory
        Planar trajectory ``(…, samples, 2)`` in cycles/FOV, rows first, the same for every partition; or,
        with ``rotating``, ``(D, …, samples, 2)``, one for each.
    partitions
        Which partitions k_z are sampled, real or bool ``(D,)``; ``None`` for all. Weights weigh them.
    rotating
        Whether the first axis of the trajectory counts partitions.
    accuracy
        Relative error of the non-uniform transforms, by default as for :class:`NonCartesianMRI`.

    Notes
    -----
    Volumes are ``(B, sets, D, H, W)`` and data ``(B, coils, D, …, samples)``, partition ``D // 2`` being the
    centre of k-space.

    Raises
    ------
    SpaceError
        For maps, a trajectory or partitions that do not fit.
    ParameterError
        For a trajectory beyond ±n/2 or in another unit.
    """

    maps: Tensor
    trajectory: Tensor
    partitions: Tensor | None

    def __init__(
        self,
        maps: Tensor,
        trajectory: Tensor,
        partitions: Tensor | None = None,
        rotating: bool = False,
        accuracy: float | None = None,
    ) -> None:
        full = full_maps(maps, 3)
        depth, plane = int(full.shape[3]), tuple(full.shape[4:])
        accuracy = accuracy_of(accuracy, maps.dtype)
        _require_planar(trajectory, plane, depth, rotating)
        samples = trajectory.shape[1:-1] if rotating else trajectory.shape[:-1]
        super().__init__(
            Space((full.shape[1], depth, *plane), maps.dtype),
            Space((full.shape[2], depth, *samples), maps.dtype),
        )
        require_known("maps", maps)
        self.register_value("maps", maps)
        self.register_value("trajectory", trajectory)
        if partitions is None:
            self.partitions = None
        else:
            if tuple(partitions.shape) != (depth,):
                raise SpaceError(
                    f"partitions have shape {tuple(partitions.shape)}, but the volume has {depth} slices; "
                    f"({depth},) is expected."
                )
            self.register_value("partitions", partitions.to(maps.real.dtype))
        self.rotating = rotating
        self.accuracy = accuracy
        self._along = each_along(plane, accuracy, depth if rotating else None)
        self._scaled = Derived(partial(_scaled, conjugate=False))
        self._scaled_conjugate = Derived(partial(_scaled, conjugate=True))

    def _after(self, like: Tensor) -> Tensor:
        """Return what every partition is multiplied by after the plain FFT, ``(D, 1)``."""
        after = modulation(like, (-3,))[1].reshape(-1, 1)
        return after if self.partitions is None else after * self.partitions[:, None]

    def _forward(self, x: Tensor) -> Tensor:
        images = torch.fft.fft(coil_images(x, self._scaled(self.maps)), dim=-3)
        k = self.trajectory
        if self.rotating:
            data = torch.stack([a.to_points(images[:, :, z], k) for z, a in enumerate(self._along)], 2)
        else:
            data = self._along[0].to_points(images, k)
        data = data * self._after(x)
        lead = self.trajectory.shape[1:-1] if self.rotating else self.trajectory.shape[:-1]
        return data.reshape(*data.shape[:3], *lead)

    def _adjoint(self, y: Tensor) -> Tensor:
        data, k = y.flatten(3), self.trajectory
        data = data * self._after(y.reshape(*y.shape[:3], -1, 1)).conj()
        if self.rotating:
            planes = torch.stack([a.to_images(data[:, :, z], k) for z, a in enumerate(self._along)], 2)
        else:
            planes = self._along[0].to_images(data, k)
        volume: Tensor = torch.fft.ifft(planes, dim=-3, norm="forward")
        return combined(volume, self._scaled_conjugate(self.maps))

    def density(self, iterations: int = 30) -> Tensor:
        """Return Pipe–Menon weights that broadcast against the data, in the plane."""
        plane = self._along[0].shape
        if self.rotating:
            return each_density(self.trajectory, plane, iterations)
        return pipe_menon(self.trajectory, plane, iterations)

    def _evidence(self) -> tuple[Evidence, ...]:
        return (Symmetry(GlobalPhase(), GlobalPhase()),)


class StackGram(Normal[StackMRI]):
    """``A*A`` of :class:`StackMRI`: convolutions in the plane between two FFTs along the slices."""

    def _forward(self, x: Tensor) -> Tensor:
        op = self.operator
        maps, back = op._scaled(op.maps), op._scaled_conjugate(op.maps)
        total = None
        for c in range(maps.shape[2]):  # a coil at a time: doubled planes take memory
            volume = self._convolved(coil_images(x, maps[:, :, c : c + 1]))
            part = combined(volume, back[:, :, c : c + 1])
            total = part if total is None else total + part
        assert total is not None
        return total

    def _convolved(self, volume: Tensor) -> Tensor:
        op, k = self.operator, self.operator.trajectory
        pixels = volume.shape[-3:].numel()
        if not op.rotating and op.partitions is None:
            return pixels * op._along[0].convolved(volume, k)
        planes = torch.fft.fft(volume, dim=-3, norm="ortho")
        if op.rotating:
            planes = torch.stack([a.convolved(planes[..., z, :, :], k) for z, a in enumerate(op._along)], -3)
        else:
            planes = op._along[0].convolved(planes, k)
        if op.partitions is not None:
            planes = planes * op.partitions.square()[:, None, None]
        moved: Tensor = torch.fft.ifft(planes, dim=-3, norm="ortho")
        return pixels * moved


@gram.register
def _(op: StackMRI) -> LinearOperator:
    if (
        hidden(op.trajectory)
        or op.trajectory.requires_grad
        or not all(along.pays_off(op.trajectory) for along in op._along)
    ):
        return op.H @ op
    return StackGram(op)


def _require_planar(trajectory: Tensor, plane: tuple[int, ...], depth: int, rotating: bool) -> None:
    require_trajectory(trajectory, plane)
    if rotating and (trajectory.ndim < 3 or trajectory.shape[0] != depth):
        raise SpaceError(
            f"a rotating trajectory has shape {tuple(trajectory.shape)}, but one per partition is expected: "
            f"({depth}, …, samples, 2)."
        )


def _scaled(maps: Tensor, conjugate: bool) -> Tensor:
    """Return maps ``(b, sets, coils, D, H, W)`` times N^(−1/2) and what centres the FFT along slices."""
    full = full_maps(maps, 3) * modulation(maps, (-3,))[0]
    scaled: Tensor = (conjugated(full) if conjugate else full) / full.shape[3:].numel() ** 0.5
    return scaled
