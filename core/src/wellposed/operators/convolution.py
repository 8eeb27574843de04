"""Convolution with a kernel, under every boundary rule.

One idea: a padded convolution is ``Crop ∘ CircularConvolution ∘ Pad``, and the circular one is diagonal in
Fourier space. Small kernels take :mod:`~wellposed.operators.direct` convolution where that is faster.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from wellposed.errors import DtypeError, ParameterError, SpaceError
from wellposed.linalg.base import LinearOperator, as_space
from wellposed.linalg.rewriting import fuse_product, learns
from wellposed.linalg.spectral import apply_spectrum, filtered, fourier, inverse_fourier
from wellposed.operators import direct
from wellposed.operators.derived import Derived
from wellposed.operators.fourier import FourierMultiplier
from wellposed.operators.padding import BOUNDARIES, Boundary, Widths, _require_width, pad, pad_adjoint
from wellposed.spaces import AnySpace, Space
from wellposed.structure import Evidence, FourierDiagonal

Rule: TypeAlias = Boundary | Literal["valid"]


class CircularConvolution(LinearOperator):
    """``x ↦ k ⊛ x`` with periodic boundary: diagonal in Fourier space, so every solve has a closed form.

    Parameters
    ----------
    kernel
        Spatial shape ``(kh, kw)`` (or ``(k,)``, ``(kd, kh, kw)``), shared by all channels; ``(C, kh, kw)``
        per channel; ``(B, C or 1, kh, kw)`` per sample. Its centre, index ``k // 2`` per axis, is the
        origin. A kernel larger than the image wraps around.
    domain
        Space or shape ``(C, H, W)`` of ``x``; the number of spatial axes is ``len(shape) − 1``.
    """

    kernel: Tensor

    def __init__(self, kernel: Tensor, domain: AnySpace | tuple[int, ...]) -> None:
        space = image_space(domain, kernel)
        super().__init__(space, space)
        self.register_value("kernel", kernel)
        self.spatial = len(space.shape) - 1
        self._otf = Derived(partial(transfer_function, sizes=_sizes(space), half=not _complex(space, kernel)))

    def spectrum(self) -> FourierDiagonal:
        """Return the transfer function as evidence."""
        half = not _complex(self.domain, self.kernel)
        return FourierDiagonal(self._otf(self.kernel), tuple(range(-self.spatial, 0)), half)

    def _forward(self, x: Tensor) -> Tensor:
        return apply_spectrum(self.spectrum(), x)

    def _adjoint(self, y: Tensor) -> Tensor:
        e = self.spectrum()
        return apply_spectrum(FourierDiagonal(e.spectrum.conj(), e.dims, e.half), y)

    def _evidence(self) -> tuple[Evidence, ...]:
        return (self.spectrum(),)


@fuse_product.register(CircularConvolution, CircularConvolution)
def _two_kernels(a: CircularConvolution, b: CircularConvolution) -> LinearOperator | None:
    if learns(a) or learns(b):
        return None
    ea, eb = a.spectrum(), b.spectrum()
    return FourierMultiplier(ea.spectrum * eb.spectrum, b.domain, eb.dims, eb.half)


class Convolution(LinearOperator):
    """``x ↦ k ∗ x`` with the image continued beyond its border by the ``boundary`` rule.

    Parameters
    ----------
    kernel
        As in :class:`CircularConvolution`, not larger than the image.
    domain
        Space or shape ``(C, H, W)`` of ``x``.
    boundary
        ``zero``, ``circular``, ``replicate``, ``reflect``: the output has the size of ``x``; ``valid``: only
        pixels that need nothing beyond the border, ``H − kh + 1`` of them.

    Notes
    -----
    For a square the pixel ``i`` of the output is Σⱼ k[j] x[i − j + k//2].
    """

    kernel: Tensor

    def __init__(self, kernel: Tensor, domain: AnySpace | tuple[int, ...], boundary: Rule = "valid") -> None:
        if boundary not in (*BOUNDARIES, "valid"):
            raise ParameterError(
                f"boundary={boundary!r} is unknown; choose one of {', '.join((*BOUNDARIES, 'valid'))}."
            )
        space = image_space(domain, kernel)
        spatial = len(space.shape) - 1
        image, taps = _sizes(space), tuple(kernel.shape[-spatial:])
        require_smaller(taps, image)
        out = tuple(n - k + 1 for n, k in zip(image, taps, strict=True)) if boundary == "valid" else image
        super().__init__(space, Space((space.shape[0], *out), space.dtype))
        self.register_value("kernel", kernel)
        self.boundary = boundary
        self._rule: Boundary = "zero" if boundary == "valid" else boundary
        self._widths: Widths = tuple(
            (0, 0) if boundary == "valid" else (k - 1 - k // 2, k // 2) for k in taps
        )
        for n, (before, after) in zip(image, self._widths, strict=True):
            _require_width(n, before, after, self._rule)
        self._seen = tuple(out)
        self._dims = tuple(range(-spatial, 0))
        self._plan(image, taps)

    def _plan(self, image: tuple[int, ...], taps: tuple[int, ...]) -> None:
        """Choose the grid of the FFT, and where on it the kernel's centre lies.

        Circular data keep their size. Zeros beyond the border are there as soon as what the kernel reaches
        over the end is: n + max(before, after). Other rules make the border explicit; then the first pixel
        that needs nothing beyond it comes first, so that results are always cut off at the end only.
        """
        self._bordered = self.boundary in ("replicate", "reflect")
        self._extended = image
        if self._bordered:
            self._extended = tuple(n + sum(w) for n, w in zip(image, self._widths, strict=True))
        grown = self._extended
        if self.boundary == "zero":
            grown = tuple(n + max(w) for n, w in zip(image, self._widths, strict=True))
        inside = self.boundary in ("circular", "zero")
        origin = tuple(k // 2 if inside else k - 1 for k in taps)
        self._grid = image if self.boundary == "circular" else tuple(fast_length(n) for n in grown)
        self._half = not _complex(self._domain, self.kernel)
        derive = partial(transfer_function, sizes=self._grid, half=self._half, origin=origin)
        self._otf = Derived(derive)

    def _transfer(self, conjugate: bool = False) -> FourierDiagonal:
        otf = self._otf(self.kernel)
        return FourierDiagonal(otf.conj() if conjugate else otf, self._dims, self._half)

    def _forward(self, x: Tensor) -> Tensor:
        if direct.is_faster(x, self.kernel, len(self._dims)):
            return direct.correlate(pad(x, self._widths, self._rule), self.kernel.flip(self._dims))
        e = self._transfer()

        def convolve(x: Tensor, otf: Tensor) -> Tensor:
            x = pad(x, self._widths, self._rule) if self._bordered else x
            return _leading(inverse_fourier(fourier(x, e, self._grid) * otf, e, x, self._grid), self._seen)

        return filtered(convolve, e, (x,), (e.spectrum,))

    def _adjoint(self, y: Tensor) -> Tensor:
        if direct.is_faster(y, self.kernel, len(self._dims)):
            reach = tuple((k - 1, k - 1) for k in self.kernel.shape[-2:])
            return pad_adjoint(direct.correlate(pad(y, reach, "zero"), self.kernel), self._widths, self._rule)
        e = self._transfer(conjugate=True)

        def correlate(y: Tensor, otf: Tensor) -> Tensor:
            x = inverse_fourier(fourier(y, e, self._grid) * otf, e, y, self._grid)
            x = _leading(x, self._extended)
            return pad_adjoint(x, self._widths, self._rule) if self._bordered else x

        return filtered(correlate, e, (y,), (e.spectrum,))

    def _evidence(self) -> tuple[Evidence, ...]:
        return (self._transfer(),) if self.boundary == "circular" else ()


def transfer_function(
    kernel: Tensor, sizes: tuple[int, ...], half: bool, origin: tuple[int, ...] | None = None
) -> Tensor:
    """Return the DFT of ``kernel`` on a grid of ``sizes``, its index ``origin`` (the centre) moved to 0.

    A kernel larger than the grid is wrapped around, which is what periodic data see.
    """
    dims = tuple(range(-len(sizes), 0))
    origin = origin or tuple(k // 2 for k in kernel.shape[-len(sizes) :])
    for axis, n, start in zip(dims, sizes, origin, strict=True):
        kernel = _wrapped(kernel, axis, n, start)
    transform: Callable[..., Tensor] = torch.fft.rfftn if half else torch.fft.fftn
    return transform(kernel, dim=dims)


def _wrapped(kernel: Tensor, axis: int, n: int, start: int) -> Tensor:
    k = kernel.shape[axis]
    blocks = -(-k // n)
    widths = [(0, 0)] * (-axis - 1)
    padded = pad(kernel, ((0, blocks * n - k), *widths), "zero")
    folded = torch.unflatten(padded, axis, (blocks, n)).sum(axis - 1)
    return folded.roll(-start, axis)


def fast_length(n: int) -> int:
    """Return the next length whose FFT is fast: a multiple of 4 without prime factors above 7.

    Odd lengths cost twice as much per pixel, and 2 · odd a quarter more.
    """
    if n <= 4:
        return n
    length = -(-n // 4) * 4
    while _cofactor(length) > 1:
        length += 4
    return length


def _cofactor(n: int) -> int:
    for p in (2, 3, 5, 7):
        while n % p == 0:
            n //= p
    return n


def _leading(x: Tensor, sizes: tuple[int, ...]) -> Tensor:
    for axis, n in enumerate(sizes, start=-len(sizes)):
        x = x.narrow(axis, 0, n)
    return x


def image_space(domain: AnySpace | tuple[int, ...], kernel: Tensor) -> Space:
    """Return the image space, checking that the kernel's axes make sense for it."""
    space = as_space(domain, kernel.dtype)
    if not isinstance(space, Space) or len(space.shape) < 2:
        raise SpaceError(f"a convolution acts on images (C, H, W) or signals (C, N), got {space}.")
    if kernel.is_complex() and space.dtype is not None and not space.is_complex:
        raise DtypeError(
            f"a complex kernel maps real images {space} to complex ones; use a complex space for both."
        )
    spatial, channels = len(space.shape) - 1, space.concrete_shape[0]
    if not spatial <= kernel.ndim <= spatial + 2:
        raise SpaceError(
            f"kernel has shape {tuple(kernel.shape)}, but {space} has {spatial} spatial axes: give the "
            f"kernel {spatial} axes, with an optional channel axis and batch axis before them."
        )
    if kernel.ndim > spatial and kernel.shape[-spatial - 1] not in (1, channels):
        shape, seen = tuple(kernel.shape), kernel.shape[-spatial - 1]
        per_sample = (seen, 1, *shape[-spatial:])
        raise SpaceError(
            f"kernel of shape {shape} has {seen} channels, {space} has {channels}; give one for all or one "
            f"per channel. For one kernel per sample give {per_sample}."
        )
    return space


def require_smaller(taps: tuple[int, ...], image: tuple[int, ...]) -> None:
    """Raise :class:`SpaceError` when the kernel is larger than the image."""
    if any(k > n for k, n in zip(taps, image, strict=True)):
        raise SpaceError(
            f"the kernel {_times(taps)} is larger than the image {_times(image)}; "
            "crop the kernel's empty border, or use CircularConvolution, which wraps it."
        )


def _times(sizes: tuple[int, ...]) -> str:
    return " × ".join(map(str, sizes))


def _sizes(space: Space) -> tuple[int, ...]:
    return space.concrete_shape[1:]


def _complex(space: Any, kernel: Tensor) -> bool:
    return bool(space.is_complex) or kernel.is_complex()
