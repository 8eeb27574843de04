"""Several slices excited at once: their images fold into one, shifted against each other (CAIPIRINHA)."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from wellposed.errors import DtypeError, SpaceError
from wellposed.linalg import gram
from wellposed.operators import LinearOperator
from wellposed.operators.derived import Derived
from wellposed.spaces import Space, require_tensor
from wellposed.structure import Evidence, NormBound, Symmetry
from wellposed_mri.encoding import kernels
from wellposed_mri.encoding.checks import coils_last, hidden, require_known, require_mask
from wellposed_mri.encoding.multicoil import VaryingAxes, centred_mask, squared_mask
from wellposed_mri.encoding.normal import Normal
from wellposed_mri.fourier import modulation
from wellposed_mri.phase import GlobalPhase


class SimultaneousMultiSliceMRI(LinearOperator):
    """``y_c[k] = mask · Σ_z exp(−2πi·shift_z·(k_W − W//2)/W) · F(maps_{c,z} · x_z)[k]``: multi-band MRI.

    Parameters
    ----------
    maps
        Complex coil sensitivities ``(coils, slices, H, W)`` or ``(B, coils, slices, H, W)``.
    shifts
        CAIPIRINHA shift of each slice along the columns in pixels, ``(slices,)``, not necessarily whole. By
        default evenly over the field of view, ``W·z/slices``; zeros for none.
    mask
        What is sampled, broadcasts against ``(coils, H, W)`` or ``(B, coils, H, W)``; ``None`` for all.

    Notes
    -----
    Images are ``(B, slices, H, W)`` and k-space ``(B, coils, H, W)``. Whole shifts move maps and images
    before their sum, so that each coil is transformed once and not once per slice. ``gram`` transforms only
    the axes along which the mask changes, and the columns where shifts are not whole.

    Raises
    ------
    SpaceError
        For maps, shifts or a mask that do not fit.
    DtypeError
        For real maps.

    References
    ----------
    F. A. Breuer et al., Magn. Reson. Med. 53 (2005) 684–691, doi:10.1002/mrm.20401; K. Setsompop et al.,
    Magn. Reson. Med. 67 (2012) 1210–1224, doi:10.1002/mrm.23097.
    """

    maps: Tensor
    shifts: Tensor
    mask: Tensor | None

    def __init__(self, maps: Tensor, shifts: Tensor | None = None, mask: Tensor | None = None) -> None:
        require_slices(maps)
        coils, slices, *image = maps.shape[-4:]
        if shifts is None:
            shifts = torch.arange(slices, dtype=maps.real.dtype, device=maps.device) * image[1] / slices
        if tuple(shifts.shape) != (slices,):
            raise SpaceError(
                f"shifts have shape {tuple(shifts.shape)}, but there are {slices} slices; give each a shift."
            )
        super().__init__(Space((slices, *image), maps.dtype), Space((coils, *image), maps.dtype))
        require_known("maps", maps)
        self.register_value("maps", maps)
        require_known("shifts", shifts)
        self.register_value("shifts", shifts.to(maps.real.dtype))
        if mask is None:
            self.mask = None
        else:
            require_mask(mask, (coils, *image))
            self.register_value("mask", mask.to(maps.real.dtype))
        self._moved_by: list[int] | None = None
        self._before = Derived(partial(_moved_maps, shifts=None, conjugate=False))
        self._back = Derived(partial(_moved_maps, shifts=None, conjugate=True))
        self._before_moved, self._back_moved = self._before, self._back
        self._weight = Derived(partial(centred_mask, sizes=tuple(image)))
        self._phases = Derived(partial(_ramps, columns=image[1]))
        self._power = Derived(_power)

    def _pixels(self) -> list[int] | None:
        """Return the shifts where they are whole, after making sure that maps are moved by them."""
        pixels = whole_numbers(self.shifts)
        if pixels is not None and pixels != self._moved_by:
            self._before_moved = Derived(partial(_moved_maps, shifts=pixels, conjugate=False))
            self._back_moved = Derived(partial(_moved_maps, shifts=pixels, conjugate=True))
            self._moved_by = pixels
        return pixels

    def _weights(self) -> Tensor:
        if self.mask is None:
            return self._weight(self.maps.real.new_ones(1, 1))
        return self._weight(self.mask)

    def _forward(self, x: Tensor) -> Tensor:
        pixels = self._pixels()
        if pixels is not None:
            return kernels.encode(_moved(x, pixels), self._before_moved(self.maps), self._weights(), (-2, -1))
        spectra = torch.fft.fftn(self._before(self.maps) * x.unsqueeze(2), dim=(-2, -1), norm="ortho")
        y: Tensor = (spectra * self._phases(self.shifts)).sum(1) * self._weights()
        return y

    def _adjoint(self, y: Tensor) -> Tensor:
        weight = self._weights().conj()
        pixels = self._pixels()
        if pixels is not None:
            x = kernels.decode(y, self._back_moved(self.maps), weight, (-2, -1))
            return _moved(x, [-n for n in pixels])
        spectra = (weight * y).unsqueeze(1) * self._phases(self.shifts).conj()
        images: Tensor = torch.fft.ifftn(spectra, dim=(-2, -1), norm="ortho")
        return (self._back(self.maps) * images).sum(2)

    def _evidence(self) -> tuple[Evidence, ...]:
        largest = 1.0 if self.mask is None else float(self.mask.detach().abs().max())
        # Slices add up: by Cauchy and Schwarz ‖A‖² is at most the sum of their largest powers.
        bound = largest * float(self._power(self.maps).detach().amax((-2, -1)).sum(-1).max()) ** 0.5
        return (NormBound(bound * (1 + 1e-6)), Symmetry(GlobalPhase(), GlobalPhase()))


class MultiSliceGram(Normal[SimultaneousMultiSliceMRI]):
    """``A*A`` of :class:`SimultaneousMultiSliceMRI`, with FFTs only along the axes that need them.

    Those on which the mask changes, and the columns, along which shifts that are not whole are phases.
    """

    def __init__(self, operator: SimultaneousMultiSliceMRI) -> None:
        super().__init__(operator)
        self._squared = Derived(partial(squared_mask, ndim=4))
        self._varying = VaryingAxes((-2, -1))

    def _forward(self, x: Tensor) -> Tensor:
        op = self.operator
        axes, pixels = self._varying(op.mask), op._pixels()
        weight = x.real.new_ones(1, 1, 1, 1) if op.mask is None else self._squared(op.mask)
        if pixels is not None:
            maps, back = op._before_moved(op.maps), op._back_moved(op.maps)
            return _moved(kernels.normal(_moved(x, pixels), maps, back, weight, axes), [-n for n in pixels])
        axes, phases = tuple(sorted({*axes, -1})), op._phases(op.shifts)
        k = torch.fft.fftn(op._before(op.maps) * x.unsqueeze(2), dim=axes, norm="ortho")
        k = ((k * phases).sum(1) * weight).unsqueeze(1) * phases.conj()
        images: Tensor = torch.fft.ifftn(k, dim=axes, norm="ortho")
        return (op._back(op.maps) * images).sum(2)


@gram.register
def _(op: SimultaneousMultiSliceMRI) -> LinearOperator:
    return MultiSliceGram(op)


def require_slices(maps: Tensor) -> None:
    """Raise unless maps are complex, ``(coils, slices, H, W)`` or ``(B, coils, slices, H, W)``."""
    require_tensor("maps", maps)
    if not maps.is_complex():
        raise DtypeError(f"maps are {str(maps.dtype).removeprefix('torch.')}, but coil maps are complex.")
    if maps.ndim not in (4, 5):
        raise SpaceError(
            f"maps have shape {tuple(maps.shape)}, but (coils, slices, H, W) or (B, coils, slices, H, W) is "
            "expected."
        )
    coils_last("maps", (maps.shape[-4], *maps.shape[-2:]), "(coils, slices, H, W)")


def whole_numbers(shifts: Tensor) -> list[int] | None:
    """Return the shifts as integers, or ``None`` where they are not whole or cannot be looked at."""
    if hidden(shifts) or shifts.requires_grad:
        return None
    values: list[float] = shifts.detach().double().tolist()
    return [int(v) for v in values] if all(v == int(v) for v in values) else None


def _moved(x: Tensor, shifts: list[int]) -> Tensor:
    """Return slices ``(…, slices, H, W)``, each moved along its columns."""
    moved: Tensor = torch.stack([x[..., z, :, :].roll(n, -1) for z, n in enumerate(shifts)], -3)
    return moved


def _moved_maps(maps: Tensor, shifts: list[int] | None, conjugate: bool) -> Tensor:
    """Return centred maps ``(b, slices, coils, H, W)``, moved with their slices."""
    moved = maps if shifts is None else _moved(maps, shifts)
    moved = moved.reshape(-1, *maps.shape[-4:]).transpose(1, 2) * modulation(maps, (-2, -1))[0]
    return (moved.conj() if conjugate else moved).resolve_conj().contiguous()


def _ramps(shifts: Tensor, columns: int) -> Tensor:
    """Return ``exp(−2πi·shift·k/W)``, ``(slices, 1, 1, W)``, k from −(W//2) on."""
    k = torch.arange(columns, dtype=shifts.dtype, device=shifts.device) - columns // 2
    angle = -2 * torch.pi / columns * shifts[:, None] * k
    return torch.polar(torch.ones_like(angle), angle)[:, None, None]


def _power(maps: Tensor) -> Tensor:
    """Return Σ|maps|² over coils, ``(b, slices, H, W)``."""
    full = maps.reshape(-1, *maps.shape[-4:])
    return (full.real.square() + full.imag.square()).sum(1)
