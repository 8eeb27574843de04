"""Patches of k-space: how neighbouring samples correlate, and which neighbours a missing one has.

Correlations are kept as ``(coils, taps, coils, taps)``: conj(source) · source over all places where a patch
fits into the calibration region, so that least squares for any choice of taps are a sub-matrix of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

REPEATS = 0.9
"""A shift is a period of the mask where this share of acquired samples is acquired again."""

WELL_POSED = 1.5
"""Equations for each unknown below which a kernel counts as too wide for its calibration region.

Nor may it be wider than two thirds of the region: neighbouring equations say nearly the same.
"""


PLACES = 1 << 12
"""Places whose patches are held at a time, in double precision: squares of noise-free data span more digits
than single precision has, and what it rounds is not positive any more."""


def correlation(block: Tensor, around: tuple[int, ...]) -> Tensor:
    """Return Σ_places conj(patch)·patch, ``(coils, taps, coils, taps)`` complex128, of ``(coils, …)``."""
    patches = block
    for axis, r in enumerate(around, start=1):
        patches = patches.unfold(axis, 2 * r + 1, 1)
    coils, taps = block.shape[0], math.prod(2 * r + 1 for r in around)
    gram = block.new_zeros((coils * taps, coils * taps), dtype=torch.complex128)
    plane = math.prod(n - 2 * r for n, r in zip(block.shape[2:], around[1:], strict=True))
    for piece in torch.split(patches, max(1, PLACES // plane), 1):
        matrix = piece.reshape(coils, -1, taps).movedim(0, 1).flatten(1).to(gram.dtype)
        gram = gram + matrix.mH @ matrix
    return gram.reshape(coils, taps, coils, taps)


def solved(system: Tensor, right: Tensor) -> Tensor:
    """Return X of ``system`` X = ``right``, for a Hermitian matrix that is positive but for rounding.

    Smooth coils over noise-free data leave directions with nothing but rounding. Where Cholesky's factors
    stop at one, these directions are left out, which is the solution of smallest norm.
    """
    found: Tensor
    factor, failed = torch.linalg.cholesky_ex(system)
    if not bool(failed):
        found = torch.cholesky_solve(right, factor)
        return found
    values, vectors = torch.linalg.eigh(system)
    kept = values > len(values) * torch.finfo(values.dtype).eps * values[-1]
    inverse = torch.where(kept, 1 / torch.where(kept, values, 1), 0)
    found = vectors @ (inverse[:, None] * (vectors.mH @ right))
    return found


def period(sampled: Tensor, axis: int) -> int | None:
    """Return the smallest shift along ``axis`` that maps acquired samples to acquired ones, or None."""
    n = sampled.shape[axis]
    for shift in range(1, n // 2 + 1):
        here, there = sampled.narrow(axis, 0, n - shift), sampled.narrow(axis, shift, n - shift)
        if int((here & there).sum()) >= REPEATS * int(here.sum()):
            return shift
    return None


def spacings(sampled: Tensor, block: torch.Size) -> list[float]:
    """Return how far acquired lines are apart along each axis; 1 where all are acquired, or none regularly.

    A shifted pattern (CAIPIRINHA) repeats along one axis only after several lines; the density of samples
    outside the calibration region tells how many.
    """
    found = [float(period(sampled, axis) or 1) for axis in range(sampled.ndim)]
    inside = math.prod(block[1:])
    outside = sampled.numel() - inside
    density = (int(sampled.sum()) - inside) / outside if outside > 0 else 1.0
    surplus = math.prod(found) * density
    if surplus > 1.5:
        widest = found.index(max(found))
        found[widest] = max(1.0, found[widest] / surplus)
    return found


def reach(sampled: Tensor, block: torch.Size) -> tuple[int, ...]:
    """Return how far the neighbourhood extends along each axis: two acquired lines, or one if need be."""
    apart = spacings(sampled, block)
    found: tuple[int, ...] = ()
    for lines in (2, 1):
        found = tuple(
            min(2, (n - 1) // 2) if p == 1 else max(1, round(lines * p) - 1)
            for p, n in zip(apart, block[1:], strict=True)
        )
        places = math.prod(max(0, n - 2 * r) for n, r in zip(block[1:], found, strict=True))
        unknowns = block[0] * math.prod(2 * r + 1 for r in found) / math.prod(apart)
        narrow = all(3 * (2 * r + 1) <= 2 * n for n, r in zip(block[1:], found, strict=True))
        if narrow and places >= WELL_POSED * unknowns:
            break
    return found


def neighbourhoods(sampled: Tensor, around: tuple[int, ...]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield missing samples with equal neighbours: flat places, taps, and sources ``(taps, places)``.

    Samples without any acquired neighbour are left out.
    """
    places = torch.arange(sampled.numel(), device=sampled.device).reshape(sampled.shape)
    windows, origins = sampled, places
    for axis, r in enumerate(around):
        n = sampled.shape[axis]
        around_ends = torch.arange(-r, n + r, device=sampled.device) % n
        windows, origins = (
            t.index_select(axis, around_ends).unfold(axis, 2 * r + 1, 1) for t in (windows, origins)
        )
    missing = ~sampled
    near = windows[missing].flatten(1)
    kinds, kind = _distinct(near)
    missed, sources = places[missing], origins[missing].flatten(1)
    order, ends = kind.argsort(), torch.bincount(kind, minlength=len(kinds)).cumsum(0)
    for pattern, members in zip(kinds, torch.tensor_split(order, ends[:-1].cpu()), strict=True):
        taps = pattern.nonzero().flatten()
        if len(taps):
            yield missed[members], taps, sources[members][:, taps].mT


def _distinct(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distinct rows of a bool matrix, and which of them each row is."""
    packed = np.packbits(rows.cpu().numpy(), axis=1)
    _, first, kind = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    return rows[torch.from_numpy(first).to(rows.device)], torch.from_numpy(kind.reshape(-1)).to(rows.device)


def pixel_matrices(kernels: Tensor, image: tuple[int, ...]) -> Tensor:
    """Return what convolution with ``kernels`` in k-space is to the pixels: ``(coils, coils, *image)``.

    Kernels are ``(coils, coils, *taps)`` with odd numbers of taps, the middle one for no shift:
    X_a[k] = Σ_{b,d} kernels[a, b, d]·X_b[k + d], cyclically, is x_a(p) = Σ_b matrix[a, b, p]·x_b(p).
    """
    out = kernels
    for n, taps in zip(image, kernels.shape[2:], strict=True):
        out = torch.tensordot(out, waves(n, taps, out), dims=([2], [0]))
    return out


def waves(n: int, taps: int, like: Tensor) -> Tensor:
    """Return exp(−2πi d (x − n//2)/n) for shifts d in rows, the middle one 0, and pixels x in columns."""
    x = torch.arange(n, dtype=torch.float64) - n // 2
    shifts = torch.arange(taps, dtype=torch.float64) - taps // 2
    angle = -2 * torch.pi * x * shifts[:, None] / n
    return torch.polar(torch.ones_like(angle), angle).to(like)


def apply_pixelwise(matrices: Tensor, images: Tensor) -> Tensor:
    """Return Σ_b matrices[:, a, b]·images[:, b] for matrices ``(B, coils, coils, …)``, coil by coil."""
    out = matrices[:, :, 0] * images[:, :1]
    for b in range(1, images.shape[1]):
        out = out + matrices[:, :, b] * images[:, b : b + 1]
    return out
