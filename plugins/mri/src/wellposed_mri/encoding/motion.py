"""A patient who moves between shots: every shot sees the object turned and shifted, the coils stay.

A rotation is three shears, a shear shifts every line by its own amount, and a shift is a phase in Fourier
space. So the motion is unitary, its inverse is its adjoint, and it is smooth in its parameters.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from wellposed.errors import DtypeError, ParameterError, SpaceError
from wellposed.operators.base import LinearOperator
from wellposed.operators.derived import Derived
from wellposed.spaces import Space
from wellposed.structure import Evidence, Symmetry
from wellposed_mri.encoding import kernels
from wellposed_mri.encoding.checks import full_maps, require_known, require_mask
from wellposed_mri.encoding.multicoil import centred_mask
from wellposed_mri.fourier import modulation
from wellposed_mri.phase import GlobalPhase


class MotionMRI(LinearOperator):
    """``y_c = Σ_s mask_s · F(maps_c · M_s x)``: Cartesian MRI with rigid in-plane motion between shots.

    Parameters
    ----------
    maps
        Complex coil sensitivities ``(coils, H, W)``, ``(B, coils, H, W)`` or ``(B, sets, coils, H, W)``.
    masks
        What each shot samples, real or bool, ``(shots, H, W)`` or broadcasting, ``(shots, 1, W)``.
    angles
        Rotation of the object in each shot in radians, ``(shots,)`` or ``(B, shots)``: anticlockwise as
        displayed, about pixel ``(H//2, W//2)``, within ±π/2.
    shifts
        Translation after the rotation in pixels, rows first, ``(shots, 2)`` or ``(B, shots, 2)``.

    Notes
    -----
    Images are ``(B, sets, H, W)`` and k-space ``(B, coils, H, W)``. Motion is trigonometric interpolation:
    exact where the object is band-limited; what is moved out of the field of view comes in at its other side,
    and of large rotations the corners do. Angles and shifts carry gradients, so that motion can be estimated.

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

    def __init__(self, maps: Tensor, masks: Tensor, angles: Tensor, shifts: Tensor) -> None:
        full = full_maps(maps, 2)
        coils, image = full.shape[2], tuple(full.shape[3:])
        _require_shots(masks, angles, shifts, image)
        super().__init__(Space((full.shape[1], *image), maps.dtype), Space((coils, *image), maps.dtype))
        real = maps.real.dtype
        require_known("maps", maps)
        self.register_value("maps", maps)
        self.register_value("masks", masks.to(real))
        self.register_value("angles", angles.to(real))
        self.register_value("shifts", shifts.to(real))
        self._before = Derived(partial(_centred, conjugate=False))
        self._back = Derived(partial(_centred, conjugate=True))
        self._weight = Derived(partial(centred_mask, sizes=image))

    @property
    def mask(self) -> Tensor:
        """What all shots sample together, ``(H, W)`` or broadcasting."""
        return self.masks.sum(0)

    def _shots(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Return angle ``(b, 1)``, shift ``(b, 1, 2)`` and weight ``(1, 1, H, W)`` of every shot."""
        count = self.masks.shape[0]
        angles, shifts = self.angles.reshape(-1, count), self.shifts.reshape(-1, count, 2)
        weights = self._weight(self.masks)
        return [(angles[:, s : s + 1], shifts[:, s : s + 1], weights[:, s : s + 1]) for s in range(count)]

    def _forward(self, x: Tensor) -> Tensor:
        maps, parts = self._before(self.maps), []
        for angle, shift, weight in self._shots():
            parts.append(kernels.encode(moved(x, angle, shift), maps, weight, (-2, -1)))
        return _total(parts)

    def _adjoint(self, y: Tensor) -> Tensor:
        maps, parts = self._back(self.maps), []
        for angle, shift, weight in self._shots():
            images = kernels.decode(y, maps, weight.conj().resolve_conj(), (-2, -1))
            parts.append(moved_back(images, angle, shift))
        return _total(parts)

    def _evidence(self) -> tuple[Evidence, ...]:
        return (Symmetry(GlobalPhase(), GlobalPhase()),)


def moved(x: Tensor, angles: Tensor, shifts: Tensor) -> Tensor:
    """Return complex images ``(…, H, W)`` turned by ``angles`` ``(…)``, then moved by ``shifts``."""
    along_rows, first, last = _lines(x, angles, shifts)
    x = _shifted(x, first, -1)
    x = _shifted(x, along_rows, -2)
    return _shifted(x, last, -1)


def moved_back(x: Tensor, angles: Tensor, shifts: Tensor) -> Tensor:
    """Return the images before :func:`moved`: its inverse, which is its adjoint."""
    along_rows, first, last = _lines(x, angles, shifts)
    x = _shifted(x, -last, -1)
    x = _shifted(x, -along_rows, -2)
    return _shifted(x, -first, -1)


def _lines(x: Tensor, angles: Tensor, shifts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return by how much every column, row and again row moves: ``(…, 1, W)``, ``(…, H, 1)`` twice.

    The translation needs no transforms of its own: along the rows it goes with the second shear, along the
    columns with the last one, which has to make up for the rows that the second has moved.
    """
    slant, turn = torch.tan(angles / 2)[..., None, None], torch.sin(angles)[..., None, None]
    down, right = shifts[..., 0, None, None], shifts[..., 1, None, None]
    rows = (torch.arange(x.shape[-2], dtype=angles.dtype, device=x.device) - x.shape[-2] // 2)[:, None]
    columns = torch.arange(x.shape[-1], dtype=angles.dtype, device=x.device) - x.shape[-1] // 2
    return down - turn * columns, slant * rows, slant * (rows - down) + right


def _shifted(x: Tensor, by: Tensor, axis: int) -> Tensor:
    """Return lines along ``axis`` moved by ``by`` pixels, by the phases of their Fourier coefficients."""
    n = x.shape[axis]
    k = torch.fft.fftfreq(n, dtype=by.dtype, device=x.device).reshape((n,) + (1,) * (-axis - 1))
    angle = -2 * torch.pi * k * by
    phases = torch.polar(torch.ones_like(angle), angle)
    result: Tensor = torch.fft.ifft(torch.fft.fft(x, dim=axis) * phases, dim=axis)
    return result


def _total(parts: list[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _require_shots(masks: Tensor, angles: Tensor, shifts: Tensor, image: tuple[int, ...]) -> None:
    if masks.ndim != 3:
        raise SpaceError(
            f"masks have shape {tuple(masks.shape)}, but (shots, H, W) is expected: what each shot samples."
        )
    count = int(masks.shape[0])
    require_mask(masks, (count, *image), "masks")
    if angles.ndim not in (1, 2) or angles.shape[-1] != count:
        raise SpaceError(f"angles have shape {tuple(angles.shape)}, but there are {count} shots: ({count},).")
    if shifts.ndim not in (2, 3) or tuple(shifts.shape[-2:]) != (count, 2):
        raise SpaceError(
            f"shifts have shape {tuple(shifts.shape)}, but there are {count} shots: ({count}, 2), rows first."
        )
    if angles.is_complex() or shifts.is_complex():
        raise DtypeError("angles and shifts are complex, but motion is real; pass their real parts.")
    require_known("angles", angles)
    require_known("shifts", shifts)
    watched = torch._C._functorch.is_functorch_wrapped_tensor(angles) or torch.compiler.is_compiling()
    if not watched and bool((angles.detach().abs() > torch.pi / 2 + 1e-6).any()):
        raise ParameterError(
            f"angles reach {float(angles.detach().abs().max()):.4g} rad, but they must lie within ±π/2; are "
            "they in degrees? Then pass angles.deg2rad()."
        )


def _centred(maps: Tensor, conjugate: bool) -> Tensor:
    full = full_maps(maps, 2) * modulation(maps, (-2, -1))[0]
    return full.conj().resolve_conj() if conjugate else full
