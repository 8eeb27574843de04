"""JSENSE: image and coil maps in turns, each by linear least squares from all the data.

Maps are polynomials of a low degree, so that given the image few unknowns are left of them; given the maps
the image is that of SENSE. Every sample takes part, not only the calibration region, which gives the start.
"""

from __future__ import annotations

import itertools
import math

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_mri.encoding import MultiCoilMRI
from wellposed_mri.fourier import centred_fft
from wellposed_mri.maps.calibration import calibration_region, low_resolution_images, require_kspace
from wellposed_mri.maps.phase_reference import principal_coil, referenced
from wellposed_mri.reconstruction.sense import SENSE

SHRINKAGE = 1e-9
"""Tikhonov weight of the coefficients, relative to their largest: what no pixel determines stays small."""


@attrs.frozen
class JSENSE:
    """Coil maps by joint estimation with the image, polynomials (Ying & Sheng 2007): ``(B, coils, *image)``.

    ``JSENSE()(kspace)`` returns maps with Σ_c|maps|² = 1 inside the object and zero outside; :meth:`solve`
    the image and the polynomials themselves. Use it where the calibration region is too small for other maps.

    Parameters
    ----------
    degree
        Largest power of each coordinate in the maps.
    steps
        How often image and maps are found in turn.
    regularisation
        λ of the image, relative to ‖A‖², as in :class:`~wellposed_mri.SENSE`.
    calibration
        Largest width of the central block that gives the first maps; it may be as small as four samples.
    crop
        Maps are zero where the coil images' root sum of squares lies below this share of its maximum.
    dims
        Image axes, 2 or 3.

    References
    ----------
    L. Ying and J. Sheng, Magn. Reson. Med. 57 (2007) 1196–1202, doi:10.1002/mrm.21245.
    """

    degree: int = 6
    steps: int = 5
    regularisation: float = 1e-3
    calibration: int = 24
    crop: float = 0.05
    dims: int = 2

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if self.degree < 0 or self.steps < 0 or self.calibration < 4 or self.dims not in (2, 3):
            raise ParameterError(
                f"degree = {self.degree} and steps = {self.steps} must be ≥ 0, calibration = "
                f"{self.calibration} ≥ 4, and dims = {self.dims} 2 or 3."
            )
        if not self.regularisation > 0 or not 0 <= self.crop < 1:
            raise ParameterError(
                f"regularisation = {self.regularisation} must be > 0 and crop = {self.crop} in [0, 1)."
            )

    def __call__(self, kspace: Tensor) -> Tensor:
        """Return the maps of k-space ``(B, coils, *image)``, which may be undersampled off the centre.

        Raises
        ------
        ParameterError
            For k-space with NaNs, without any signal, or without a calibration region.
        """
        require_kspace(kspace, self.dims)
        with torch.no_grad():
            return torch.stack([self._normalised(sample) for sample in kspace])

    def solve(self, kspace: Tensor) -> tuple[Tensor, Tensor]:
        """Return the image ``(B, 1, *image)`` and the polynomial maps ``(B, coils, *image)``."""
        require_kspace(kspace, self.dims)
        with torch.no_grad():
            found = [self._one(sample) for sample in kspace]
        image, maps = (torch.stack(parts) for parts in zip(*found, strict=True))
        return image, maps

    def _normalised(self, kspace: Tensor) -> Tensor:
        image, maps = self._one(kspace)
        size = torch.linalg.vector_norm(maps, dim=0)
        brightness = image[0].abs() * size
        kept = brightness > self.crop * brightness.max()
        unit = maps / torch.where(size > 0, size, 1)
        kept_maps: Tensor = referenced(unit, principal_coil(self._block(kspace))) * kept
        return kept_maps

    def _block(self, kspace: Tensor) -> Tensor:
        return calibration_region(kspace, self.calibration, min(4, self.calibration), self.dims)

    def _one(self, kspace: Tensor) -> tuple[Tensor, Tensor]:
        shape = tuple(kspace.shape[1:])
        basis = polynomials(shape, self.degree, kspace)
        image, coils = _first(self._block(kspace), shape)
        maps = fitted(basis, image, centred_fft(coils, self._axes), torch.ones_like(kspace[0].real))
        sampled = (kspace != 0).any(0).to(kspace.real.dtype)
        for _ in range(self.steps):
            image = self._image(kspace, maps, sampled)
            maps = fitted(basis, image, kspace, sampled)
        return self._image(kspace, maps, sampled)[None], maps

    @property
    def _axes(self) -> tuple[int, ...]:
        return tuple(range(-self.dims, 0))

    def _image(self, kspace: Tensor, maps: Tensor, sampled: Tensor) -> Tensor:
        physics = MultiCoilMRI(maps, sampled, self.dims)
        image: Tensor = SENSE(self.regularisation, tolerance=1e-6)(kspace[None], physics)[0, 0]
        return image


def polynomials(shape: tuple[int, ...], degree: int, like: Tensor) -> Tensor:
    """Return products of Legendre polynomials up to ``degree`` along each axis: ``(terms, *shape)``, real.

    They span the powers of the coordinates and are nearly orthogonal, which powers are not.
    """
    axes = [_legendre(n, min(degree, n - 1), like) for n in shape]
    letters = "abc"[: len(axes)]
    terms = itertools.product(*axes)
    outer = f"{','.join(letters)}->{letters}"
    return torch.stack([torch.einsum(outer, *term) for term in terms])


def _legendre(n: int, degree: int, like: Tensor) -> list[Tensor]:
    x = (
        torch.linspace(-1, 1, n, dtype=like.real.dtype, device=like.device)
        if n > 1
        else like.real.new_zeros(1)
    )
    found = [torch.ones_like(x), x]
    for k in range(1, degree):
        found.append(((2 * k + 1) * x * found[k] - k * found[k - 1]) / (k + 1))
    return [p * math.sqrt(2 * k + 1) for k, p in enumerate(found[: degree + 1])]


def fitted(basis: Tensor, image: Tensor, kspace: Tensor, sampled: Tensor) -> Tensor:
    """Return the polynomial maps ``(coils, *image)`` with least ‖sampled·(F(maps·image) − kspace)‖².

    All coils have the same small system: terms times terms.
    """
    columns = (sampled * centred_fft(basis * image, tuple(range(-image.ndim, 0)))).flatten(1)
    data = (sampled * kspace).flatten(1)
    system = (columns.conj() @ columns.mT).to(torch.complex128)
    right = (columns.conj() @ data.mT).to(torch.complex128)
    ridge = SHRINKAGE * system.diagonal().real.max().clamp(min=torch.finfo(torch.float64).tiny)
    eye = torch.eye(len(system), dtype=system.dtype, device=system.device)
    found = torch.linalg.solve(system + ridge * eye, right).to(image.dtype)
    maps: Tensor = torch.tensordot(found.mT, basis.to(image.dtype), dims=1)
    return maps


def _first(block: Tensor, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return an image and coil images of low resolution, whose quotients are smooth in phase."""
    coils = low_resolution_images(block, shape)
    size = torch.linalg.vector_norm(coils, dim=0)
    unit = coils / torch.where(size > 0, size, 1)
    maps = referenced(unit, principal_coil(block))
    return (maps.conj() * coils).sum(0), coils
