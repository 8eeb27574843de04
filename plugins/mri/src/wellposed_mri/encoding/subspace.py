"""A decaying signal in few temporal basis functions: the unknowns are coefficients, not frames."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from wellposed.errors import SpaceError
from wellposed.linalg import gram
from wellposed.operators import LinearOperator
from wellposed.operators.derived import Derived
from wellposed.spaces import Space, require_tensor
from wellposed.structure import Evidence, NormBound, Symmetry
from wellposed_mri.encoding.checks import full_maps, require_known, require_mask
from wellposed_mri.encoding.dynamic import centred_frames
from wellposed_mri.encoding.multicoil import coil_power, leading_axes
from wellposed_mri.encoding.normal import Normal
from wellposed_mri.fourier import modulation
from wellposed_mri.phase import GlobalPhase

AXES = (-2, -1)


class SubspaceMRI(LinearOperator):
    """``y_{c,t} = mask_t · F(maps_c · Σ_k basis_{t,k} · x_k)``: frames that lie in a temporal subspace.

    T2 decay, inversion recovery or any other course of the signal is described by the first few singular
    vectors of simulated signals: ``basis = torch.linalg.svd(signals).U[:, :K]``.

    Parameters
    ----------
    maps
        Complex coil sensitivities ``(coils, H, W)`` or ``(B, coils, H, W)``.
    basis
        Temporal basis Φ, ``(T, K)``, real or complex; orthonormal columns keep the norm.
    mask
        What each frame samples: real or bool, broadcasts against ``(coils, T, H, W)`` or
        ``(B, coils, T, H, W)``.

    Notes
    -----
    Coefficient images are ``(B, K, H, W)`` and k-space ``(B, coils, T, H, W)``. K images are transformed,
    not T frames. In A*A time is gone: at each place of k-space there is the matrix Φ*diag(mask_t²)Φ, K × K.

    Raises
    ------
    SpaceError
        For a basis that is not ``(T, K)``, and for maps or a mask that do not fit.

    References
    ----------
    J. I. Tamir et al., "T2 shuffling: sharp, multicontrast, volumetric fast spin-echo imaging", Magn. Reson.
    Med. 77 (2017) 180–195, doi:10.1002/mrm.26102.
    """

    maps: Tensor
    basis: Tensor
    mask: Tensor

    def __init__(self, maps: Tensor, basis: Tensor, mask: Tensor) -> None:
        full = full_maps(maps, 2)
        require_basis(maps, full, basis)
        coils, image, (frames, order) = full.shape[2], tuple(full.shape[3:]), basis.shape
        require_mask(mask, (coils, frames, *image))
        super().__init__(Space((order, *image), maps.dtype), Space((coils, frames, *image), maps.dtype))
        require_known("maps", maps)
        self.register_value("maps", maps)
        self.register_value("basis", basis)
        self.register_value("mask", mask.to(maps.real.dtype))
        self._before = Derived(partial(_centred, conjugate=False))
        self._back = Derived(partial(_centred, conjugate=True))
        self._weight = Derived(partial(centred_frames, sizes=image))
        self._power = Derived(partial(coil_power, dims=2))

    def _forward(self, x: Tensor) -> Tensor:
        k = torch.fft.fftn(self._before(self.maps) * x.unsqueeze(1), dim=AXES, norm="ortho")
        return _mixed(self.basis, k) * self._weight(self.mask)

    def _adjoint(self, y: Tensor) -> Tensor:
        k = _mixed(self.basis.mH, self._weight(self.mask).conj() * y)
        images: Tensor = torch.fft.ifftn(k, dim=AXES, norm="ortho")
        return (self._back(self.maps) * images).sum(1)

    def frames(self, x: Tensor) -> Tensor:
        """Return the film ``Σ_k basis_{t,k} x_k``, ``(B, T, H, W)``, of coefficients ``(B, K, H, W)``."""
        self.domain.check(x)
        return _mixed(self.basis, x)

    def _evidence(self) -> tuple[Evidence, ...]:
        stretch = float(torch.linalg.matrix_norm(self.basis.detach(), 2))
        largest = float(self.mask.detach().abs().max())
        bound = stretch * largest * float(self._power(self.maps).detach().max()) ** 0.5
        return (NormBound(bound * (1 + 1e-6)), Symmetry(GlobalPhase(), GlobalPhase()))


def require_basis(maps: Tensor, full: Tensor, basis: Tensor) -> None:
    """Raise :class:`SpaceError` for map sets, and for a basis that is not ``(T, K)`` with K ≤ T."""
    require_tensor("basis", basis)
    axes = ", ".join("DHW"[6 - full.ndim :])
    if full.shape[1] != 1 or maps.ndim == full.ndim:
        raise SpaceError(
            f"maps of shape {tuple(maps.shape)} hold map sets, but the coefficients take that axis; pass "
            f"one set, (coils, {axes}) or (B, coils, {axes})."
        )
    if basis.ndim != 2 or basis.shape[0] < basis.shape[1]:
        raise SpaceError(
            f"basis has shape {tuple(basis.shape)}, but (T, K) with K ≤ T is expected: one column per "
            "basis function; pass basis.mT if they are rows."
        )


class SubspaceGram(Normal[SubspaceMRI]):
    """``A*A`` of :class:`SubspaceMRI`: a K × K matrix at each place of k-space, whatever T."""

    def __init__(self, operator: SubspaceMRI) -> None:
        super().__init__(operator)
        self._pairs = Derived(_pairs)
        self._mixed_by: Tensor | None = None
        self._kernel = Derived(self._mix)

    def _mix(self, mask: Tensor) -> Tensor:
        """Return Φ*diag(mask²)Φ, ``(b, coils, K, K, H, W)``."""
        basis = self.operator.basis
        squared = leading_axes(mask, 5).square().expand(-1, -1, basis.shape[0], -1, -1)
        pairs = self._pairs(basis)
        kernel = _mixed(pairs.mT, squared.to(pairs.dtype) if pairs.is_complex() else squared)
        order = basis.shape[1]
        return kernel.reshape(*kernel.shape[:2], order, order, *kernel.shape[3:])

    def _mixing(self) -> Tensor:
        """Return the kernel, kept while mask and basis stay."""
        op = self.operator
        if op.basis.requires_grad or torch.compiler.is_compiling():
            return self._mix(op.mask)
        pairs = self._pairs(op.basis)
        if pairs is not self._mixed_by:  # another basis: what was kept for the mask is of the last one
            self._mixed_by, self._kernel = pairs, Derived(self._mix)
        return self._kernel(op.mask)

    def _forward(self, x: Tensor) -> Tensor:
        op = self.operator
        kernel = self._mixing()
        k = torch.fft.fftn(op._before(op.maps) * x.unsqueeze(1), dim=AXES, norm="ortho")
        k = torch.stack([(kernel[:, :, i] * k).sum(2) for i in range(kernel.shape[2])], 2)
        images: Tensor = torch.fft.ifftn(k, dim=AXES, norm="ortho")
        return (op._back(op.maps) * images).sum(1)


@gram.register
def _(op: SubspaceMRI) -> LinearOperator:
    return SubspaceGram(op)


def _pairs(basis: Tensor) -> Tensor:
    """Return the products of basis functions, ``(T, K²)``."""
    return (basis.conj().unsqueeze(2) * basis.unsqueeze(1)).flatten(1)


def _mixed(matrix: Tensor, x: Tensor) -> Tensor:
    """Return ``Σ_k matrix_{t,k} x_k`` over the axis before rows and columns."""
    kind = torch.promote_types(matrix.dtype, x.dtype)
    mixed = matrix.to(kind) @ x.flatten(-2)
    return mixed.reshape(*mixed.shape[:-1], *x.shape[-2:])


def _centred(maps: Tensor, conjugate: bool) -> Tensor:
    """Return centred maps ``(b, coils, 1, H, W)``, conjugated for the way back."""
    full = full_maps(maps, 2)[:, 0].unsqueeze(2) * modulation(maps, AXES)[0]
    return full.conj().resolve_conj() if conjugate else full
