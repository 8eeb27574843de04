"""SPIRiT: every sample of k-space agrees with its whole neighbourhood, acquired or not.

GRAPPA's kernels depend on what was sampled around a place; SPIRiT's does not: one kernel says what each
sample is, given all others near it, and the missing ones are those for which this holds best. Any mask does.
Consistency is a convolution in k-space, which is a small matrix for every pixel of the images.
"""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.needs import needs
from wellposed.solvers import cg
from wellposed_mri.fourier import centred_fft, centred_ifft
from wellposed_mri.maps.calibration import calibration_region
from wellposed_mri.reconstruction.acquired import acquired, combined
from wellposed_mri.reconstruction.asked import GRID
from wellposed_mri.reconstruction.common import PhaseEquivariant
from wellposed_mri.reconstruction.patches import apply_pixelwise, correlation, pixel_matrices, solved


@needs(GRID)
@attrs.frozen
class SPIRiT(PhaseEquivariant):
    """``argmin ‖(G − I) k‖²`` over the missing samples of k-space k (Lustig & Pauly 2010), coils combined.

    Parameters
    ----------
    kernel
        Width of G along every image axis, odd.
    regularisation
        Tikhonov weight of the calibration, relative to the mean power of a neighbour.
    calibration
        Largest width of the calibration region that is used.
    max_iterations, tolerance
        Of the conjugate gradients; stopping early regularises.

    Notes
    -----
    Acquired samples are kept. The operator takes ``coils² · pixels`` numbers of memory.

    References
    ----------
    M. Lustig and J. M. Pauly, Magn. Reson. Med. 64 (2010) 457–471, doi:10.1002/mrm.22428.
    """

    kernel: int = 5
    regularisation: float = 1e-2
    calibration: int = 48
    max_iterations: int = 30
    tolerance: float = 1e-4

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if self.kernel < 3 or self.kernel % 2 == 0 or self.calibration < self.kernel:
            raise ParameterError(
                f"kernel = {self.kernel} must be odd and ≥ 3, calibration = {self.calibration} not less."
            )
        if self.regularisation < 0 or self.max_iterations < 1 or not self.tolerance > 0:
            raise ParameterError(
                f"regularisation = {self.regularisation} must be ≥ 0, max_iterations = {self.max_iterations} "
                f"≥ 1 and tolerance = {self.tolerance} > 0."
            )

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the image ``(B, 1, *image)``."""
        return combined(self.complete(*acquired(y, physics)), physics)

    def complete(self, kspace: Tensor, sampled: Tensor) -> Tensor:
        """Return k-space ``(B, coils, …)`` with its missing samples filled; acquired ones do not change.

        Raises
        ------
        ParameterError
            Without a calibration region.
        """
        matrices = torch.stack([self.consistency(sample) for sample in kspace])
        error = torch.einsum("bca...,bcd...->bad...", matrices.conj(), matrices)
        dims, missing = tuple(range(2 - kspace.ndim, 0)), ~sampled[:, None]

        def normal(k: Tensor) -> Tensor:
            return centred_fft(apply_pixelwise(error, centred_ifft(k, dims)), dims)

        found = cg(
            lambda k: missing * normal(missing * k), -(missing * normal(kspace)),
            tol=self.tolerance, max_iter=self.max_iterations,
        ).x  # fmt: skip
        assert isinstance(found, Tensor)
        return torch.where(missing, found, kspace)

    def consistency(self, kspace: Tensor) -> Tensor:
        """Return the matrices of G − I, ``(coils, coils, *image)``, from one sample ``(coils, …)``."""
        image = tuple(kspace.shape[1:])
        block = calibration_region(kspace, self.calibration, self.kernel, len(image))
        around = tuple(min(self.kernel, (n - 1) | 1) // 2 for n in block.shape[1:])
        kernels = calibrated(correlation(block, around), self.regularisation)
        taps = tuple(2 * r + 1 for r in around)
        return pixel_matrices(kernels.reshape(*kernels.shape[:2], *taps).to(kspace.dtype), image)


def calibrated(gram: Tensor, regularisation: float) -> Tensor:
    """Return the kernels of G − I, ``(coils, coils, taps)``: least squares from all other samples to each.

    The regression of one variable on all others is its row of the inverse covariance, divided by the
    diagonal entry and negated; with −1 for the variable itself the row is that of G − I.
    """
    coils, taps = gram.shape[:2]
    flat = gram.reshape(coils * taps, coils * taps)
    ridge = max(regularisation, 1e-12) * float(flat.detach().diagonal().real.mean())
    identity = torch.eye(coils * taps, dtype=gram.dtype, device=gram.device)
    middle = torch.arange(coils, device=gram.device) * taps + taps // 2
    columns = solved(flat + ridge * identity, identity[:, middle])
    rows = -(columns / columns[middle].diagonal()).mT
    return rows.reshape(coils, coils, taps)
