"""Compressed sensing: sparse wavelets or few edges, by FISTA, with a weight in units of the image."""

from __future__ import annotations

from typing import Any

import attrs
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_mri.reconstruction.common import (
    PhaseEquivariant,
    brightness,
    operator_of,
    require_measurements,
    squared_norm,
)
from wellposed_optim.algorithms import FISTA
from wellposed_optim.priors import Prior, TotalVariation, WaveletL1


def _check(weight: float, max_iterations: int, tolerance: float) -> None:
    if weight < 0 or max_iterations < 1 or tolerance < 0:
        raise ParameterError(
            f"weight = {weight} and tolerance = {tolerance} must be ≥ 0, and "
            f"max_iterations = {max_iterations} ≥ 1."
        )


@attrs.frozen
class L1Wavelet(PhaseEquivariant):
    """``argmin_x ½‖A x − y‖² + λ‖Ψx‖₁`` with wavelets Ψ (Lustig et al. 2007), by FISTA.

    Parameters
    ----------
    weight
        λ in units of the image: of ‖A‖² times the 99 % quantile of |A*y|, so that it means the same for data
        of any scale.
    wavelet, levels
        An orthogonal wavelet of PyWavelets and its number of scales. The basis is shifted in every iteration
        (cycle spinning), which removes block artefacts.
    max_iterations, tolerance
        When to stop: iterations, and relative change of the image.

    References
    ----------
    M. Lustig, D. Donoho and J. M. Pauly, Magn. Reson. Med. 58 (2007) 1182–1195, doi:10.1002/mrm.21391.
    """

    weight: float = 2e-3
    wavelet: str = "db4"
    levels: int = 4
    max_iterations: int = 100
    tolerance: float = 1e-3

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        _check(self.weight, self.max_iterations, self.tolerance)

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the image ``(B, sets, *image)``."""
        prior = WaveletL1(self.wavelet, self.levels, spin=True)
        return _solve(prior, y, physics, self.weight, self.max_iterations, self.tolerance)


@attrs.frozen
class TV(PhaseEquivariant):
    """``argmin_x ½‖A x − y‖² + λ·TV(x)``, isotropic total variation of the complex image, by FISTA.

    Parameters
    ----------
    weight, max_iterations, tolerance
        As in :class:`L1Wavelet`.
    dims
        Image axes over which differences are taken: 2, or 3 for volumes.

    References
    ----------
    K. T. Block, M. Uecker and J. Frahm, Magn. Reson. Med. 57 (2007) 1086–1098, doi:10.1002/mrm.21236.
    """

    weight: float = 2e-3
    max_iterations: int = 100
    tolerance: float = 1e-3
    dims: int = 2

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        _check(self.weight, self.max_iterations, self.tolerance)

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the image ``(B, sets, *image)``."""
        prior = TotalVariation(dims=self.dims, tolerance=1e-3, iterations=50)
        return _solve(prior, y, physics, self.weight, self.max_iterations, self.tolerance)


def _solve(
    prior: Prior, y: Tensor, physics: Any, weight: float, max_iterations: int, tolerance: float
) -> Tensor:
    require_measurements(y)
    operator = operator_of(physics)
    size = squared_norm(operator)
    back = operator.A_adjoint(y)
    method = FISTA(
        prior=prior,
        weight=weight * brightness(back),
        step=1 / size,
        max_iterations=max_iterations,
        tolerance=tolerance,
    )
    image: Tensor = method(y, operator, x0=back / size)
    return image
