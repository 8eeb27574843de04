"""NLINV: image and coil maps at once, from the data alone, as one nonlinear inverse problem.

What makes the split between image and coils unique is smoothness: coils are written as few low frequencies,
by a Sobolev weight, and regularised Gauss–Newton steps approach the data from images of constant brightness.
"""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.solvers import cg
from wellposed_mri.fourier import centred_fft, centred_ifft
from wellposed_mri.maps.calibration import calibration_region, embedded, require_kspace
from wellposed_mri.maps.phase_reference import principal_coil, referenced

SCALE = 100.0
"""Norm that data are scaled to, for which the regularisation starts at one (Uecker et al. 2008)."""

SOBOLEV = 220.0 / 256**2
"""Of the weight (1 + s‖k‖²)^order of the coils' frequencies k in cycles/FOV: 220 for cycles per pixel of the
usual 256 (Uecker et al. 2008)."""


@attrs.frozen
class NLINV:
    """Coil maps by joint estimation with the image (Uecker et al. 2008): ``(B, coils, *image)``.

    Maps have Σ_c|maps|² = 1 inside the object and are zero outside. Works on the calibration region, which
    may be as small as eight lines, and needs no fit of kernels.

    Parameters
    ----------
    calibration
        Largest width of the central block that is used.
    steps
        Gauss–Newton steps; the regularisation is halved in each.
    order
        Half the Sobolev order of the coils.
    crop
        Maps are zero where the coil images' root sum of squares lies below this share of its maximum.
    dims
        Image axes, 2 or 3.

    References
    ----------
    M. Uecker et al., Magn. Reson. Med. 60 (2008) 674–682, doi:10.1002/mrm.21691.
    """

    calibration: int = 32
    steps: int = 9
    order: int = 16
    crop: float = 0.05
    dims: int = 2

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if self.calibration < 8 or self.steps < 1 or self.order < 1 or self.dims not in (2, 3):
            raise ParameterError(
                f"calibration = {self.calibration} must be ≥ 8, steps = {self.steps} and order = "
                f"{self.order} ≥ 1, dims = {self.dims} 2 or 3."
            )
        if not 0 <= self.crop < 1:
            raise ParameterError(f"crop = {self.crop}, but it lies in [0, 1).")

    def __call__(self, kspace: Tensor) -> Tensor:
        """Return the maps of k-space ``(B, coils, *image)``, which may be undersampled off the centre."""
        require_kspace(kspace, self.dims)
        with torch.no_grad():
            return torch.stack([self._one(sample) for sample in kspace])

    def _one(self, kspace: Tensor) -> Tensor:
        image, dims = tuple(kspace.shape[1:]), tuple(range(-self.dims, 0))
        block = calibration_region(kspace, self.calibration, min(8, self.calibration), self.dims)
        density, coils = _Inversion(block, self.order).run(self.steps)
        fine = centred_ifft(embedded(centred_fft(coils, dims), image), dims)
        size = torch.linalg.vector_norm(fine, dim=0)
        brightness = centred_ifft(embedded(centred_fft(density, dims)[None], image), dims)[0].abs() * size
        kept = brightness > self.crop * brightness.max()
        unit = fine / torch.where(size > 0, size, 1)
        maps: Tensor = referenced(unit, principal_coil(block)) * kept
        return maps


class _Inversion:
    """The regularised Gauss–Newton method on one block, for (density, weighted coil frequencies)."""

    def __init__(self, block: Tensor, order: int) -> None:
        self.data = block * (SCALE / torch.linalg.vector_norm(block))
        self.dims = tuple(range(1 - block.ndim, 0))
        squares = torch.zeros((), dtype=block.real.dtype, device=block.device)
        for d in self.dims:
            n = block.shape[d]
            k = torch.arange(n, dtype=block.real.dtype, device=block.device) - n // 2
            squares = squares + k.square().reshape((n,) + (1,) * (-d - 1))
        self.smooth = (1 + SOBOLEV * squares) ** (-order)

    def coils(self, x: Tensor) -> Tensor:
        """Return the coils of an unknown ``(coils + 1, …)``."""
        return centred_ifft(self.smooth * x[1:], self.dims)

    def run(self, steps: int) -> tuple[Tensor, Tensor]:
        """Return density and coils after ``steps`` steps."""
        start = self.data.new_zeros((self.data.shape[0] + 1, *self.data.shape[1:]))
        start[0] = 1
        x, weight = start, 1.0
        for _ in range(steps):
            x = x + self._step(x, start, weight)
            weight /= 2
        return x[0], self.coils(x)

    def _step(self, x: Tensor, start: Tensor, weight: float) -> Tensor:
        density, coils = x[:1], self.coils(x)

        def derivative(dx: Tensor) -> Tensor:
            return centred_fft(dx[:1] * coils + density * self.coils(dx), self.dims)

        def adjoint(y: Tensor) -> Tensor:
            images = centred_ifft(y, self.dims)
            parts = self.smooth * centred_fft(density.conj() * images, self.dims)
            return torch.cat([(coils.conj() * images).sum(0, keepdim=True), parts])

        residual = self.data - centred_fft(density * coils, self.dims)
        right = adjoint(residual) + weight * (start - x)
        system = lambda v: adjoint(derivative(v[0]))[None] + weight * v  # noqa: E731
        found = cg(system, right[None], tol=1e-2, max_iter=100).x
        assert isinstance(found, Tensor)
        return found[0]
