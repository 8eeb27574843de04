"""Coil maps from low-resolution images: divided by their root sum of squares, or by local correlation."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor
from torch.nn import functional as F

from wellposed.errors import ParameterError
from wellposed_mri.maps.calibration import calibration_region, low_resolution_images, require_kspace
from wellposed_mri.maps.phase_reference import principal_coil, referenced


def _check(calibration: int, crop: float, dims: int) -> None:
    if calibration < 4 or not 0 <= crop < 1 or dims not in (2, 3):
        raise ParameterError(
            f"calibration = {calibration} must be ≥ 4, crop = {crop} in [0, 1) and dims = {dims} 2 or 3."
        )


@attrs.frozen
class RSSMaps:
    """Low-resolution coil images divided by their root sum of squares: ``(B, coils, H, W)``.

    The phase is that of the coil images, so images reconstructed with these maps have little phase left.

    Parameters
    ----------
    calibration
        Largest width of the central block that is used.
    crop
        Maps are zero where the root sum of squares lies below this share of its maximum.
    dims
        Image axes, 2 or 3.
    """

    calibration: int = 24
    crop: float = 0.05
    dims: int = 2

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        _check(self.calibration, self.crop, self.dims)

    def __call__(self, kspace: Tensor) -> Tensor:
        """Return the maps of k-space ``(B, coils, *image)``."""
        require_kspace(kspace, self.dims)
        return torch.stack([self._one(sample) for sample in kspace])

    def _one(self, kspace: Tensor) -> Tensor:
        block = calibration_region(kspace, self.calibration, 4, self.dims)
        images = low_resolution_images(block, tuple(kspace.shape[1:]))
        size = torch.linalg.vector_norm(images, dim=0)
        kept = size > self.crop * size.max()
        maps: Tensor = torch.where(kept, images / torch.where(kept, size, 1.0), 0)
        return maps


@attrs.frozen
class Walsh:
    """The strongest eigenvector of the coils' local correlation (Walsh et al. 2000): ``(B, coils, H, W)``.

    Parameters
    ----------
    window
        Width of the square in which correlations are averaged, odd.
    calibration, crop, dims
        As in :class:`RSSMaps`.

    References
    ----------
    D. O. Walsh, A. F. Gmitro and M. W. Marcellin, Magn. Reson. Med. 43 (2000) 682–690,
    doi:10.1002/(SICI)1522-2594(200005)43:5<682::AID-MRM10>3.0.CO;2-G.
    """

    window: int = 7
    calibration: int = 32
    crop: float = 0.05
    dims: int = 2

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        _check(self.calibration, self.crop, self.dims)
        if self.window < 1 or self.window % 2 == 0:
            raise ParameterError(f"window = {self.window}, but it must be odd and ≥ 1.")

    def __call__(self, kspace: Tensor) -> Tensor:
        """Return the maps of k-space ``(B, coils, *image)``."""
        require_kspace(kspace, self.dims)
        with torch.no_grad():
            return torch.stack([self._one(sample) for sample in kspace])

    def _one(self, kspace: Tensor) -> Tensor:
        block = calibration_region(kspace, self.calibration, 4, self.dims)
        images = low_resolution_images(block, tuple(kspace.shape[1:]))
        products = images.unsqueeze(1) * images.conj().unsqueeze(0)
        local = self._averaged(products.flatten(0, 1)).reshape(products.shape)
        vectors = torch.linalg.eigh(local.movedim((0, 1), (-2, -1)))[1][..., -1].movedim(-1, 0)
        size = torch.linalg.vector_norm(images, dim=0)
        kept = size > self.crop * size.max()
        maps: Tensor = referenced(vectors, principal_coil(block)) * kept
        return maps

    def _averaged(self, t: Tensor) -> Tensor:
        mean = F.avg_pool2d if self.dims == 2 else F.avg_pool3d
        parts = [
            mean(p.unsqueeze(1), self.window, 1, self.window // 2, count_include_pad=False)
            for p in (t.real, t.imag)
        ]
        return torch.complex(parts[0], parts[1]).squeeze(1)
