"""ESPIRiT: coil maps as eigenvectors of what the calibration data say about every pixel."""

from __future__ import annotations

import math

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_mri.maps.calibration import calibration_region, require_kspace
from wellposed_mri.maps.phase_reference import principal_coil, referenced

PIECE = 1 << 25
"""Bytes of pixel matrices that are worked on at a time."""


@attrs.frozen
class ESPIRiT:
    """Coil maps from the fully sampled centre of k-space (Uecker et al. 2014).

    ``ESPIRiT()(kspace)`` returns maps ``(B, coils, H, W)``, normalised to Σ_c|maps|² = 1 inside the object
    and exactly zero outside; with several ``sets`` ``(B, sets, coils, H, W)``.

    Parameters
    ----------
    sets
        Map sets; two or more for objects that fold into a field of view that is too small (soft-SENSE).
    calibration
        Largest width of the calibration region; the widest complete centred block up to it is used.
    kernel
        Width of the k-space kernels.
    threshold
        Kernels are kept whose singular value is at least this share of the largest.
    crop
        Pixels whose eigenvalue lies below are outside the object: their maps are zero. The eigenvalue is 1
        where the data are explained exactly.
    dims
        Image axes, 2 or 3.

    References
    ----------
    M. Uecker et al., "ESPIRiT—an eigenvalue approach to autocalibrating parallel MRI", Magn. Reson. Med. 71
    (2014) 990–1001, doi:10.1002/mrm.24751.
    """

    sets: int = 1
    calibration: int = 24
    kernel: int = 6
    threshold: float = 0.02
    crop: float = 0.8
    dims: int = 2

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if self.sets < 1 or self.kernel < 2 or self.calibration < self.kernel or self.dims not in (2, 3):
            raise ParameterError(
                f"sets = {self.sets} must be ≥ 1, kernel = {self.kernel} ≥ 2 and ≤ calibration = "
                f"{self.calibration}, and dims = {self.dims} 2 or 3."
            )
        if not 0 < self.threshold < 1 or not 0 <= self.crop <= 1:
            raise ParameterError(f"threshold = {self.threshold} and crop = {self.crop} lie between 0 and 1.")

    def __call__(self, kspace: Tensor) -> Tensor:
        """Return the maps of k-space ``(B, coils, *image)``, which may be undersampled off the centre.

        Raises
        ------
        ParameterError
            For k-space with NaNs, without any signal, or without a calibration region.
        """
        return self.solve(kspace)[0]

    def solve(self, kspace: Tensor) -> tuple[Tensor, Tensor]:
        """Return the maps and the eigenvalues ``(B, sets, *image)``, before cropping."""
        require_kspace(kspace, self.dims)
        if self.sets > kspace.shape[1]:
            raise ParameterError(f"sets = {self.sets} exceed the number of coils, {kspace.shape[1]}.")
        with torch.no_grad():
            found = [self._one(sample) for sample in kspace]
        maps, values = (torch.stack(parts) for parts in zip(*found, strict=True))
        return (maps[:, 0] if self.sets == 1 else maps), values

    def _one(self, kspace: Tensor) -> tuple[Tensor, Tensor]:
        image = tuple(kspace.shape[1:])
        block = calibration_region(kspace, self.calibration, self.kernel + 2, self.dims)
        taps = tuple(min(self.kernel, n) for n in block.shape[1:])
        correlation = _correlation(block, taps, self.threshold).to(kspace.dtype)
        vectors, values = _pixel_eigenvectors(correlation, image, taps, self.sets)
        vectors = referenced(vectors, principal_coil(block))
        kept = values >= self.crop
        return (vectors * kept).movedim(0, 1), values


def _correlation(block: Tensor, taps: tuple[int, ...], threshold: float) -> Tensor:
    """Return R(d) = Σ_{i−j=d} P[i, j]/taps for the projection P onto the signal's kernels.

    ``(coils, coils, 2k−1, …)``; P spans the patches of the calibration block (the "row space").
    """
    coils = block.shape[0]
    patches = block.to(torch.complex128)
    for axis, k in enumerate(taps, start=1):
        patches = patches.unfold(axis, k, 1)
    places, size = math.prod(patches.shape[1 : 1 + len(taps)]), math.prod(taps)
    matrix = patches.reshape(coils, places, size).movedim(0, 1).reshape(places, coils * size)
    values, vectors = torch.linalg.eigh(matrix.mT @ matrix.conj())
    kept = vectors[:, values > threshold**2 * values[-1]]
    # Σ_{i−j=d} v_i v̄_j is a correlation: a product after a transform long enough not to wrap.
    wide = tuple(2 * k - 1 for k in taps)
    dims = tuple(range(-len(taps), 0))
    spectra = torch.fft.fftn(kept.mT.reshape(-1, coils, *taps), s=wide, dim=dims)
    products = torch.einsum("va...,vb...->ab...", spectra, spectra.conj())
    lags: Tensor = torch.fft.fftshift(torch.fft.ifftn(products, dim=dims), dim=dims) / size
    return lags


def _pixel_eigenvectors(
    correlation: Tensor, image: tuple[int, ...], taps: tuple[int, ...], sets: int
) -> tuple[Tensor, Tensor]:
    """Return the leading eigenvectors ``(coils, sets, *image)`` and values ``(sets, *image)``.

    The matrix of pixel x is Σ_d R(d)·exp(2πi d·x/n); rows of the image are done a few at a time.
    """
    coils = correlation.shape[0]
    waves = [_waves(n, k, correlation) for n, k in zip(image, taps, strict=True)]
    rest = math.prod(image[1:])
    step = max(1, PIECE // (coils * coils * correlation.element_size() * rest))
    vectors = correlation.new_empty((image[0], rest, coils, sets))
    values = correlation.real.new_empty((image[0], rest, sets))
    for start in range(0, image[0], step):
        piece = torch.tensordot(waves[0][start : start + step], correlation, dims=([1], [2]))
        for wave in waves[1:]:
            piece = torch.tensordot(piece, wave, dims=([3], [1]))
        piece = piece.movedim((1, 2), (-2, -1)).reshape(-1, rest, coils, coils)
        found, basis = torch.linalg.eigh(piece)
        values[start : start + step] = found[..., -sets:].flip(-1)
        vectors[start : start + step] = basis[..., -sets:].flip(-1)
    shape = (coils, sets, *image)
    return vectors.permute(2, 3, 0, 1).reshape(shape), values.movedim(-1, 0).reshape(sets, *image)


def _waves(n: int, k: int, like: Tensor) -> Tensor:
    """Return exp(2πi d (x − n//2)/n) for x in rows and lags d in columns."""
    x = torch.arange(n, dtype=torch.float64) - n // 2
    lags = torch.arange(-(k - 1), k, dtype=torch.float64)
    angle = 2 * torch.pi * x[:, None] * lags / n
    return torch.polar(torch.ones_like(angle), angle).to(like)
