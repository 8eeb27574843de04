"""Denoising by grouping similar patches and shrinking them together (Dabov et al. 2007).

Everything is done in the cosine domain of dense patches: the 2-D transform of every patch is one
convolution, a group is a gather of rows, aggregation is a scatter of rows, and going back to pixels is one
transposed convolution. Similarity is measured on low cosine frequencies, where noise matters least.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from wellposed.errors import ParameterError
from wellposed.immutable import Immutable
from wellposed_optim.denoisers.images import as_planes, opponent, pad_symmetric, per_image

PATCH = 8
CHUNK = 2048
"""Groups shrunk at a time: what stays in the cache is worth more than long vectors."""


class BM3D(Immutable):
    """Remove white noise by collaborative filtering: hard thresholding of groups, then Wiener filtering.

    Own implementation of the two-stage method of Dabov, Foi, Katkovnik & Egiazarian (2007), "Image
    denoising by sparse 3-D transform-domain collaborative filtering", with cosine patches in both stages.
    Colour images are denoised in an orthonormal opponent space with groups found on the luminance.

    Parameters
    ----------
    stride
        Pixels between reference patches; larger is faster.
    radius
        Candidates lie within ± this many pixels of the reference patch.
    group, wiener_group
        Patches per group in the two stages, powers of two.
    threshold
        Hard threshold in units of σ.
    """

    def __init__(
        self,
        stride: int = 4,
        radius: int = 12,
        group: int = 16,
        wiener_group: int = 16,
        threshold: float = 2.7,
    ) -> None:
        super().__init__()
        if not 1 <= stride <= PATCH:
            raise ParameterError(
                f"stride = {stride}, but patches of {PATCH} pixels must overlap: 1 ≤ stride ≤ {PATCH}."
            )
        if any(n < 1 or n & (n - 1) for n in (group, wiener_group)) or max(group, wiener_group) > 64:
            raise ParameterError(
                f"group = {group}, wiener_group = {wiener_group}: both must be powers of two ≤ 64."
            )
        if radius < 4:
            raise ParameterError(f"radius = {radius}, but it must be ≥ 4 to hold enough candidates.")
        self.stride = stride
        self.radius = radius
        self.group = group
        self.wiener_group = wiener_group
        self.threshold = threshold

    def forward(self, x: Tensor, sigma: Any) -> Tensor:
        """Return ``x``, ``(B, C, H, W)``, without noise of standard deviation σ (scalar or ``(B,)``)."""
        return per_image(self._denoise, x, sigma)

    def _denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Denoise one image ``(C, H, W)``."""
        if not bool(sigma > 0):
            return x
        planes, back = as_planes(x)
        noisy, crop = pad_symmetric(opponent(planes), PATCH // 2, 3 * PATCH, PATCH, self.stride)
        dct = dct_filters(noisy)
        rows = to_rows(noisy, dct)
        places = self._match(noisy[:1], 4, self.group, sigma)
        basic = self._filter(rows, None, places, sigma, noisy, dct)
        places = self._match(basic[:1], 6, self.wiener_group, sigma)
        final = self._filter(rows, to_rows(basic, dct), places, sigma, noisy, dct)
        return back(opponent(crop(final), inverse=True))

    def _match(self, guide: Tensor, low: int, size: int, sigma: Tensor) -> Tensor:
        """Return for each reference patch the indices of the ``size`` most similar patches, itself first."""
        with torch.no_grad():
            kernel = dct_filters(guide).reshape(PATCH, PATCH, PATCH, PATCH)[:low, :low]
            features = F.conv2d(guide[None], kernel.reshape(-1, 1, PATCH, PATCH))[0].movedim(0, -1)
            height, width, _ = features.shape
            table = distances(features, self.stride, self.radius)
            # Equals (there are many in flat and mirrored areas) are taken nearest first, not by rounding.
            table += 1e-3 * sigma**2 * nearness(self.radius, table)
            best = table.topk(size, dim=0, largest=False).indices
            span = 2 * self.radius + 1
            row, column = best // span - self.radius, best % span - self.radius
            here = torch.arange(height * width, device=guide.device).reshape(height, width)
            here = here[:: self.stride, :: self.stride].reshape(-1)
            return (here + row * width + column).T.contiguous()

    def _filter(
        self, rows: Tensor, guide: Tensor | None, places: Tensor, sigma: Tensor, image: Tensor, dct: Tensor
    ) -> Tensor:
        """Shrink all groups and aggregate them; ``rows`` is ``(C, patches, 64)``."""
        channels, count, area = rows.shape
        mix = hadamard(places.shape[1]).to(rows)
        total = torch.zeros_like(rows)
        weights = rows.new_zeros(channels, count)
        for part in (places[k : k + CHUNK] for k in range(0, len(places), CHUNK)):
            flat = part.reshape(-1)
            for c in range(channels):
                groups = mix @ rows[c].index_select(0, flat).reshape(*part.shape, area)
                if guide is None:
                    shrunk, w = self._hard(groups, sigma)
                else:
                    pilot = mix @ guide[c].index_select(0, flat).reshape(*part.shape, area)
                    shrunk, w = wiener(groups, pilot, sigma)
                patches = (mix @ shrunk) * w[:, None, None]
                total[c].index_add_(0, flat, patches.reshape(-1, area))
                weights[c].index_add_(0, flat, w.repeat_interleave(part.shape[1]))
        return to_image(total, weights, image, dct)

    def _hard(self, groups: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        keep = groups.abs() > self.threshold * sigma
        return groups * keep, 1.0 / keep.sum((1, 2)).clamp(min=1).to(groups.dtype)


def wiener(groups: Tensor, pilot: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Return groups shrunk by the power of the pilot estimate, and their weights."""
    power = pilot * pilot
    gain = power / (power + sigma * sigma)
    gain[:, 0, 0] = 1  # the mean of a group is hardly noisy, and shrinking it would darken the image
    return groups * gain, 1.0 / (gain * gain).sum((1, 2)).clamp(min=1.0)


def distances(features: Tensor, stride: int, radius: int) -> Tensor:
    """Return squared feature distances of reference patches, ``(shifts, references)``.

    Features ``(rows, columns, n)`` are sorted into stride × stride phases first, so that what a shift
    compares is contiguous. Beyond the image they are so large that nothing there is ever similar.
    """
    height, width, n = features.shape
    extra = [-(size + 2 * radius) % stride for size in (height, width)]
    padded = F.pad(features, (0, 0, radius, radius + extra[1], radius, radius + extra[0]), value=1e4)
    blocks = [size // stride for size in padded.shape[:2]]
    phases = padded.reshape(blocks[0], stride, blocks[1], stride, n).permute(1, 3, 0, 2, 4).contiguous()
    reference = features[::stride, ::stride].contiguous()
    rows, columns, _ = reference.shape
    span = range(2 * radius + 1)
    table = features.new_empty(len(span) ** 2, rows * columns)
    difference, ones = torch.empty_like(reference), features.new_ones(n)
    for k, (i, j) in enumerate((i, j) for i in span for j in span):
        plane = phases[i % stride, j % stride]
        other = plane[i // stride : i // stride + rows, j // stride : j // stride + columns]
        torch.sub(other, reference, out=difference).square_()
        torch.mv(difference.view(-1, n), ones, out=table[k])
    # A patch belongs to its own group even among equals: so every pixel is covered.
    table[len(table) // 2] = -1
    return table


def nearness(radius: int, like: Tensor) -> Tensor:
    """Return a number in [0, 1] per shift, growing with its length and never twice the same."""
    reach = torch.arange(-radius, radius + 1)
    length = (reach[:, None] ** 2 + reach**2).flatten().to(like)
    index = torch.arange(len(length)).to(like) / len(length)
    return ((length + 0.5 * index) / (2 * radius**2 + 1))[:, None]


def dct_filters(like: Tensor) -> Tensor:
    """Return the orthonormal 2-D cosine basis as filters, ``(64, 1, 8, 8)``."""
    n = torch.arange(PATCH, dtype=torch.float64)
    basis = torch.cos(math.pi * (2 * n[None] + 1) * n[:, None] / (2 * PATCH)) * math.sqrt(2 / PATCH)
    basis[0] /= math.sqrt(2)
    return torch.einsum("ai,bj->abij", basis, basis).reshape(-1, 1, PATCH, PATCH).to(like)


def to_rows(image: Tensor, dct: Tensor) -> Tensor:
    """Return the cosine transform of every patch of ``(C, H, W)``, ``(C, patches, 64)``."""
    return F.conv2d(image[:, None], dct).flatten(2).transpose(1, 2).contiguous()


def to_image(total: Tensor, weights: Tensor, image: Tensor, dct: Tensor) -> Tensor:
    """Return the weighted mean of overlapping patches, with a Kaiser window against block edges."""
    shape = (image.shape[-2], image.shape[-1])
    kaiser = torch.kaiser_window(PATCH, periodic=False, beta=2.0, dtype=image.dtype, device=image.device)
    window = (kaiser[:, None] * kaiser).reshape(-1)
    pixels = total @ (dct.reshape(-1, PATCH * PATCH) * window)
    mass = weights[:, None, :] * window[:, None]
    value = F.fold(pixels.transpose(1, 2), shape, PATCH)
    return (value / F.fold(mass, shape, PATCH))[:, 0]


def hadamard(size: int) -> Tensor:
    """Return the orthonormal Walsh–Hadamard matrix, which is its own inverse."""
    h = torch.ones(1, 1)
    while len(h) < size:
        h = torch.cat([torch.cat([h, h], 1), torch.cat([h, -h], 1)])
    return h / math.sqrt(size)
