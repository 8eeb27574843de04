"""Approximate inverses that are cheap to apply: the ``preconditioner=`` argument of the solvers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from wellposed.errors import ParameterError


def diagonal(d: Tensor) -> Callable[[Tensor], Tensor]:
    """Return v ↦ v/d, Jacobi's preconditioner for an operator whose diagonal is ``d``.

    Parameters
    ----------
    d
        The diagonal, real and positive, of a shape that broadcasts against ``(B, …)``.

    Raises
    ------
    ParameterError
        If an entry is not positive.
    """
    inverse: Tensor = 1 / _positive(d, "d")
    return lambda v: v * inverse


def circulant(spectrum: Tensor, dims: Sequence[int] = (-2, -1)) -> Callable[[Tensor], Tensor]:
    """Return v ↦ F*(F v / spectrum): exact for circular convolutions, good for other boundary rules.

    Parameters
    ----------
    spectrum
        Eigenvalues over all frequencies of the FFT over ``dims``, real and positive; broadcasts
        against ``(B, …)``.
    dims
        The image axes.

    Raises
    ------
    ParameterError
        If an eigenvalue is not positive.

    References
    ----------
    T. F. Chan, "An optimal circulant preconditioner for Toeplitz systems", SIAM J. Sci. Stat.
    Comput. 9 (1988) 766–771.
    """
    inverse: Tensor = 1 / _positive(spectrum, "spectrum")
    axes = tuple(dims)

    def apply(v: Tensor) -> Tensor:
        w: Tensor = torch.fft.ifftn(torch.fft.fftn(v, dim=axes) * inverse, dim=axes)
        return w if v.is_complex() else w.real

    return apply


def _positive(d: Tensor, name: str) -> Tensor:
    if d.is_complex() or not bool((d > 0).all()):
        low = "a complex tensor" if d.is_complex() else f"one with minimum {float(d.min()):g}"
        raise ParameterError(
            f"{name} is {low}, but a preconditioner must be positive: real entries > 0 (clamp them first)."
        )
    return d
