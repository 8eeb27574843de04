"""Parallel imaging along any trajectory: radial, spiral, or wherever the gradients went."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from wellposed.errors import ParameterError, SpaceError
from wellposed.linalg import gram
from wellposed.operators import LinearOperator
from wellposed.operators.derived import Derived
from wellposed.spaces import Space, require_tensor
from wellposed.structure import Evidence, Symmetry
from wellposed_mri.encoding.along import Along
from wellposed_mri.encoding.checks import full_maps, hidden, require_known
from wellposed_mri.encoding.kernels import conjugated
from wellposed_mri.encoding.normal import Normal
from wellposed_mri.encoding.trajectory_checks import require_real, require_trajectory
from wellposed_mri.phase import GlobalPhase
from wellposed_mri.trajectories.density import pipe_menon

DEFAULT = {torch.complex64: 5e-5, torch.complex128: 1e-9}
"""Single precision as exact as the fast, small grid is; double far beyond it, at twice the time."""


class NonCartesianMRI(LinearOperator):
    """``y_c[m] = N^(−1/2) Σ_j maps_c[j]·x[j]·exp(−2πi k_m·(j − n//2)/n)``: MRI along a trajectory.

    Parameters
    ----------
    maps
        Complex coil sensitivities ``(coils, H, W)``, per sample ``(B, coils, H, W)``, or with map sets
        ``(B, sets, coils, H, W)``; ``(coils, D, H, W)`` and so on in three dimensions. A single coil that
        sees everything alike is ``torch.ones(1, H, W, dtype=torch.complex64)``.
    trajectory
        Sampled frequencies ``(…, samples, d)`` in cycles/FOV, d = 2 or 3, along rows first; within ±n/2.
    accuracy
        Relative error of the non-uniform transforms, by default 5e-5 for maps in single and 1e-9 in double
        precision. In single precision rounding adds about 5e-8 times the longest axis, and below 5e-5 (in
        double 1e-6) they take about twice as long.
    batched
        Whether the first axis of the trajectory is the batch: ``(B, …, samples, d)``, sample b having a
        trajectory of its own.

    Notes
    -----
    Images are ``(B, sets, H, W)`` and data ``(B, coils, …, samples)``. Where every point of the trajectory
    lies on the Cartesian grid an FFT is taken and its values looked up, and A*A costs what that of
    :class:`MultiCoilMRI` costs. Elsewhere A and A* use the same kernels, so they are adjoint to rounding at
    every accuracy, and A*A is a convolution on a doubled grid (Toeplitz) where that is cheaper. Both maps
    and trajectory carry gradients. Non-uniform transforms are finufft's on the CPU, and on other devices
    plain torch, an FFT and Kaiser–Bessel kernels of the same accuracy.

    Raises
    ------
    SpaceError
        For maps or a trajectory with a wrong number of axes.
    ParameterError
        For a trajectory beyond ±n/2, or in cycles per pixel or radians.

    References
    ----------
    A. H. Barnett, J. F. Magland and L. af Klinteberg, "A parallel non-uniform fast Fourier transform library
    based on an 'exponential of semicircle' kernel", SIAM J. Sci. Comput. 41 (2019) C479–C504,
    doi:10.1137/18M120885X; the Toeplitz form: J. A. Fessler et al., IEEE Trans. Signal Process. 53 (2005)
    3393–3402, doi:10.1109/TSP.2005.853152.
    """

    maps: Tensor
    trajectory: Tensor

    def __init__(
        self, maps: Tensor, trajectory: Tensor, accuracy: float | None = None, batched: bool = False
    ) -> None:
        require_tensor("maps", maps)
        dims = coordinates_of(trajectory, 2 if batched else 1)
        accuracy = accuracy_of(accuracy, maps.dtype)
        full = full_maps(maps, dims)
        image = tuple(full.shape[3:])
        require_trajectory(trajectory, image)
        samples = trajectory.shape[1:-1] if batched else trajectory.shape[:-1]
        super().__init__(
            Space((full.shape[1], *image), maps.dtype), Space((full.shape[2], *samples), maps.dtype)
        )
        require_known("maps", maps)
        self.register_value("maps", maps)
        self.register_value("trajectory", trajectory)
        self.accuracy = accuracy
        self.batched = batched
        self._image = image
        self._along = each_along(image, accuracy, int(trajectory.shape[0]) if batched else None)
        self._conjugate = Derived(conjugated)
        self._scaled = Derived(partial(scaled_maps, dims=dims, conjugate=False))
        self._scaled_conjugate = Derived(partial(scaled_maps, dims=dims, conjugate=True))

    def _forward(self, x: Tensor) -> Tensor:
        # The scale of the transform is in the maps, so that it costs no pass over the data.
        images = coil_images(x, self._scaled(self.maps))
        data = per_sample(self._along, images, lambda along, part: along.to_points(part, self.trajectory))
        return data.reshape(*data.shape[:2], *self.range.shape[1:])  # type: ignore[union-attr]

    def _adjoint(self, y: Tensor) -> Tensor:
        return combined(self._adjoint_images(y), self._scaled_conjugate(self.maps))

    def _adjoint_images(self, y: Tensor) -> Tensor:
        flat = y.reshape(*y.shape[:2], -1)
        return per_sample(self._along, flat, lambda along, part: along.to_images(part, self.trajectory))

    def coil_images(self, y: Tensor) -> Tensor:
        """Return ``F*y``, one image per coil ``(B, coils, *image)``, without density compensation."""
        self.range.check(y, "y")
        return self._adjoint_images(y) / math.sqrt(math.prod(self._image))

    def density(self, iterations: int = 30) -> Tensor:
        """Return Pipe–Menon weights that broadcast against the data; of each sample's own trajectory."""
        if not self.batched:
            return pipe_menon(self.trajectory, self._image, iterations)
        return each_density(self.trajectory, self._image, iterations).unsqueeze(1)

    def _evidence(self) -> tuple[Evidence, ...]:
        return (Symmetry(GlobalPhase(), GlobalPhase()),)


class ToeplitzGram(Normal[NonCartesianMRI]):
    """``A*A`` of :class:`NonCartesianMRI` as a convolution, on the doubled grid or on the grid itself."""

    def _forward(self, x: Tensor) -> Tensor:
        op = self.operator
        dims = len(op._image)
        maps, conjugate = full_maps(op.maps, dims), full_maps(op._conjugate(op.maps), dims)
        return normal_per_sample(op._along, x, maps, conjugate, op.trajectory)


@gram.register
def _(op: NonCartesianMRI) -> LinearOperator:
    if (
        hidden(op.trajectory)
        or op.trajectory.requires_grad
        or not all(along.pays_off(op.trajectory) for along in op._along)
    ):
        return op.H @ op
    return ToeplitzGram(op)


def each_along(image: tuple[int, ...], accuracy: float, count: int | None) -> tuple[Along, ...]:
    """Return the transforms of ``count`` trajectories, or the one of a single trajectory."""
    if count is None:
        return (Along(image, accuracy),)
    return tuple(Along(image, accuracy, i) for i in range(count))


def each_density(trajectories: Tensor, image: tuple[int, ...], iterations: int) -> Tensor:
    """Return Pipe–Menon weights ``(N, …, samples)`` of N trajectories, each by itself."""
    return torch.stack([pipe_menon(one, image, iterations) for one in trajectories])


def coordinates_of(trajectory: Tensor, leading: int) -> int:
    """Return d of a trajectory with at least ``leading`` axes before the coordinates."""
    require_real(trajectory)
    dims = int(trajectory.shape[-1]) if trajectory.ndim else 0
    if dims not in (2, 3):
        raise SpaceError(
            f"the trajectory has shape {tuple(trajectory.shape)}, but its last axis must hold 2 or 3 "
            "coordinates, rows first."
        )
    if trajectory.ndim < leading + 1:
        raise SpaceError(
            f"the trajectory has shape {tuple(trajectory.shape)}, but {leading} axes before the coordinates "
            "are expected: one trajectory after the other, (N, …, samples, d)."
        )
    return dims


def accuracy_of(accuracy: float | None, dtype: torch.dtype) -> float:
    """Return the accuracy asked for, or by default what ``dtype`` reaches at a moderate price.

    Raises
    ------
    ParameterError
        Where it is no relative error.
    """
    if accuracy is None:
        return DEFAULT.get(dtype, DEFAULT[torch.complex64])  # real maps are refused in their own words
    if not 0 < accuracy < 1:
        raise ParameterError(f"accuracy = {accuracy}, but it is a relative error between 0 and 1.")
    return accuracy


def coil_images(x: Tensor, maps: Tensor) -> Tensor:
    """Return ``Σ_s maps_{s,c} · x_s``, ``(B, C, *n)``."""
    return maps[:, 0] * x if maps.shape[1] == 1 else (maps * x.unsqueeze(2)).sum(1)


def combined(images: Tensor, maps: Tensor) -> Tensor:
    """Return ``Σ_c maps_{s,c} · images_c``, ``(B, S, *n)``: the adjoint of :func:`coil_images`."""
    if maps.shape[1] == 1:
        return (maps[:, 0] * images).sum(1, keepdim=True)
    return (maps * images.unsqueeze(1)).sum(2)


def scaled_maps(maps: Tensor, dims: int, conjugate: bool) -> Tensor:
    """Return maps ``(b, sets, coils, *image)`` times N^(−1/2), N the number of pixels."""
    full = full_maps(maps, dims)
    return (conjugated(full) if conjugate else full) / math.sqrt(math.prod(full.shape[3:]))


def normal_per_sample(
    transforms: tuple[Along, ...], x: Tensor, maps: Tensor, conjugate: Tensor, trajectory: Tensor
) -> Tensor:
    """Return ``A*A x`` as a convolution, of each sample along its own trajectory where there are several."""
    if len(transforms) == 1:
        return transforms[0].normal(x, maps, conjugate, trajectory)
    x = x.expand(len(transforms), *x.shape[1:])
    parts = []
    for b, along in enumerate(transforms):
        own, back = (t[b : b + 1] if t.shape[0] > 1 else t for t in (maps, conjugate))
        parts.append(along.normal(x[b : b + 1], own, back, trajectory))
    return torch.cat(parts)


def per_sample(transforms: tuple[Along, ...], data: Tensor, one: Callable[[Along, Tensor], Tensor]) -> Tensor:
    """Return the transform of ``(B, C, …)``, each sample along its own trajectory where there are several."""
    if len(transforms) == 1:
        return one(transforms[0], data)
    if data.shape[0] not in (1, len(transforms)):
        raise SpaceError(
            f"a batch of {data.shape[0]} has no trajectory each: there are {len(transforms)}; replace "
            "trajectory by as many as there are samples."
        )
    data = data.expand(len(transforms), *data.shape[1:])
    return torch.stack([one(along, data[b]) for b, along in enumerate(transforms)])
