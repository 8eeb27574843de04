"""Fourier operators: the orthonormal transform, and multiplication in Fourier space."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from wellposed.errors import DtypeError, SpaceError, StructureError
from wellposed.linalg.base import LinearOperator, as_space
from wellposed.linalg.functions import gram_from, squared_modulus
from wellposed.linalg.rewriting import fuse_product, learns
from wellposed.linalg.spectral import apply_spectrum
from wellposed.operators.multiply import Multiply
from wellposed.spaces import AnySpace, Space
from wellposed.structure import Evidence, FourierDiagonal, Unitary


class FourierTransform(LinearOperator):
    """The orthonormal discrete Fourier transform over ``dims``: unitary, complex to complex.

    Parameters
    ----------
    domain
        Space or shape of ``x``; complex64 unless the space says otherwise.
    dims
        Negative axes to transform.
    centred
        Put the zero frequency (and the image's origin) in the middle, as MRI does:
        ``fftshift ∘ F ∘ ifftshift``.
    """

    def __init__(
        self, domain: AnySpace | tuple[int | None, ...], dims: Sequence[int] = (-2, -1), centred: bool = False
    ) -> None:
        space = as_space(domain, torch.complex64)
        if not space.is_complex:
            raise DtypeError(
                f"FourierTransform needs complex data, got {space}; use Space(shape, torch.complex64)."
            )
        super().__init__(space, space)
        self.dims = negative_dims(dims, space)
        self.centred = centred

    def _forward(self, x: Tensor) -> Tensor:
        return self._centred(torch.fft.fftn, x)

    def _adjoint(self, y: Tensor) -> Tensor:
        return self._centred(torch.fft.ifftn, y)

    def _centred(self, transform: Callable[..., Tensor], x: Tensor) -> Tensor:
        if not self.centred:
            return transform(x, dim=self.dims, norm="ortho")
        x = transform(torch.fft.ifftshift(x, dim=self.dims), dim=self.dims, norm="ortho")
        shifted: Tensor = torch.fft.fftshift(x, dim=self.dims)
        return shifted

    def _evidence(self) -> tuple[Evidence, ...]:
        return (Unitary(),)


class FourierMultiplier(LinearOperator):
    """``F⁻¹ diag(spectrum) F`` over ``dims``: a circular convolution given by its spectrum.

    Parameters
    ----------
    spectrum
        In ``torch.fft`` order; broadcasts against the transform of ``(B, *domain)``.
    domain
        Space or shape of ``x``.
    dims
        Negative axes to transform.
    half_spectrum
        The spectrum is the half spectrum of ``rfftn`` and x is real; the default follows the domain. It must
        be the transform of a real kernel: on the planes that are their own mirror image
        ``spectrum[−f] = conj(spectrum[f])``.
    """

    spectrum: Tensor

    def __init__(
        self,
        spectrum: Tensor,
        domain: AnySpace | tuple[int, ...],
        dims: Sequence[int] = (-2, -1),
        half_spectrum: bool | None = None,
    ) -> None:
        real = spectrum.real.dtype
        space = as_space(domain, real if half_spectrum in (True, None) else _complex(real))
        super().__init__(space, space)
        self.dims = negative_dims(dims, space)
        self.half_spectrum = (not space.is_complex) if half_spectrum is None else half_spectrum
        if self.half_spectrum and space.is_complex:
            raise DtypeError(f"a half spectrum belongs to real data, got {space}; pass half_spectrum=False.")
        if not self.half_spectrum and not space.is_complex:
            raise DtypeError(f"a full spectrum belongs to complex data, got {space}; give the half spectrum.")
        if self.half_spectrum:
            _require_real_kernel(spectrum, space, self.dims)
        self.register_value("spectrum", spectrum)

    def _forward(self, x: Tensor) -> Tensor:
        return apply_spectrum(self._diagonal(), x)

    def _adjoint(self, y: Tensor) -> Tensor:
        return apply_spectrum(FourierDiagonal(self.spectrum.conj(), self.dims, self.half_spectrum), y)

    def _diagonal(self) -> FourierDiagonal:
        return FourierDiagonal(self.spectrum, self.dims, self.half_spectrum)

    def _evidence(self) -> tuple[Evidence, ...]:
        return (self._diagonal(),)


@gram_from(FourierDiagonal)
def _gram(e: FourierDiagonal, domain: AnySpace) -> LinearOperator:
    return FourierMultiplier(squared_modulus(e.spectrum), domain, e.dims, e.half)


@fuse_product.register(FourierMultiplier, FourierMultiplier)
def _multipliers(a: FourierMultiplier, b: FourierMultiplier) -> LinearOperator | None:
    if (a.dims, a.half_spectrum) != (b.dims, b.half_spectrum) or learns(a) or learns(b):
        return None
    return FourierMultiplier(a.spectrum * b.spectrum, b.domain, a.dims, a.half_spectrum)


@fuse_product.register(Multiply, Multiply)
def _weights(a: Multiply, b: Multiply) -> LinearOperator | None:
    if a.range != b.domain or learns(a) or learns(b):
        return None
    return Multiply(a.weights * b.weights, b.domain)


def _require_real_kernel(spectrum: Tensor, space: AnySpace, dims: tuple[int, ...]) -> None:
    """Raise :class:`StructureError` unless a half spectrum is that of a real kernel, where it can be told."""
    plain = not (spectrum.requires_grad or torch._C._functorch.is_functorch_wrapped_tensor(spectrum))
    if not plain or not isinstance(space, Space) or spectrum.ndim < len(dims):
        return
    *rest, last = dims
    n, stored = space.shape[last], spectrum.shape[last]
    own_mirrors = {0, min(n // 2, stored - 1)} if n is not None and n % 2 == 0 else {0}
    for index in own_mirrors if spectrum.numel() else ():
        plane = spectrum.narrow(last, index, 1)
        mirror = plane.flip(rest).roll([1] * len(rest), rest) if rest else plane
        defect = (plane - mirror.conj()).abs().amax()
        if bool(defect > 1e-3 * spectrum.abs().amax()):
            raise StructureError(
                "the half spectrum is not that of a real kernel: on its own mirror plane "
                f"spectrum[−f] and conj(spectrum[f]) differ by {float(defect):.3g}; use rfftn of the "
                "kernel, or a complex space with half_spectrum=False."
            )


def negative_dims(dims: Sequence[int], space: AnySpace) -> tuple[int, ...]:
    """Return ``dims`` as negative axes of the sample, so that the batch axis can never be meant."""
    ndim = len(space.shape) if hasattr(space, "shape") else 0
    for d in dims:
        if not -ndim <= d < 0:
            raise SpaceError(f"dims={tuple(dims)} must be negative axes of {space}, between {-ndim} and -1.")
    return tuple(dims)


def _complex(dtype: torch.dtype) -> torch.dtype:
    return torch.complex128 if dtype == torch.float64 else torch.complex64
