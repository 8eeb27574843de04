"""Convolution with a kernel, under every boundary rule.

One idea: a padded convolution is ``Crop ∘ CircularConvolution ∘ Pad``, and the circular one is diagonal in
Fourier space. Small kernels go through a direct convolution where that is faster.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from wellposed.errors import ParameterError, SpaceError
from wellposed.linalg.spectral import apply_spectrum
from wellposed.operators.base import LinearOperator, as_space
from wellposed.operators.derived import Derived
from wellposed.operators.fourier import FourierMultiplier
from wellposed.operators.padding import BOUNDARIES, Boundary, Widths, _require_width, crop, pad, pad_adjoint
from wellposed.operators.rewriting import fuse_product
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
def _two_kernels(a: CircularConvolution, b: CircularConvolution) -> LinearOperator:
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
        self._widths: Widths = tuple((k - 1 - k // 2, k // 2) for k in taps)
        for n, (before, after) in zip(image, self._widths, strict=True):
            if boundary != "valid":
                _require_width(n, before, after, boundary)
        self._dims = tuple(range(-spatial, 0))
        self._plan(image, taps)

    def _plan(self, image: tuple[int, ...], taps: tuple[int, ...]) -> None:
        """Choose sizes at which the FFT is fast; circular data keep theirs, which the wrap needs."""
        from scipy.fft import next_fast_len

        grown = (
            image
            if self.boundary in ("valid", "circular")
            else tuple(n + k - 1 for n, k in zip(image, taps, strict=True))
        )
        fast = image if self.boundary == "circular" else tuple(next_fast_len(n, real=True) for n in grown)
        self._slack: Widths = tuple((0, f - n) for f, n in zip(fast, grown, strict=True))
        half = not _complex(self._domain, self.kernel)
        self._otf = Derived(partial(transfer_function, sizes=fast, half=half))
        self._half = half

    def _transfer(self, conjugate: bool = False) -> FourierDiagonal:
        otf = self._otf(self.kernel)
        return FourierDiagonal(otf.conj() if conjugate else otf, self._dims, self._half)

    def _forward(self, x: Tensor) -> Tensor:
        if self.boundary == "circular":
            return apply_spectrum(self._transfer(), x)
        if self.boundary != "valid":
            x = pad(x, self._widths, self.boundary)
        return self._cut(apply_spectrum(self._transfer(), pad(x, self._slack, "zero")))

    def _adjoint(self, y: Tensor) -> Tensor:
        if self.boundary == "circular":
            return apply_spectrum(self._transfer(conjugate=True), y)
        borders = tuple((a, b + s) for (a, b), (_, s) in zip(self._widths, self._slack, strict=True))
        x = crop(apply_spectrum(self._transfer(conjugate=True), pad(y, borders, "zero")), self._slack)
        return x.contiguous() if self.boundary == "valid" else pad_adjoint(x, self._widths, self.boundary)

    def _cut(self, x: Tensor) -> Tensor:
        borders = tuple((a, b + s) for (a, b), (_, s) in zip(self._widths, self._slack, strict=True))
        return crop(x, borders)

    def _evidence(self) -> tuple[Evidence, ...]:
        return (self._transfer(),) if self.boundary == "circular" else ()


def transfer_function(kernel: Tensor, sizes: tuple[int, ...], half: bool) -> Tensor:
    """Return the DFT of ``kernel``, its centre ``k // 2`` moved to the origin, on a grid of ``sizes``.

    A kernel larger than the grid is wrapped around, which is what periodic data see.
    """
    dims = tuple(range(-len(sizes), 0))
    for axis, n in zip(dims, sizes, strict=True):
        kernel = _wrapped(kernel, axis, n)
    transform: Callable[..., Tensor] = torch.fft.rfftn if half else torch.fft.fftn
    return transform(kernel, dim=dims)


def _wrapped(kernel: Tensor, axis: int, n: int) -> Tensor:
    k = kernel.shape[axis]
    blocks = -(-k // n)
    widths = [(0, 0)] * (-axis - 1)
    padded = pad(kernel, ((0, blocks * n - k), *widths), "zero")
    folded = torch.unflatten(padded, axis, (blocks, n)).sum(axis - 1)
    return folded.roll(-(k // 2), axis)


def image_space(domain: AnySpace | tuple[int, ...], kernel: Tensor) -> Space:
    """Return the image space, checking that the kernel's axes make sense for it."""
    space = as_space(domain, kernel.dtype)
    if not isinstance(space, Space) or len(space.shape) < 2:
        raise SpaceError(f"a convolution acts on images (C, H, W) or signals (C, N), got {space}.")
    spatial, channels = len(space.shape) - 1, space.concrete_shape[0]
    if not spatial <= kernel.ndim <= spatial + 2:
        raise SpaceError(
            f"kernel has shape {tuple(kernel.shape)}, but {space} has {spatial} spatial axes: give the "
            f"kernel {spatial} axes, with an optional channel axis and batch axis before them."
        )
    if kernel.ndim > spatial and kernel.shape[-spatial - 1] not in (1, channels):
        raise SpaceError(
            f"kernel of shape {tuple(kernel.shape)} has {kernel.shape[-spatial - 1]} channels, {space} has "
            f"{channels}; give 1 or {channels}."
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
