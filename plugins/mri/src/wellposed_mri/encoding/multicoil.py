"""Parallel imaging on a Cartesian grid: every coil sees the image through its own sensitivity."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.linalg import gram
from wellposed.operators import LinearOperator
from wellposed.operators.derived import Derived
from wellposed.spaces import Space
from wellposed.structure import Evidence, NormBound, Symmetry
from wellposed_mri.encoding import kernels
from wellposed_mri.encoding.checks import (
    full_maps,
    hidden,
    require_coils,
    require_known,
    require_mask,
    require_sampling,
)
from wellposed_mri.encoding.normal import Normal
from wellposed_mri.fourier import centred_ifft, centring, modulation
from wellposed_mri.phase import GlobalPhase


class MultiCoilMRI(LinearOperator):
    """``y_c = mask · F(Σ_s maps_{s,c} · x_s)``: Cartesian MRI with coils (SENSE), centred orthonormal F.

    Parameters
    ----------
    maps
        Complex coil sensitivities ``(coils, H, W)``; per sample ``(B, coils, H, W)``; with several map sets
        (soft-SENSE, Uecker et al. 2014) ``(B, sets, coils, H, W)``, B = 1 sharing them. In three dimensions
        ``(coils, D, H, W)`` and so on, with ``dims=3``.
    mask
        What is sampled: real or bool, broadcasts against ``(coils, H, W)`` or ``(B, coils, H, W)``. Weights
        other than 0 and 1 weigh the samples. ``None`` samples everything.
    dims
        Axes of the image: 2 or 3; all of them are Fourier encoded.

    Notes
    -----
    Images are ``(B, sets, H, W)`` and k-space ``(B, coils, H, W)``, both with their origin at index
    ``n // 2``. ``gram`` transforms only the axes along which the mask changes: for masks of whole columns
    A*A costs half as much as A* after A.

    Raises
    ------
    SpaceError
        For maps with a wrong number or order of axes, and for a mask that does not broadcast.
    DtypeError
        For real maps or a complex mask.

    References
    ----------
    Pruessmann et al. (1999), doi:10.1002/(SICI)1522-2594(199911)42:5<952::AID-MRM16>3.0.CO;2-S.
    """

    maps: Tensor
    mask: Tensor | None

    def __init__(self, maps: Tensor, mask: Tensor | None = None, dims: int = 2) -> None:
        if dims not in (2, 3):
            raise ParameterError(f"dims = {dims}, but an image has 2 or 3 Fourier-encoded axes here.")
        full = full_maps(maps, dims)
        sets, coils, image = full.shape[1], full.shape[2], tuple(full.shape[3:])
        super().__init__(Space((sets, *image), maps.dtype), Space((coils, *image), maps.dtype))
        require_known("maps", maps)
        require_coils(full, mask)
        self.register_value("maps", maps)
        if mask is None:
            self.mask = None
        else:
            require_mask(mask, (coils, *image))
            require_sampling(mask)
            self.register_value("mask", mask.to(maps.real.dtype))
        self.dims = dims
        self._axes = tuple(range(-dims, 0))
        self._ones = Derived(partial(_unmasked, sizes=image))
        self._before = Derived(partial(_centred_maps, dims=dims))
        self._back = Derived(partial(_conjugate_maps, dims=dims))
        self._weight = Derived(partial(centred_mask, sizes=image))
        self._power = Derived(partial(coil_power, dims=dims))

    def _weights(self) -> Tensor:
        return self._ones(self.maps) if self.mask is None else self._weight(self.mask)

    def _forward(self, x: Tensor) -> Tensor:
        return kernels.encode(x, self._before(self.maps), self._weights(), self._axes)

    def _adjoint(self, y: Tensor) -> Tensor:
        return kernels.decode(y, self._back(self.maps), self._weights().conj(), self._axes)

    def coil_images(self, y: Tensor) -> Tensor:
        """Return ``F*(mask · y)``, one image per coil ``(B, coils, *image)``, not combined."""
        self.range.check(y, "y")
        return centred_ifft(y if self.mask is None else self.mask * y, self._axes)

    def _evidence(self) -> tuple[Evidence, ...]:
        largest = 1.0 if self.mask is None else float(self.mask.detach().abs().max())
        bound = largest * float(self._power(self.maps).detach().max()) ** 0.5
        return (NormBound(bound * (1 + 1e-6)), Symmetry(GlobalPhase(), GlobalPhase()))


class MultiCoilGram(Normal[MultiCoilMRI]):
    """``A*A`` of :class:`MultiCoilMRI`, with FFTs only along the axes on which the mask changes."""

    def __init__(self, operator: MultiCoilMRI) -> None:
        super().__init__(operator)
        self._squared = Derived(partial(squared_mask, ndim=operator.dims + 2))
        self._varying = VaryingAxes(operator._axes)

    @property
    def _axes(self) -> tuple[int, ...]:
        return self._varying(self.operator.mask)

    def _forward(self, x: Tensor) -> Tensor:
        op = self.operator
        weight = x.real.new_ones((1,) * x.ndim) if op.mask is None else self._squared(op.mask)
        return kernels.normal(x, op._before(op.maps), op._back(op.maps), weight, self._axes)


@gram.register
def _(op: MultiCoilMRI) -> LinearOperator:
    return MultiCoilGram(op)


def _centred_maps(maps: Tensor, dims: int) -> Tensor:
    return full_maps(maps, dims) * modulation(maps, tuple(range(-dims, 0)))[0]


def _unmasked(maps: Tensor, sizes: tuple[int, ...]) -> Tensor:
    return centred_mask(maps.real.new_ones((1,) * len(sizes)), sizes)


def _conjugate_maps(maps: Tensor, dims: int) -> Tensor:
    return _centred_maps(maps, dims).conj().resolve_conj()


def coil_power(maps: Tensor, dims: int) -> Tensor:
    """Return Σ|maps|² over sets and coils, ``(b, *image)``."""
    full = full_maps(maps, dims)
    return (full.real.square() + full.imag.square()).sum((1, 2))


def centred_mask(mask: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """Return the weights after a plain FFT: the mask times the factors that centre it."""
    after = centring(sizes, tuple(range(-len(sizes), 0)), mask)[1]
    return leading_axes(mask * after, len(sizes) + 2)


def squared_mask(mask: Tensor, ndim: int) -> Tensor:
    """Return mask² with leading axes up to ``ndim``."""
    return leading_axes(mask.square(), ndim)


def leading_axes(t: Tensor, ndim: int) -> Tensor:
    """View ``t`` with axes of length one in front, ``ndim`` in all."""
    return t.reshape((1,) * (ndim - t.ndim) + tuple(t.shape))


class VaryingAxes:
    """Those of ``axes`` along which a mask changes: F*mask²F is the identity along the others.

    A mask is looked at again only where it is another one, so that a loaded mask is never taken for the last.
    """

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = axes
        self._flags = Derived(partial(_changes, axes=axes))

    def __call__(self, mask: Tensor | None) -> tuple[int, ...]:
        """Return the axes for ``mask``."""
        if mask is None:
            return ()
        if hidden(mask):
            return tuple(d for d in self.axes if mask.ndim >= -d and mask.shape[d] > 1)
        flags = self._flags(mask).tolist()
        return tuple(d for d, changes in zip(self.axes, flags, strict=True) if changes)


def _changes(mask: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Return along which of ``axes`` the mask changes, ``(len(axes),)`` bool, where it can be read fast."""
    values = mask.detach()
    return torch.tensor(
        [values.ndim >= -d and not bool((values == values.narrow(d, 0, 1)).all()) for d in axes]
    )
