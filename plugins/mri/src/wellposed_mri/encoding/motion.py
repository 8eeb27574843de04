"""A patient who moves between shots: every shot sees the object turned and shifted, the coils stay."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from wellposed.errors import DtypeError, ParameterError, SpaceError
from wellposed.linalg import gram
from wellposed.operators import LinearOperator
from wellposed.operators.derived import Derived
from wellposed.spaces import Space, require_tensor
from wellposed.structure import Evidence, Symmetry
from wellposed_mri.encoding import kernels
from wellposed_mri.encoding.checks import full_maps, hidden, require_known, require_mask
from wellposed_mri.encoding.multicoil import VaryingAxes, centred_mask
from wellposed_mri.encoding.normal import Normal
from wellposed_mri.encoding.rigid import moved, moved_back
from wellposed_mri.fourier import modulation
from wellposed_mri.phase import GlobalPhase


class MotionMRI(LinearOperator):
    """``y_c = Σ_s mask_s · F(maps_c · M_s x)``: Cartesian MRI with rigid motion between shots.

    Parameters
    ----------
    maps
        Complex coil sensitivities ``(coils, H, W)``, ``(B, coils, H, W)`` or ``(B, sets, coils, H, W)``; with
        D before H for ``dims=3``. They stay where they are while the object moves.
    masks
        What each shot samples, real or bool, ``(shots, H, W)`` or broadcasting, ``(shots, 1, W)``;
        ``(shots, D, H, W)`` for volumes.
    angles
        Rotation of the object in each shot in radians, ``(shots,)`` or ``(B, shots)``: anticlockwise as
        displayed, about pixel ``(H//2, W//2)``, within ±π/2. Volumes take three, ``(shots, 3)`` or ``(B,
        shots, 3)``: about D, which is anticlockwise as displayed, then about H, then about W.
    shifts
        Translation after the rotation in pixels, rows first, ``(shots, 2)`` or ``(B, shots, 2)``; volumes
        take three, depth first.
    dims
        Axes of the image: 2, in-plane motion, or 3, all six parameters.

    Notes
    -----
    Images are ``(B, sets, H, W)`` and k-space ``(B, coils, H, W)``. Motion is trigonometric interpolation:
    exact where the object is band-limited; what is moved out of the field of view comes in at its other side,
    and of large rotations the corners do. Angles and shifts carry gradients, so that motion can be estimated.
    ``gram`` transforms only the axes along which some shot's mask changes. Pixels are taken for square, and
    voxels for cubes.

    Raises
    ------
    SpaceError
        For masks, angles or shifts that do not fit.
    ParameterError
        For angles beyond ±π/2.

    References
    ----------
    K. G. Larkin, M. A. Oldfield and H. Klemm, "Fast Fourier method for the accurate rotation of sampled
    images", Opt. Commun. 139 (1997) 99–106, doi:10.1016/S0030-4018(97)00097-7; L. Cordero-Grande et al.,
    IEEE Trans. Comput. Imaging 2 (2016) 266–280, doi:10.1109/TCI.2016.2557069.
    """

    maps: Tensor
    masks: Tensor
    angles: Tensor
    shifts: Tensor

    def __init__(self, maps: Tensor, masks: Tensor, angles: Tensor, shifts: Tensor, dims: int = 2) -> None:
        if dims not in (2, 3):
            raise ParameterError(f"dims = {dims}, but an image has 2 or 3 Fourier-encoded axes here.")
        full = full_maps(maps, dims)
        coils, image = full.shape[2], tuple(full.shape[3:])
        _require_masks(masks, image)
        require_motion(angles, shifts, int(masks.shape[0]), dims)
        super().__init__(Space((full.shape[1], *image), maps.dtype), Space((coils, *image), maps.dtype))
        real = maps.real.dtype
        require_known("maps", maps)
        self.register_value("maps", maps)
        self.register_value("masks", masks.to(real))
        self.register_value("angles", angles.to(real))
        self.register_value("shifts", shifts.to(real))
        self.dims = dims
        self._axes = tuple(range(-dims, 0))
        self._before = Derived(partial(_centred, dims=dims, conjugate=False))
        self._back = Derived(partial(_centred, dims=dims, conjugate=True))
        self._weight = Derived(partial(centred_mask, sizes=image))

    @property
    def mask(self) -> Tensor:
        """What all shots sample together, ``(H, W)`` or broadcasting."""
        return self.masks.sum(0)

    def _forward(self, x: Tensor) -> Tensor:
        maps, weights = self._before(self.maps), self._weight(self.masks)
        return total(
            [
                kernels.encode(moved(x, angle, shift), maps, weights[:, s : s + 1], self._axes)
                for s, (angle, shift) in enumerate(shots_of(self.angles, self.shifts))
            ]
        )

    def _adjoint(self, y: Tensor) -> Tensor:
        maps, weights = self._back(self.maps), self._weight(self.masks).conj().resolve_conj()
        return total(
            [
                moved_back(kernels.decode(y, maps, weights[:, s : s + 1], self._axes), angle, shift)
                for s, (angle, shift) in enumerate(shots_of(self.angles, self.shifts))
            ]
        )

    def _evidence(self) -> tuple[Evidence, ...]:
        return (Symmetry(GlobalPhase(), GlobalPhase()),)


class MotionGram(Normal[MotionMRI]):
    """``A*A`` of :class:`MotionMRI`, with FFTs only along the axes on which a shot's mask changes.

    Shots that sample the same place add up there, and A*A has terms of two shots; it is a sum over single
    shots only where they share nothing.
    """

    def __init__(self, operator: MotionMRI) -> None:
        super().__init__(operator)
        self._squared = Derived(torch.square)
        self._shared = Derived(_shared)
        self._varying = VaryingAxes(operator._axes)

    def _forward(self, x: Tensor) -> Tensor:
        op = self.operator
        if hidden(op.masks) or op.masks.requires_grad or bool(self._shared(op.masks)):
            return op._adjoint(op._forward(x))
        maps, back, axes = op._before(op.maps), op._back(op.maps), self._varying(op.masks)
        weights, parts = self._squared(op.masks)[:, None, None], []
        for s, (angle, shift) in enumerate(shots_of(op.angles, op.shifts)):
            still = kernels.normal(moved(x, angle, shift), maps, back, weights[s], axes)
            parts.append(moved_back(still, angle, shift))
        return total(parts)


@gram.register
def _(op: MotionMRI) -> LinearOperator:
    return MotionGram(op)


def shots_of(angles: Tensor, shifts: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return angles ``(b, 1[, 3])`` and shifts ``(b, 1, d)`` of every shot, b being 1 or B."""
    count, dims = shifts.shape[-2:]
    angles = angles.reshape(-1, count, *((3,) if dims == 3 else ()))
    shifts = shifts.reshape(-1, count, dims)
    return [(angles[:, s : s + 1], shifts[:, s : s + 1]) for s in range(count)]


def total(parts: list[Tensor]) -> Tensor:
    """Return the sum."""
    found = parts[0]
    for part in parts[1:]:
        found = found + part
    return found


def require_motion(angles: Tensor, shifts: Tensor, count: int, dims: int) -> None:
    """Raise unless every one of ``count`` shots has its angles within ±π/2 and its shifts.

    Raises
    ------
    SpaceError
        For other numbers of shots or of parameters.
    DtypeError
        For complex ones.
    ParameterError
        For larger angles, and for NaN.
    """
    require_tensor("angles", angles)
    require_tensor("shifts", shifts)
    wanted = (count, 3) if dims == 3 else (count,)
    extra = angles.ndim - len(wanted)
    if extra not in (0, 1) or tuple(angles.shape[extra:]) != wanted:
        raise SpaceError(
            f"angles have shape {tuple(angles.shape)}, but there are {count} shots: {wanted}"
            + (", about D, H and W." if dims == 3 else ".")
        )
    if shifts.ndim not in (2, 3) or tuple(shifts.shape[-2:]) != (count, dims):
        first = "depth" if dims == 3 else "rows"
        raise SpaceError(
            f"shifts have shape {tuple(shifts.shape)}, but there are {count} shots: ({count}, {dims}), "
            f"{first} first."
        )
    if angles.is_complex() or shifts.is_complex():
        raise DtypeError("angles and shifts are complex, but motion is real; pass their real parts.")
    require_known("angles", angles)
    require_known("shifts", shifts)
    if not hidden(angles) and bool((angles.detach().abs() > torch.pi / 2 + 1e-6).any()):
        raise ParameterError(
            f"angles reach {float(angles.detach().abs().max()):.4g} rad, but they must lie within ±π/2; are "
            "they in degrees? Then pass angles.deg2rad()."
        )


def _require_masks(masks: Tensor, image: tuple[int, ...]) -> None:
    require_tensor("masks", masks)
    if masks.ndim != len(image) + 1:
        axes = ", ".join("DHW"[3 - len(image) :])
        raise SpaceError(
            f"masks have shape {tuple(masks.shape)}, but (shots, {axes}) is expected: what each shot samples."
        )
    require_mask(masks, (int(masks.shape[0]), *image), "masks")


def _shared(masks: Tensor) -> Tensor:
    """Return whether any place is sampled by more than one shot."""
    return ((masks != 0).sum(0) > 1).any()


def _centred(maps: Tensor, dims: int, conjugate: bool) -> Tensor:
    full = full_maps(maps, dims) * modulation(maps, tuple(range(-dims, 0)))[0]
    return full.conj().resolve_conj() if conjugate else full
