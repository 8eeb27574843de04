"""Films as matrices, pixels by frames: what moves together has few singular values.

Over a whole film (k-t low rank) or in every small block of it (locally low rank) the nuclear norm is the
penalty. Its proximal operator lowers singular values, by the eigenvectors of the small Gram matrix.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import attrs
import torch
from torch import Tensor
from torch.nn import functional as F

from wellposed.errors import ParameterError
from wellposed.needs import needs
from wellposed_mri.reconstruction.asked import FILM, TIME
from wellposed_mri.reconstruction.common import (
    PhaseEquivariant,
    operator_of,
    require_measurements,
    squared_norm,
)
from wellposed_mri.reconstruction.outer_noise import noise_deviation
from wellposed_optim.algorithms import FISTA
from wellposed_optim.priors import Prior


def lower_singular_values(matrices: Tensor, by: Tensor) -> Tensor:
    """Return ``U max(Σ − by, 0) V*`` of matrices ``(…, n, m)``; ``by`` broadcasts against ``(…, 1)``."""
    tall = matrices if matrices.shape[-2] >= matrices.shape[-1] else matrices.mH
    squares, vectors = torch.linalg.eigh(tall.mH @ tall)
    values = squares.clamp(min=0).sqrt()
    left = (values - by).clamp(min=0) / torch.where(values > 0, values, 1)
    lowered: Tensor = tall @ (vectors * left.unsqueeze(-2)) @ vectors.mH
    return lowered if tall is matrices else lowered.mH


class BlockLowRank(Prior):
    """g(x) = Σ_blocks ‖block as a matrix, pixels × frames‖_*: the nuclear norm of a film's blocks.

    Parameters
    ----------
    block
        Width of the square (cubic) blocks in pixels; ``None`` takes the whole image.
    spin
        Let algorithms shift the blocks in every iteration, which removes their edges from the film and
        forgoes convergence to a point.

    Notes
    -----
    Films are ``(B, sets, T, *image)``. The prox carries no gradient.
    """

    def __init__(self, block: int | None = 8, spin: bool = False) -> None:
        super().__init__()
        if block is not None and block < 1:
            raise ParameterError(f"block = {block}, but it must be ≥ 1 pixel, or None for the whole image.")
        self.block = block
        self.spin = spin

    def value(self, x: Tensor) -> Tensor:
        """Return the sum of all blocks' singular values per sample, ``(B,)``."""
        values: Tensor = torch.linalg.svdvals(self._matrices(x))
        return values.flatten(1).sum(1)

    def prox(self, x: Tensor, gamma: float | Tensor) -> Tensor:
        """Return ``x`` with the singular values of every block lowered by γ."""
        with torch.no_grad():
            matrices = self._matrices(x)
            by = torch.as_tensor(gamma, dtype=x.real.dtype, device=x.device).reshape(-1)
            by = by.reshape((-1,) + (1,) * (matrices.ndim - 2))
            return self._film(lower_singular_values(matrices, by), x)

    def prox_sequence(self) -> Callable[[Tensor, Any], Tensor]:
        """Return the prox, or with ``spin`` one whose blocks move from call to call."""
        if not self.spin or self.block is None:
            return self.prox
        counter, block = itertools.count(), self.block

        def prox(x: Tensor, gamma: float | Tensor) -> Tensor:
            k = next(counter)
            dims = tuple(range(TIME + 1, x.ndim))
            shift = tuple((k * (3 + 2 * i)) % block for i in range(len(dims)))
            moved = self.prox(torch.roll(x, shift, dims), gamma)
            return torch.roll(moved, tuple(-s for s in shift), dims)

        return prox

    def _widths(self, x: Tensor) -> list[int]:
        return [n if self.block is None else min(self.block, n) for n in x.shape[TIME + 1 :]]

    def _matrices(self, x: Tensor) -> Tensor:
        """Return ``(B, sets, blocks, pixels, T)``; blocks over the border are filled up by zeros."""
        widths, image = self._widths(x), x.shape[TIME + 1 :]
        padding = [(0, -n % w) for n, w in zip(image, widths, strict=True)]
        padded = F.pad(x, [p for pair in reversed(padding) for p in pair])
        for axis, w in enumerate(widths):
            padded = padded.unfold(TIME + 1 + axis, w, w)
        spatial = len(widths)
        apart = padded.movedim(TIME, -1).flatten(TIME, TIME + spatial - 1)
        return apart.flatten(TIME + 1, TIME + spatial)

    def _film(self, matrices: Tensor, like: Tensor) -> Tensor:
        widths, image = self._widths(like), like.shape[TIME + 1 :]
        counts = [-(-n // w) for n, w in zip(image, widths, strict=True)]
        blocks = matrices.movedim(-1, TIME).reshape(*like.shape[: TIME + 1], *counts, *widths)
        spatial = len(widths)
        order = [TIME + 1 + axis + half * spatial for axis in range(spatial) for half in (0, 1)]
        film = blocks.permute(*range(TIME + 1), *order)
        film = film.reshape(*like.shape[: TIME + 1], *(c * w for c, w in zip(counts, widths, strict=True)))
        for axis, n in enumerate(image):
            film = film.narrow(TIME + 1 + axis, 0, n)
        return film


@needs(FILM)
@attrs.frozen
class LLR(PhaseEquivariant):
    """``argmin ½‖A x − y‖² + λ Σ_blocks ‖x_block‖_*``: locally low rank films (Trzasko & Manduca 2011).

    Parameters
    ----------
    weight
        λ in units of ‖A‖² times the standard deviation of the noise in y; ``None`` takes the largest singular
        value of a block of such noise, √pixels + √frames, above which singular values are signal. The noise
        is measured in the outer part of k-space.
    block
        Width of the blocks in pixels; they move from iteration to iteration.
    max_iterations, tolerance
        When to stop: iterations, and relative change of the film.

    Notes
    -----
    For ``mri.dynamic``, ``mri.dynamic_noncartesian`` and whatever else has films
    ``(B, sets, T, *image)``. Carries no gradient.

    References
    ----------
    J. Trzasko and A. Manduca, Proc. ISMRM 19 (2011) 4371; the noise's singular values: A. Edelman, SIAM J.
    Matrix Anal. Appl. 9 (1988) 543–560, doi:10.1137/0609045.
    """

    weight: float | None = None
    block: int = 8
    max_iterations: int = 60
    tolerance: float = 1e-3

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if self.block < 1:
            raise ParameterError(f"block = {self.block}, but it must be ≥ 1 pixel.")
        _check(self.weight, self.max_iterations, self.tolerance)

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the film ``(B, sets, T, *image)``."""
        return _solve(BlockLowRank(self.block, spin=True), y, physics, self)


@needs(FILM)
@attrs.frozen
class KTLowRank(PhaseEquivariant):
    """``argmin ½‖A x − y‖² + λ‖x‖_*``: the film as one matrix of few singular values (Lingala et al. 2011).

    Parameters
    ----------
    weight, max_iterations, tolerance
        As in :class:`LLR`, the whole image being the block.

    References
    ----------
    S. G. Lingala et al., IEEE Trans. Med. Imaging 30 (2011) 1042–1054, doi:10.1109/TMI.2010.2100850.
    """

    weight: float | None = None
    max_iterations: int = 60
    tolerance: float = 1e-3

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        _check(self.weight, self.max_iterations, self.tolerance)

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the film ``(B, sets, T, *image)``."""
        return _solve(BlockLowRank(None), y, physics, self)


def _check(weight: float | None, max_iterations: int, tolerance: float) -> None:
    if (weight is not None and weight < 0) or max_iterations < 1 or tolerance < 0:
        raise ParameterError(
            f"weight = {weight} and tolerance = {tolerance} must be ≥ 0, and "
            f"max_iterations = {max_iterations} ≥ 1."
        )


def _solve(prior: BlockLowRank, y: Tensor, physics: Any, options: LLR | KTLowRank) -> Tensor:
    require_measurements(y)
    operator = operator_of(physics)
    with torch.no_grad():
        size = squared_norm(operator)
        back = operator.A_adjoint(y)
        weight = options.weight
        if weight is None:
            pixels = math.prod(prior._widths(back))
            weight = math.sqrt(pixels) + math.sqrt(back.shape[TIME])
        method = FISTA(
            prior=prior,
            weight=weight * noise_deviation(y, physics) * math.sqrt(size),
            step=1 / size,
            max_iterations=options.max_iterations,
            tolerance=options.tolerance,
        )
        film: Tensor = method(y, operator, x0=back / size)
    return film
