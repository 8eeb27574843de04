"""Several slices excited at once and sampled along a trajectory, told apart by phases along it."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from wellposed.errors import SpaceError
from wellposed.operators.derived import Derived
from wellposed.spaces import Space, require_tensor
from wellposed_mri.encoding.checks import require_known
from wellposed_mri.encoding.multislice import require_slices
from wellposed_mri.encoding.noncartesian import accuracy_of, coordinates_of
from wellposed_mri.encoding.superposition import Superposed
from wellposed_mri.encoding.trajectory_checks import require_trajectory


class MultiSliceNonCartesianMRI(Superposed):
    """``y_c[m] = Σ_z exp(−2πi·turns_z[m]) · F(maps_{c,z} · x_z)[m]``: multi-band MRI along a trajectory.

    Parameters
    ----------
    maps
        Complex coil sensitivities ``(coils, slices, H, W)`` or ``(B, coils, slices, H, W)``.
    trajectory
        ``(shots, …, samples, 2)`` in cycles/FOV, rows first, shared by the slices.
    turns
        Phase of each slice along the trajectory in turns, broadcasting against ``(slices, shots, …,
        samples)``: position times k_z of a gradient blip or wave, or the phase of the excitation. By default
        slice z turns by ``z/slices`` from shot to shot (radial CAIPIRINHA); ``torch.zeros(slices, 1, 1)`` for
        none.
    accuracy
        Relative error of the non-uniform transforms, by default as for :class:`NonCartesianMRI`.

    Notes
    -----
    Images are ``(B, slices, H, W)`` and data ``(B, coils, shots, …, samples)``. A*A is slices × slices
    convolutions, where that is cheaper. Maps, turns and trajectory carry gradients.

    Raises
    ------
    SpaceError
        For maps, a trajectory or turns that do not fit.
    ParameterError
        For a trajectory beyond ±n/2 or in another unit.

    References
    ----------
    S. R. Yutzy et al., "Improvements in multislice parallel imaging using radial CAIPIRINHA", Magn. Reson.
    Med. 65 (2011) 1630–1637, doi:10.1002/mrm.22752.
    """

    turns: Tensor

    def __init__(
        self, maps: Tensor, trajectory: Tensor, turns: Tensor | None = None, accuracy: float | None = None
    ) -> None:
        require_slices(maps)
        coordinates_of(trajectory, 2)
        coils, slices, *image = maps.shape[-4:]
        require_trajectory(trajectory, tuple(image))
        wide = (slices, *trajectory.shape[:-1])
        if turns is None:
            turns = cycled(slices, trajectory)
        _require_turns(turns, wide)
        super().__init__(
            Space((slices, *image), maps.dtype),
            Space((coils, *wide[1:]), maps.dtype),
            accuracy_of(accuracy, maps.dtype),
        )
        require_known("maps", maps)
        require_known("turns", turns)
        self.register_value("maps", maps)
        self.register_value("trajectory", trajectory)
        self.register_value("turns", turns)
        self._phases = Derived(partial(_phases, wide=wide, dtype=maps.dtype))
        self._scaled = Derived(_scaled)

    def _weights(self) -> Tensor:
        return self._phases(self.turns)

    def _factors(self) -> Tensor:
        return self._scaled(self.maps)


def cycled(slices: int, trajectory: Tensor) -> Tensor:
    """Return turns ``(slices, shots, 1, …)`` that go on by ``z/slices`` from shot to shot."""
    shot = torch.arange(trajectory.shape[0], dtype=trajectory.dtype, device=trajectory.device)
    z = torch.arange(slices, dtype=trajectory.dtype, device=trajectory.device)
    turns = (z[:, None] * shot % slices) / slices
    return turns.reshape(slices, -1, *(1,) * (trajectory.ndim - 2))


def _require_turns(turns: Tensor, wide: tuple[int, ...]) -> None:
    require_tensor("turns", turns)
    fits = turns.ndim == len(wide) and all(m in (1, n) for m, n in zip(turns.shape, wide, strict=True))
    if turns.is_complex() or not fits:
        raise SpaceError(
            f"turns are {str(turns.dtype).removeprefix('torch.')} of shape {tuple(turns.shape)}, but a real "
            f"phase in turns is expected that broadcasts against {wide}: slices, then the trajectory's axes."
        )


def _phases(turns: Tensor, wide: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Return ``exp(−2πi·turns)`` at every sample, ``(slices, M)``."""
    angle = -2 * math.pi * turns
    phases = torch.polar(torch.ones_like(angle), angle).to(dtype)
    return phases.expand(wide).reshape(wide[0], -1)


def _scaled(maps: Tensor) -> Tensor:
    """Return maps ``(b, coils, slices, H, W)`` times N^(−1/2)."""
    full = maps.reshape(-1, *maps.shape[-4:])
    scaled: Tensor = full / full.shape[3:].numel() ** 0.5
    return scaled
