"""A decaying signal in few temporal basis functions, every frame sampled along a trajectory of its own."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from wellposed.errors import SpaceError
from wellposed.operators.derived import Derived
from wellposed.spaces import Space
from wellposed_mri.encoding.checks import full_maps, require_known
from wellposed_mri.encoding.noncartesian import accuracy_of, coordinates_of
from wellposed_mri.encoding.subspace import require_basis
from wellposed_mri.encoding.superposition import Superposed
from wellposed_mri.encoding.trajectory_checks import require_trajectory


class SubspaceNonCartesianMRI(Superposed):
    """``y_{c,t} = F_t(maps_c · Σ_k basis_{t,k} · x_k)``: :class:`SubspaceMRI` along trajectories.

    Fingerprinting, T2 shuffling and inversion recovery with spokes or spirals. F_t is the transform along
    ``trajectory[t]``.

    Parameters
    ----------
    maps
        Complex coil sensitivities ``(coils, H, W)`` or ``(B, coils, H, W)``; with D before H in three
        dimensions.
    basis
        Temporal basis Φ, ``(T, K)``, real or complex; orthonormal columns keep the norm.
    trajectory
        ``(T, …, samples, d)`` in cycles/FOV, rows first, shared by the batch.
    accuracy
        Relative error of the non-uniform transforms, by default as for :class:`NonCartesianMRI`.

    Notes
    -----
    Coefficient images are ``(B, K, H, W)`` and data ``(B, coils, T, …, samples)``. K images are transformed
    along all points, not T frames along their own. In A*A time is gone: it is K × K convolutions, whatever
    T, where that is cheaper. Maps, basis and trajectory carry gradients.

    Raises
    ------
    SpaceError
        For a basis that is not ``(T, K)``, and for maps or a trajectory that do not fit.
    ParameterError
        For a trajectory beyond ±n/2 or in another unit.

    References
    ----------
    J. Assländer et al., "Low rank alternating direction method of multipliers reconstruction for MR
    fingerprinting", Magn. Reson. Med. 79 (2018) 83–96, doi:10.1002/mrm.26639; J. I. Tamir et al., Magn.
    Reson. Med. 77 (2017) 180–195, doi:10.1002/mrm.26102.
    """

    basis: Tensor

    def __init__(
        self, maps: Tensor, basis: Tensor, trajectory: Tensor, accuracy: float | None = None
    ) -> None:
        dims = coordinates_of(trajectory, 2)
        full = full_maps(maps, dims)
        require_basis(maps, full, basis)
        image, (frames, order) = tuple(full.shape[3:]), basis.shape
        require_trajectory(trajectory, image)
        if trajectory.shape[0] != frames:
            raise SpaceError(
                f"the trajectory has shape {tuple(trajectory.shape)}, but the basis has {frames} frames: "
                f"({frames}, …, samples, {dims}) is expected, one trajectory for each."
            )
        super().__init__(
            Space((order, *image), maps.dtype),
            Space((full.shape[2], *trajectory.shape[:-1]), maps.dtype),
            accuracy_of(accuracy, maps.dtype),
        )
        require_known("maps", maps)
        self.register_value("maps", maps)
        self.register_value("basis", basis)
        self.register_value("trajectory", trajectory)
        self._every = Derived(partial(_every_sample, count=trajectory.shape[1:-1].numel(), dtype=maps.dtype))
        self._scaled = Derived(partial(_scaled, dims=dims))

    def _weights(self) -> Tensor:
        return self._every(self.basis)

    def _factors(self) -> Tensor:
        return self._scaled(self.maps)

    def frames(self, x: Tensor) -> Tensor:
        """Return the film ``Σ_k basis_{t,k} x_k``, ``(B, T, *image)``, of coefficients ``(B, K, *image)``."""
        self.domain.check(x)
        film: Tensor = torch.einsum("tk,bk...->bt...", self.basis.to(x.dtype), x)
        return film


def _every_sample(basis: Tensor, count: int, dtype: torch.dtype) -> Tensor:
    """Return the basis at each of ``count`` samples of each frame, ``(K, M)``."""
    basis = basis.to(dtype if basis.is_complex() else dtype.to_real())
    return basis.mT.repeat_interleave(count, 1)


def _scaled(maps: Tensor, dims: int) -> Tensor:
    """Return maps ``(b, coils, 1, *image)`` times N^(−1/2)."""
    full = full_maps(maps, dims)[:, 0].unsqueeze(2)
    scaled: Tensor = full / full.shape[3:].numel() ** 0.5
    return scaled
