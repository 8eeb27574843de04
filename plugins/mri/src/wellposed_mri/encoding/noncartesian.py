"""Parallel imaging along any trajectory: radial, spiral, or wherever the gradients went."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from wellposed.errors import ParameterError, SpaceError
from wellposed.linalg import gram
from wellposed.operators import LinearOperator
from wellposed.operators.derived import Derived
from wellposed.spaces import Space
from wellposed.structure import Evidence, Symmetry
from wellposed_mri.encoding import toeplitz
from wellposed_mri.encoding.checks import full_maps
from wellposed_mri.encoding.normal import Normal
from wellposed_mri.encoding.trajectory_checks import require_trajectory
from wellposed_mri.nufft import Plans, to_image, to_points
from wellposed_mri.phase import GlobalPhase


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
        Relative error of the non-uniform transforms (in single precision at best 1e-6).

    Notes
    -----
    Images are ``(B, sets, H, W)`` and data ``(B, coils, …, samples)``. On the Cartesian grid the operator is
    :class:`MultiCoilMRI`. A and A* use the same kernels, so they are adjoint to rounding at every accuracy.
    A*A is a convolution on a doubled grid (Toeplitz) where that is cheaper. Both maps and trajectory carry
    gradients. The transforms run on the CPU.

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

    def __init__(self, maps: Tensor, trajectory: Tensor, accuracy: float = 1e-5) -> None:
        dims = int(trajectory.shape[-1]) if trajectory.ndim else 0
        if dims not in (2, 3):
            raise SpaceError(
                f"the trajectory has shape {tuple(trajectory.shape)}, but its last axis must hold 2 or 3 "
                "coordinates, rows first."
            )
        if not 0 < accuracy < 1:
            raise ParameterError(f"accuracy = {accuracy}, but it is a relative error between 0 and 1.")
        full = full_maps(maps, dims)
        image = tuple(full.shape[3:])
        require_trajectory(trajectory, image)
        super().__init__(
            Space((full.shape[1], *image), maps.dtype),
            Space((full.shape[2], *trajectory.shape[:-1]), maps.dtype),
        )
        self.register_value("maps", maps)
        self.register_value("trajectory", trajectory)
        self.accuracy = accuracy
        self._image = image
        self._plans = Plans(image, accuracy)
        self._points = Derived(partial(radians, shape=image))
        self._conjugate = Derived(torch.conj_physical)
        self._scaled = Derived(partial(_scaled, dims=dims, conjugate=False))
        self._scaled_conjugate = Derived(partial(_scaled, dims=dims, conjugate=True))
        self._kernel = Derived(partial(toeplitz.spectrum, shape=image))

    def _forward(self, x: Tensor) -> Tensor:
        # The scale of the transform is in the maps, so that it costs no pass over the data.
        maps, points = self._scaled(self.maps), self._points(self.trajectory)
        images = maps[:, 0] * x if maps.shape[1] == 1 else (maps * x.unsqueeze(2)).sum(1)
        data = to_points(images.reshape(-1, *self._image), points, self._plans)
        return data.reshape(*images.shape[:2], *self.trajectory.shape[:-1])

    def _adjoint(self, y: Tensor) -> Tensor:
        maps, images = self._scaled_conjugate(self.maps), self._adjoint_images(y)
        if maps.shape[1] == 1:
            return (maps[:, 0] * images).sum(1, keepdim=True)
        return (maps * images.unsqueeze(1)).sum(2)

    def _adjoint_images(self, y: Tensor) -> Tensor:
        points = self._points(self.trajectory)
        flat = y.reshape(y.shape[0] * y.shape[1], -1)
        images = to_image(flat, points, self._plans)
        return images.reshape(*y.shape[:2], *self._image)

    def coil_images(self, y: Tensor) -> Tensor:
        """Return ``F*y``, one image per coil ``(B, coils, *image)``, without density compensation."""
        self.range.check(y, "y")
        return self._adjoint_images(y) * self._scale

    @property
    def _scale(self) -> float:
        return 1 / math.sqrt(math.prod(self._image))

    def _evidence(self) -> tuple[Evidence, ...]:
        return (Symmetry(GlobalPhase(), GlobalPhase()),)


class ToeplitzGram(Normal[NonCartesianMRI]):
    """``A*A`` of :class:`NonCartesianMRI` as a convolution on the doubled grid."""

    def _forward(self, x: Tensor) -> Tensor:
        op = self.operator
        dims = len(op._image)
        spectrum = op._kernel(op.trajectory).to(op.maps.real.dtype)
        maps, conjugate = full_maps(op.maps, dims), full_maps(op._conjugate(op.maps), dims)
        return toeplitz.normal(x, maps, conjugate, spectrum)


@gram.register
def _(op: NonCartesianMRI) -> LinearOperator:
    if op.trajectory.requires_grad or not toeplitz.pays_off(op._image, op.trajectory, op.accuracy):
        return op.H @ op
    return ToeplitzGram(op)


def _scaled(maps: Tensor, dims: int, conjugate: bool) -> Tensor:
    """Return maps ``(b, sets, coils, *image)`` times N^(−1/2)."""
    full = full_maps(maps, dims)
    return (full.conj_physical() if conjugate else full) / math.sqrt(math.prod(full.shape[3:]))


def radians(trajectory: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return the points ``(M, d)`` in radians per pixel of a trajectory in cycles/FOV."""
    sizes = torch.tensor(shape, dtype=trajectory.dtype, device=trajectory.device)
    return (trajectory.reshape(-1, len(shape)) / sizes) * (2 * math.pi)
