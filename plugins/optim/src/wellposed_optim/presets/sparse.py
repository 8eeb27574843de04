"""Complete methods with defaults for photographs: one call, no choices."""

from __future__ import annotations

from torch import Tensor

from wellposed_optim.algorithms import FISTA
from wellposed_optim.priors import L1, TotalVariation, WaveletL1


def tv(weight: float | Tensor | None = None, max_iterations: int = 100, tolerance: float = 1e-4) -> FISTA:
    """Return least squares with total variation (vectorial in colour), solved by FISTA.

    Parameters
    ----------
    weight
        λ in ½‖A x − y‖² + λ·TV(x), a number or per sample ``(B,)``; ``None`` chooses by the noise level.
    max_iterations, tolerance
        When to stop; see :class:`~wellposed_optim.algorithms.FISTA`.
    """
    prior = TotalVariation(colour="vectorial", tolerance=1e-3, iterations=100)
    return FISTA(prior=prior, weight=weight, max_iterations=max_iterations, tolerance=tolerance)


def wavelet(
    weight: float | Tensor | None = None,
    wavelet: str = "haar",
    levels: int = 4,
    max_iterations: int = 100,
    tolerance: float = 1e-4,
) -> FISTA:
    """Return least squares with sparse wavelet details, solved by FISTA; ``weight`` as in :func:`tv`."""
    return FISTA(
        prior=WaveletL1(wavelet, levels, spin=True),
        weight=weight,
        max_iterations=max_iterations,
        tolerance=tolerance,
    )


def l1(weight: float | Tensor | None = None, max_iterations: int = 200, tolerance: float = 1e-4) -> FISTA:
    """Return least squares with sparse pixels (LASSO), solved by FISTA; ``weight`` as in :func:`tv`."""
    return FISTA(prior=L1(), weight=weight, max_iterations=max_iterations, tolerance=tolerance)
