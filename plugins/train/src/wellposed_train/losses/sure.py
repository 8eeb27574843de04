"""Stein's unbiased risk estimate: the mean squared error, measured without the truth.

For Gaussian noise the error of ``A(R(y))`` against the noiseless measurements equals, in expectation, its
distance to the noisy ones, corrected by how strongly it follows the noise: the divergence. One random
probe estimates that divergence for any reconstructor, as a black box.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, final

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.random import streams
from wellposed.spaces import Vector
from wellposed.vectors import add_scaled, batch_size, leaves, map_vector, subtract
from wellposed_train.comparison import sample_sum
from wellposed_train.losses.measured import as_vector, entries, mean_square_difference


@final
@attrs.frozen
class MonteCarloSURE:
    """Monte-Carlo SURE for Gaussian noise of known level, in measurement space.

    mean |A(x̂) − y|² − σ² + 2σ²/(mτ) · Re⟨b, A(R(y + τb)) − A(x̂)⟩ with ``x_hat = R(y)``, ``m`` entries of
    ``y`` per sample and one probe ``b`` of random signs per sample; 2σ² takes the place of σ² for complex
    ``y``. For ``y = A(x) + N(0, σ²)`` its expectation over the noise is the mean of |A(x̂) − A(x)|²,
    exactly where ``A∘R`` is affine in ``y`` and up to the finite difference τ otherwise. The value may be
    negative. The model must be deterministic (no dropout): both evaluations have to be of the same function.

    Takes ``x_hat`` ``(B, …)``, ``y`` (a tensor or tuple, real or complex), ``physics`` with ``A`` and
    ``model(y, physics)``; returns real ``(B,)``. It evaluates the model once more.

    Parameters
    ----------
    sigma
        Standard deviation of the noise, in the unit of ``y``; for complex ``y`` that of the real and of the
        imaginary part each, as in :class:`wellposed.noise.Gaussian`.
    tau
        Step of the finite difference, in the unit of ``y``; the default suits entries of size one.

    Raises
    ------
    ParameterError
        ``sigma`` is negative or ``tau`` is not positive.
    SpaceError
        ``A(x_hat)`` does not have the shape of ``y``.

    References
    ----------
    Ramani, Blu & Unser, Monte-Carlo SURE, IEEE Trans. Image Processing 17 (2008), theorem 2.
    Random signs have the least variance of all probes with independent entries: Hutchinson (1990).
    """

    uses: ClassVar[tuple[str, ...]] = ("x_hat", "y", "physics", "model")
    zero_at_truth: ClassVar[bool] = False
    unbiased: ClassVar[bool] = True

    sigma: float
    tau: float = 1e-2

    def __attrs_post_init__(self) -> None:
        """Refuse impossible levels where they are written."""
        if not 0 <= self.sigma < math.inf:
            raise ParameterError(f"MonteCarloSURE: sigma is {self.sigma}, but a standard deviation is ≥ 0.")
        if not 0 < self.tau < math.inf:
            raise ParameterError(f"MonteCarloSURE: tau is {self.tau}, but a step is positive.")

    def __call__(
        self,
        x_hat: Any,
        x: Any,
        y: Any,
        physics: Any,
        model: Any,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return the estimate of each sample; ``generator`` draws the probes."""
        data, fitted = as_vector(y), as_vector(physics.A(x_hat))
        residual = mean_square_difference(fitted, data, "MonteCarloSURE")
        probe = random_signs(data, generator)
        moved = as_vector(physics.A(model(add_scaled(data, self.tau, probe), physics)))
        follow = map_vector(lambda b, d: _variance(b) * b.conj() * d, probe, subtract(moved, fitted))
        divergence = torch.stack([sample_sum(part.real) for part in leaves(follow)]).sum(0)
        variance = sum(_variance(part) * part[0].numel() for part in leaves(data))
        return residual + self.sigma**2 * (2 * divergence / self.tau - variance) / entries(data)


def random_signs(like: Vector, generator: torch.Generator | None) -> Vector:
    """Draw independent entries ±1, for complex ones (±1 ± i)/√2, from one stream per sample."""
    device = leaves(like)[0].device
    sources = streams(generator, batch_size(like), device)
    return map_vector(lambda part: torch.stack([_signs(part[0], source) for source in sources]), like)


def _variance(part: Tensor) -> int:
    """Return the variance of an entry's noise in units of σ²."""
    return 2 if part.is_complex() else 1


def _signs(like: Tensor, source: torch.Generator) -> Tensor:
    if like.is_complex():
        real, imag = (_signs(like.real, source) for _ in range(2))
        return torch.complex(real, imag) / math.sqrt(2)
    bits = torch.randint(0, 2, like.shape, generator=source, device=like.device)
    return (2 * bits - 1).to(like.dtype)
