"""Wiener deconvolution: the best linear estimate when the spectra of image and noise are known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.linalg import find, gram
from wellposed.linalg.spectral import apply_spectrum, fourier, inverse_fourier
from wellposed.needs import LINEAR, REAL, needs
from wellposed.solvers import cg
from wellposed.structure import FourierDiagonal
from wellposed.vectors import expand
from wellposed_optim.noise_estimate import noise_level as level_of


@needs(LINEAR, REAL)
@attrs.frozen
class Wiener:
    """``x̂ = μ + (A*A + σ²S⁻¹)⁻¹ A*(y − Aμ)``: the posterior mean under a stationary Gaussian prior.

    S is the power spectrum of natural images, S(f) ∝ (f² + f₀²)^(−p/2) with
    p = ``exponent`` (Field 1987), scaled to the variance of the measurements; μ is their mean. For a
    circular blur this is Wiener's filter
    H̄/(|H|² + σ²/S), one division in Fourier space; for any other linear physics the same equation is
    solved by conjugate gradients.

    Parameters
    ----------
    noise_level
        σ, the standard deviation of the noise; by default what ``physics.noise_model`` says, or an
        estimate from ``y``.
    exponent
        p ≥ 0 of the image spectrum, between 2 and 3 for photographs; 0 is Tikhonov's white prior.
    strength
        Factor on σ²/S; 1 is Wiener's optimum when the spectra are right.
    tolerance
        Relative residual at which the iteration stops, where there is one.
    """

    noise_level: float | None = None
    exponent: float = 2.5
    strength: float = 1.0
    tolerance: float = 1e-4

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if self.noise_level is not None and self.noise_level <= 0:
            raise ParameterError(f"noise_level={self.noise_level} must be > 0; leave it out to estimate it.")
        if self.exponent < 0 or self.strength <= 0:
            raise ParameterError(f"exponent={self.exponent} must be ≥ 0 and strength={self.strength} > 0.")

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the estimate ``(B, *domain)``."""
        operator = getattr(physics, "operator", physics)
        mean = self._mean_image(y, operator)
        residual = y - operator.A(mean)
        penalty = self._penalty(residual, mean, physics)
        own = find(operator, FourierDiagonal)
        if own is not None and own.half and own.dims == penalty.dims:
            right = own.spectrum.conj() * fourier(residual, own)
            change = inverse_fourier(right / (own.spectrum.abs() ** 2 + penalty.spectrum), own, mean)
        else:
            right = operator.A_adjoint(residual)
            change = _iterate(gram(operator).A, penalty, right, self.tolerance)
        estimate: Tensor = mean + change
        return estimate

    def _mean_image(self, y: Tensor, operator: Any) -> Tensor:
        """Return the constant image μ whose measurements have the mean of ``y``."""
        ones = torch.ones_like(operator.A_adjoint(y))
        gain = operator.A(ones).flatten(1).mean(1)
        return expand(y.flatten(1).mean(1) / torch.where(gain == 0, torch.ones_like(gain), gain), ones) * ones

    def _penalty(self, residual: Tensor, like: Tensor, physics: Any) -> FourierDiagonal:
        """Return σ²/S as a half spectrum over the image axes, per sample."""
        sigma = (
            level_of(residual, physics)
            if self.noise_level is None
            else torch.full((len(residual),), self.noise_level, dtype=residual.dtype)
        )
        signal = residual.flatten(1).square().mean(1)
        signal = (signal - sigma**2).clamp(min=1e-2 * signal.clamp(min=torch.finfo(signal.dtype).tiny))
        shape = natural_spectrum(tuple(like.shape[2:]), self.exponent).to(like)
        ratio = self.strength * sigma**2 / signal
        dims = tuple(range(2 - like.ndim, 0))
        return FourierDiagonal(expand(ratio, torch.empty(like.ndim * (1,))) / shape, dims, half=True)


def _iterate(
    normal: Callable[[Tensor], Tensor], penalty: FourierDiagonal, right: Tensor, tolerance: float
) -> Tensor:
    """Solve (A*A + σ²S⁻¹) u = right; the circulant operator nearest to the middle of A*A preconditions."""
    middle = torch.zeros_like(right)
    batch_and_channels = (slice(None), slice(None))
    middle[batch_and_channels + tuple(n // 2 for n in right.shape[2:])] = 1
    response = fourier(normal(middle).roll([-(n // 2) for n in right.shape[2:]], penalty.dims), penalty)
    near = replace(penalty, spectrum=1 / (response.real.clamp(min=0) + penalty.spectrum))
    system = partial(_add_penalty, normal, penalty)
    solution = cg(system, right, preconditioner=partial(apply_spectrum, near), tol=tolerance, max_iter=200)
    assert isinstance(solution.x, Tensor)
    return solution.x


def _add_penalty(normal: Callable[[Tensor], Tensor], penalty: FourierDiagonal, u: Tensor) -> Tensor:
    return normal(u) + apply_spectrum(penalty, u)


def natural_spectrum(sizes: tuple[int, ...], exponent: float) -> Tensor:
    """Return S on the ``rfftn`` grid of ``sizes``, scaled so that its mean over all frequencies is 1.

    S(f) = (f² + f₀²)^(−exponent/2) with f in cycles per pixel; f₀ = 1/max(sizes) keeps the mean finite.
    """
    axes = [torch.fft.fftfreq(n, dtype=torch.float64) for n in sizes]
    squared = sum(f**2 for f in torch.meshgrid(*axes, indexing="ij"))
    assert isinstance(squared, Tensor)
    full = (squared + 1 / max(sizes) ** 2) ** (-exponent / 2)
    half = full[..., : sizes[-1] // 2 + 1]
    return half * (math.prod(sizes) / full.sum())
