"""What methods ask of an encoding: its time axis, its grid, what it samples and what its coils see.

Each question is a ``functools.singledispatch`` function, so that an operator answers by what it is and not by
the names of its attributes. A pack answers for an operator of its own::

    @time_axis.register
    def _(op: MyFilm) -> int:
        return 2

Where nobody has answered, the question has the cautious answer given with each of them. Compositions answer
by the factor that is concerned.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor

from wellposed.operators import Composition, Scaled
from wellposed_mri.encoding.cartesian import CartesianMRI
from wellposed_mri.encoding.checks import full_maps
from wellposed_mri.encoding.dynamic import DynamicMRI
from wellposed_mri.encoding.frames import DynamicNonCartesianMRI
from wellposed_mri.encoding.motion import MotionMRI
from wellposed_mri.encoding.motion_trajectories import MotionNonCartesianMRI
from wellposed_mri.encoding.multicoil import MultiCoilMRI, leading_axes
from wellposed_mri.encoding.multislice import SimultaneousMultiSliceMRI
from wellposed_mri.encoding.multislice_trajectories import MultiSliceNonCartesianMRI
from wellposed_mri.encoding.noncartesian import NonCartesianMRI
from wellposed_mri.encoding.offresonance import OffResonanceMRI
from wellposed_mri.encoding.oversampling import ReadoutOversampling
from wellposed_mri.encoding.stack import StackMRI
from wellposed_mri.encoding.subspace import SubspaceMRI
from wellposed_mri.encoding.subspace_trajectories import SubspaceNonCartesianMRI
from wellposed_mri.encoding.superposition import Superposed


@singledispatch
def time_axis(op: Any) -> int | None:
    """Return which axis of the images ``(B, …)`` counts frames; ``None`` where there is no such axis."""
    return None


@time_axis.register(DynamicMRI)
@time_axis.register(DynamicNonCartesianMRI)
def _(op: Any) -> int:
    return 2


@time_axis.register
def _(op: Composition) -> int | None:
    return time_axis(op._operators()[-1])


@time_axis.register
def _(op: Scaled) -> int | None:
    return time_axis(op.operand)


@singledispatch
def is_grid(op: Any) -> bool:
    """Whether data are the masked centred Fourier transform of coil images of one image at rest.

    Methods that complete k-space need that; ``False`` where nobody says so.
    """
    return False


@is_grid.register(CartesianMRI)
@is_grid.register(MultiCoilMRI)
def _(op: Any) -> bool:
    return True


@singledispatch
def sampled(op: Any) -> Tensor | None:
    """Return where data are acquired, bool, broadcasting against them; ``None`` for everywhere."""
    return None


@sampled.register(CartesianMRI)
@sampled.register(MultiCoilMRI)
@sampled.register(DynamicMRI)
@sampled.register(SubspaceMRI)
@sampled.register(SimultaneousMultiSliceMRI)
@sampled.register(MotionMRI)
def _(op: Any) -> Tensor | None:
    if op.mask is None:
        return None
    return leading_axes(op.mask.detach() != 0, len(op.range.shape) + 1)


@sampled.register
def _(op: StackMRI) -> Tensor | None:
    if op.partitions is None:
        return None
    return (op.partitions.detach() != 0).reshape(-1, *(1,) * (op.trajectory.ndim - 1 - op.rotating))


@sampled.register
def _(op: Composition) -> Tensor | None:
    """Where an oversampled readout follows, whole lines are acquired or missing."""
    outer, *rest = op._operators()
    inner = sampled(rest[0] if len(rest) == 1 else Composition(rest))
    if not isinstance(outer, ReadoutOversampling) or inner is None:
        return None
    return inner.any(outer.axis, keepdim=True)


@sampled.register
def _(op: Scaled) -> Tensor | None:
    return sampled(op.operand)


@singledispatch
def radius(op: Any) -> Tensor:
    """Return how far samples are from the centre of k-space, 1 at the edge of an axis.

    It broadcasts against the data. By default their last two axes are those of a grid.
    """
    return grid_radius(op.range.shape[-2:])


@radius.register(MultiCoilMRI)
@radius.register(DynamicMRI)
@radius.register(MotionMRI)
def _(op: Any) -> Tensor:
    return grid_radius(op.range.shape[-op.dims :])


@radius.register(CartesianMRI)
@radius.register(ReadoutOversampling)
def _(op: Any) -> Tensor:
    return grid_radius(op.range.shape[1:])


@radius.register(NonCartesianMRI)
@radius.register(DynamicNonCartesianMRI)
@radius.register(MotionNonCartesianMRI)
@radius.register(OffResonanceMRI)
@radius.register(StackMRI)
@radius.register(Superposed)
def _(op: Any) -> Tensor:
    trajectory = op.trajectory.detach()
    sizes = trajectory.new_tensor(op.domain.shape[-trajectory.shape[-1] :])
    length: Tensor = torch.linalg.vector_norm(trajectory * 2 / sizes, dim=-1)
    return length.unsqueeze(1) if getattr(op, "batched", False) else length


@radius.register
def _(op: Composition) -> Tensor:
    return radius(op._operators()[0])


@radius.register
def _(op: Scaled) -> Tensor:
    return radius(op.operand)


def grid_radius(sizes: Sequence[int]) -> Tensor:
    """Return the distance from the centre of a grid, 1 at the edge of an axis."""
    squares = torch.zeros(())
    for axis, n in zip(range(-len(sizes), 0), sizes, strict=True):
        k = (torch.arange(n) - n // 2) * (2 / n)
        squares = squares + k.square().reshape((n,) + (1,) * (-axis - 1))
    return squares.sqrt()


@singledispatch
def seen(op: Any) -> Tensor | None:
    """Return where any coil sees the images, bool, broadcasting against them; ``None`` for everywhere."""
    return None


@seen.register(MultiCoilMRI)
@seen.register(NonCartesianMRI)
@seen.register(OffResonanceMRI)
@seen.register(StackMRI)
@seen.register(SubspaceNonCartesianMRI)
def _(op: Any) -> Tensor:
    return _any_coil(op.maps, len(op.domain.shape) - 1)


@seen.register(DynamicMRI)
@seen.register(DynamicNonCartesianMRI)
def _(op: Any) -> Tensor:
    return _any_coil(op.maps, len(op.domain.shape) - 2).unsqueeze(2)


@seen.register
def _(op: SubspaceMRI) -> Tensor:
    return _any_coil(op.maps, 2)


@seen.register(SimultaneousMultiSliceMRI)
@seen.register(MultiSliceNonCartesianMRI)
def _(op: Any) -> Tensor:
    maps: Tensor = op.maps.detach()
    return (maps.reshape(-1, *maps.shape[-4:]) != 0).any(1)


@seen.register
def _(op: Composition) -> Tensor | None:
    return seen(op._operators()[-1])


@seen.register
def _(op: Scaled) -> Tensor | None:
    return seen(op.operand)


def _any_coil(maps: Tensor, dims: int) -> Tensor:
    return (full_maps(maps.detach(), dims) != 0).any(2)
