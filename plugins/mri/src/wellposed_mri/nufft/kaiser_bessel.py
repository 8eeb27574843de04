"""Non-uniform transforms in plain torch, for devices that finufft does not know: FFT and interpolation.

An image is divided by the kernel's transform, put on a grid twice as long and transformed; each sample is
read from its w nearest places on each axis, weighted by a Kaiser–Bessel kernel. The adjoint runs the same
steps backwards with the same weights, so that it is exact whatever the width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import reduce

import torch
from torch import Tensor

BLOCK = 2**24
"""Products of samples, images and kernel values that are worked on at a time."""


class KaiserBessel:
    """The transforms of one set of points, on their device and in the precision asked for.

    Parameters
    ----------
    shape
        Image size.
    points
        Points ``(M, d)`` in radians per pixel.
    accuracy
        Relative error, at least 1e-12; what single precision adds by rounding comes on top.
    dtype
        Of the data: complex64 or complex128.

    References
    ----------
    P. J. Beatty, D. G. Nishimura and J. M. Pauly, "Rapid gridding reconstruction with a minimal oversampling
    ratio", IEEE Trans. Med. Imaging 24 (2005) 799–808, doi:10.1109/TMI.2005.848376: eqs. (4) and (5).
    """

    def __init__(self, shape: tuple[int, ...], points: Tensor, accuracy: float, dtype: torch.dtype) -> None:
        self.shape, self.grid = shape, tuple(2 * max(n, 8) for n in shape)
        width = min(16, math.ceil(-math.log10(max(accuracy, 1e-12))) + 2)
        beta = math.pi * math.sqrt(2.25 * (width / 2) ** 2 - 0.8)
        # Made once, on the CPU and in double precision, which not every device has.
        theta = points.detach().cpu().double() / (2 * math.pi)
        found = [_nearest(theta[:, d] * n, n, width, beta) for d, n in enumerate(self.grid)]
        real = dtype.to_real()
        self._places = [places.to(points.device) for places, _ in found]
        self._weights = [weights.to(points.device, real) for _, weights in found]
        profiles = [_profile(n, g, width, beta) for n, g in zip(shape, self.grid, strict=True)]
        self._profile = reduce(lambda a, b: a[..., None] * b, profiles).to(points.device, real)

    def to_points(self, x: Tensor) -> Tensor:
        """Return ``Σ_j x[j]·exp(−iθ_m·(j − n//2))``, ``(T, M)``, of images ``(T, *shape)``."""
        axes, before = tuple(range(1, x.ndim)), self._margins()
        padded = torch.nn.functional.pad(x / self._profile, before)
        spectra = torch.fft.fftn(torch.fft.ifftshift(padded, axes), dim=axes).flatten(1)
        parts = [(spectra[:, at] * weights).sum(-1) for at, weights, _ in self._blocks(len(x))]
        return torch.cat(parts, 1)

    def to_image(self, y: Tensor) -> Tensor:
        """Return ``Σ_m y[m]·exp(+iθ_m·(j − n//2))``, ``(T, *shape)``, of samples ``(T, M)``."""
        axes = tuple(range(1, len(self.shape) + 1))
        spectra = y.new_zeros(len(y), math.prod(self.grid))
        for at, weights, chosen in self._blocks(len(y)):
            spectra.index_add_(1, at.flatten(), (y[:, chosen, None] * weights).flatten(1))
        grid = torch.fft.ifftn(spectra.reshape(-1, *self.grid), dim=axes, norm="forward")
        image = torch.fft.fftshift(grid, axes)
        for axis, (n, g) in enumerate(zip(self.shape, self.grid, strict=True), 1):
            image = image.narrow(axis, g // 2 - n // 2, n)
        scaled: Tensor = image / self._profile
        return scaled

    def _margins(self) -> list[int]:
        """Return the zeros before and after each axis, last axis first: the origin stays at index n//2."""
        margins: list[int] = []
        for n, g in zip(reversed(self.shape), reversed(self.grid), strict=True):
            start = g // 2 - n // 2
            margins += [start, g - n - start]
        return margins

    def _blocks(self, images: int) -> Iterator[tuple[Tensor, Tensor, slice]]:
        """Yield places on the flat grid and their weights, ``(m, w^d)``, and which samples they are of."""
        count, values = self._places[0].shape[0], self._places[0].shape[1] ** len(self.shape)
        step = max(1, BLOCK // (max(1, images) * values))
        for start in range(0, max(1, count), step):
            chosen = slice(start, start + step)
            at, weights = self._places[0][chosen], self._weights[0][chosen]
            for n, places, more in zip(self.grid[1:], self._places[1:], self._weights[1:], strict=True):
                at = (at[:, :, None] * n + places[chosen, None]).flatten(1)
                weights = (weights[:, :, None] * more[chosen, None]).flatten(1)
            yield at, weights, chosen


def _nearest(at: Tensor, size: int, width: int, beta: float) -> tuple[Tensor, Tensor]:
    """Return the ``width`` grid places next to each point and the kernel there, ``(M, width)`` each."""
    first = torch.ceil(at - width / 2)
    k = first[:, None] + torch.arange(width, dtype=torch.float64)
    inside = (1 - ((at[:, None] - k) * (2 / width)).square()).clamp(min=0)
    return k.long() % size, torch.special.i0(beta * inside.sqrt()) / math.cosh(beta)


def _profile(n: int, size: int, width: int, beta: float) -> Tensor:
    """Return the kernel's transform at the pixels of an axis, ``(n,)``: what images are divided by."""
    turns = (torch.arange(n, dtype=torch.float64) - n // 2) / size
    root = (beta**2 - (math.pi * width * turns).square()).sqrt()
    return width * torch.sinh(root) / root / math.cosh(beta)
