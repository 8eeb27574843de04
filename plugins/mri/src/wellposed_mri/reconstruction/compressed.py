"""Compressed sensing: sparse wavelets or few edges, by FISTA, with a weight in units of the image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import attrs
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.needs import COMPLEX, LINEAR, needs
from wellposed_mri.reconstruction.common import (
    PhaseEquivariant,
    brightness,
    only_seen,
    operator_of,
    require_measurements,
    squared_norm,
)
from wellposed_mri.reconstruction.outer_noise import noise_of_adjoint
from wellposed_mri.reconstruction.weights import WeightRule, chosen, require_weight
from wellposed_optim.algorithms import FISTA
from wellposed_optim.priors import Prior, TotalVariation, WaveletL1

DEVIATIONS = 0.6
"""λ of wavelets by the noise, in standard deviations of the noise in A*y."""

EDGE_DEVIATIONS = 0.4
"""λ of total variation in the same unit."""

TRIAL = 30
"""The most iterations for each weight that a rule tries."""


def _check(method: L1Wavelet | TV) -> None:
    require_weight("weight", method.weight)
    if (method.noise or 0) < 0 or method.max_iterations < 1 or method.tolerance < 0:
        raise ParameterError(
            f"noise = {method.noise} and tolerance = {method.tolerance} must be ≥ 0, and "
            f"max_iterations = {method.max_iterations} ≥ 1."
        )


@needs(LINEAR, COMPLEX)
@attrs.frozen
class L1Wavelet(PhaseEquivariant):
    """``argmin_x ½‖A x − y‖² + λ‖Ψx‖₁`` with wavelets Ψ (Lustig et al. 2007), by FISTA.

    Pixels that no coil sees are zero in the result.

    Parameters
    ----------
    weight
        λ in units of the image: of the 99 % quantile of |A*y|, so that it means the same for data of any
        scale. Or a :data:`~wellposed_mri.WeightRule`: ``"noise"`` takes 0.6 standard deviations of the noise
        in A*y (fitted to 4 chest images of 8 simulated coils at accelerations 4 and 8 and noise of 0.3 to 4 %
        of the maximum); ``"sure"``, ``"gcv"`` and ``"discrepancy"`` try several weights.
    wavelet, levels
        An orthogonal wavelet of PyWavelets and its number of scales. The basis is shifted in every iteration
        (cycle spinning), which removes block artefacts.
    max_iterations, tolerance
        When to stop: iterations, and relative change of the image.
    noise
        Standard deviation of the complex noise in y for these rules, E|n|² = noise²: 1 after
        :func:`~wellposed_mri.whiten`. ``None`` measures it in the outer part of k-space.

    References
    ----------
    M. Lustig, D. Donoho and J. M. Pauly, Magn. Reson. Med. 58 (2007) 1182–1195, doi:10.1002/mrm.21391.
    """

    weight: float | WeightRule = "noise"
    wavelet: str = "db4"
    levels: int = 4
    max_iterations: int = 100
    tolerance: float = 1e-3
    noise: float | None = None

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        _check(self)

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the image ``(B, sets, *image)``."""
        prior = WaveletL1(self.wavelet, self.levels, spin=True)
        return _solve(prior, y, physics, self, DEVIATIONS)


@needs(LINEAR, COMPLEX)
@attrs.frozen
class TV(PhaseEquivariant):
    """``argmin_x ½‖A x − y‖² + λ·TV(x)``, isotropic total variation of the complex image, by FISTA.

    Parameters
    ----------
    weight, max_iterations, tolerance, noise
        As in :class:`L1Wavelet`; ``weight="noise"`` takes 0.4 standard deviations.
    dims
        Image axes over which differences are taken: 2, or 3 for volumes.

    References
    ----------
    K. T. Block, M. Uecker and J. Frahm, Magn. Reson. Med. 57 (2007) 1086–1098, doi:10.1002/mrm.21236.
    """

    weight: float | WeightRule = "noise"
    max_iterations: int = 100
    tolerance: float = 1e-3
    dims: int = 2
    noise: float | None = None

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        _check(self)

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the image ``(B, sets, *image)``."""
        prior = TotalVariation(dims=self.dims, tolerance=1e-3, iterations=50)
        return _solve(prior, y, physics, self, EDGE_DEVIATIONS)


def _solve(prior: Prior, y: Tensor, physics: Any, method: L1Wavelet | TV, deviations: float) -> Tensor:
    require_measurements(y)
    operator = operator_of(physics)
    size = squared_norm(operator)
    back = operator.A_adjoint(y)

    def minimise(data: Tensor, weight: Tensor, start: Tensor, iterations: int, tolerance: float) -> Tensor:
        algorithm = FISTA(
            prior=prior, weight=weight, step=1 / size, max_iterations=iterations, tolerance=tolerance
        )
        image: Tensor = algorithm(data, operator, x0=start)
        return image

    def walk(data: Tensor, weights: Iterable[Tensor]) -> Iterator[Tensor]:
        x = operator.A_adjoint(data) / size
        for weight in weights:
            x = minimise(data, weight, x, min(TRIAL, method.max_iterations), 0.0)
            yield x

    if isinstance(method.weight, str):
        middle = deviations * noise_of_adjoint(y, physics, method.noise)
        weight = chosen(method.weight, y, physics, middle, walk, method.noise)
    else:
        weight = method.weight * brightness(back)
    return only_seen(minimise(y, weight, back / size, method.max_iterations, method.tolerance), operator)
