"""L + S: a background of low rank and a sparse change in time, told apart while reconstructing."""

from __future__ import annotations

import math
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.needs import needs, require
from wellposed.operators import LinearOperator
from wellposed.spaces import Space
from wellposed.structure import Evidence, NormBound
from wellposed_mri.reconstruction.asked import FILM, TIME
from wellposed_mri.reconstruction.common import (
    PhaseEquivariant,
    operator_of,
    require_measurements,
    squared_norm,
)
from wellposed_mri.reconstruction.low_rank import lower_singular_values
from wellposed_optim.algorithms import FISTA
from wellposed_optim.priors import Prior
from wellposed_optim.priors.l1 import soft_threshold


@needs(FILM)
@attrs.frozen
class LPlusS(PhaseEquivariant):
    """``argmin ½‖A(L+S) − y‖² + λ_L‖L‖_* + λ_S‖F_t S‖₁`` (Otazo, Candès & Sodickson 2015); returns L + S.

    L is one matrix, pixels by frames; F_t is the orthonormal Fourier transform in time. Solved by FISTA for
    the pair, with the step ½/‖A‖² with which it provably converges (Lin & Fessler 2019).

    Parameters
    ----------
    low_rank
        λ_L relative to the largest singular value of A*y.
    sparse
        λ_S relative to the largest |F_t A*y|, without the frequency zero.
    max_iterations, tolerance
        When to stop: iterations, and relative change of the film.

    Notes
    -----
    For ``mri.dynamic``, ``mri.dynamic_noncartesian`` and whatever else has films
    ``(B, sets, T, *image)``. Carries no gradient.

    References
    ----------
    R. Otazo, E. Candès and D. K. Sodickson, Magn. Reson. Med. 73 (2015) 1125–1136, doi:10.1002/mrm.25240;
    C. Y. Lin and J. A. Fessler, IEEE Trans. Comput. Imaging 5 (2019) 17–26, doi:10.1109/TCI.2018.2882089.
    """

    low_rank: float = 0.01
    sparse: float = 0.01
    max_iterations: int = 100
    tolerance: float = 1e-3

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if min(self.low_rank, self.sparse, self.tolerance) < 0 or self.max_iterations < 1:
            raise ParameterError(
                f"low_rank = {self.low_rank}, sparse = {self.sparse}, tolerance = {self.tolerance} must be ≥ "
                f"0, max_iterations = {self.max_iterations} ≥ 1."
            )

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the film ``(B, sets, T, *image)``."""
        background, change = self.parts(y, physics)
        return background + change

    def parts(self, y: Tensor, physics: Any) -> tuple[Tensor, Tensor]:
        """Return L and S, each ``(B, sets, T, *image)``."""
        require(self, y, physics)
        require_measurements(y)
        operator = operator_of(physics)
        with torch.no_grad():
            size = squared_norm(operator)
            back = operator.A_adjoint(y)
            method = FISTA(
                prior=_LowRankAndSparse(*self.weights(y, operator)),
                weight=1.0,
                step=0.5 / size,
                max_iterations=self.max_iterations,
                tolerance=self.tolerance,
            )
            start = torch.cat([back / size, torch.zeros_like(back)], 1)
            pair = method(y, operator @ _Sum(operator.domain), x0=start)
        background, change = pair.chunk(2, 1)
        return background, change

    def weights(self, y: Tensor, operator: Any) -> tuple[Tensor, Tensor]:
        """Return λ_L and λ_S of the objective, per sample ``(B,)``."""
        back = operator.A_adjoint(y)
        largest = torch.linalg.matrix_norm(casorati(back), 2).amax(1)
        moving = torch.fft.fft(back, dim=TIME, norm="ortho").narrow(TIME, 1, back.shape[TIME] - 1)
        top = moving.abs().flatten(1).amax(1) if moving.numel() else torch.zeros_like(largest)
        return self.low_rank * largest, self.sparse * top


def casorati(film: Tensor) -> Tensor:
    """Return the film as matrices of pixels by frames, ``(B, sets, pixels, T)``."""
    return film.flatten(TIME + 1).mT


class _Sum(LinearOperator):
    """L + S of a pair that is stacked along the axis of map sets."""

    def __init__(self, space: Space) -> None:
        super().__init__(Space((2 * int(space.shape[0] or 1), *space.shape[1:]), space.dtype), space)
        self.space = space

    def _forward(self, x: Tensor) -> Tensor:
        background, change = x.chunk(2, 1)
        return background + change

    def _adjoint(self, y: Tensor) -> Tensor:
        return torch.cat([y, y], 1)

    def _evidence(self) -> tuple[Evidence, ...]:
        return (NormBound(math.sqrt(2) * (1 + 1e-6)),)


class _LowRankAndSparse(Prior):
    """λ_L‖L‖_* + λ_S‖F_t S‖₁ of the pair."""

    def __init__(self, low_rank: Tensor, sparse: Tensor) -> None:
        super().__init__()
        self.register_buffer("low_rank", low_rank)
        self.register_buffer("sparse", sparse)
        self.low_rank: Tensor
        self.sparse: Tensor

    def value(self, x: Tensor) -> Tensor:
        background, change = x.chunk(2, 1)
        nuclear: Tensor = torch.linalg.svdvals(casorati(background)).flatten(1).sum(1)
        course = torch.fft.fft(change, dim=TIME, norm="ortho").abs().flatten(1).sum(1)
        total: Tensor = self.low_rank * nuclear + self.sparse * course
        return total

    def prox(self, x: Tensor, gamma: float | Tensor) -> Tensor:
        background, change = x.chunk(2, 1)
        lowered = lower_singular_values(casorati(background), per_pixel(gamma * self.low_rank, 3))
        course = torch.fft.fft(change, dim=TIME, norm="ortho")
        thin = soft_threshold(course, per_pixel(gamma * self.sparse, change.ndim))
        film = lowered.mT.reshape(background.shape)
        return torch.cat([film, torch.fft.ifft(thin, dim=TIME, norm="ortho")], 1)


def per_pixel(values: Tensor, ndim: int) -> Tensor:
    """View ``(B,)`` values with ``ndim`` axes."""
    return values.reshape((-1,) + (1,) * (ndim - 1))
