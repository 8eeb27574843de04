"""Approximate inverses of A*A, diagonal in Fourier space, for ``preconditioner=`` of the solvers.

Forward and back-projection blur by about 1/|r|, so A*A damps frequency f by about 1/|f|: low frequencies
converge in a few iterations and edges in hundreds. A filter that amplifies them undoes that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from wellposed.errors import ParameterError

__all__ = ["circulant_preconditioner", "ramp_preconditioner"]


def ramp_preconditioner(operator: Any, damp: float = 0.0, floor: float = 0.1) -> Callable[[Tensor], Tensor]:
    """Return v ↦ F*((c/|f| + damp²)⁻¹ F v): the ramp in the image, as theory has it for even views.

    Parameters
    ----------
    operator
        A projector with a known domain ``(C, …)``.
    damp
        The damping of the least-squares problem, in its units.
    floor
        The least |f| that counts, relative to Nyquist, so that the mean is not amplified without bound.
    """
    response = _impulse_response(operator)
    frequency = _frequencies(response).clamp(min=floor * 0.5)
    spectrum = response.max() / (1 / frequency).mean() / frequency
    return _filter(spectrum + damp**2)


def circulant_preconditioner(
    operator: Any, damp: float = 0.0, floor: float = 0.03
) -> Callable[[Tensor], Tensor]:
    """Return the inverse of the convolution that A*A is around the middle of the image.

    Parameters
    ----------
    operator, damp
        As in :func:`ramp_preconditioner`.
    floor
        The least eigenvalue, relative to the largest; views that leave directions unseen need one.
    """
    response = _impulse_response(operator)
    middle = [n // 2 for n in response.shape]
    spectrum = torch.fft.fftn(response.roll([-m for m in middle], list(range(response.ndim)))).real
    return _filter(spectrum.clamp(min=floor * float(spectrum.max())) + damp**2)


def _impulse_response(operator: Any) -> Tensor:
    """Return A*A e of the pixel in the middle, ``(…)`` without channels."""
    domain = operator.domain
    with torch.no_grad():
        device = next((b.device for b in operator.buffers()), None)
        impulse = domain.zeros(1, device)
        impulse[(0, 0, *(n // 2 for n in impulse.shape[2:]))] = 1
        response: Tensor = operator.A_adjoint(operator.A(impulse))[0, 0]
    if not float(response.max()) > 0:
        raise ParameterError(
            f"{type(operator).__name__} does not see the pixel in the middle of the image, so there is "
            "nothing to precondition by; check centre_mm and the detector."
        )
    return response


def _frequencies(like: Tensor) -> Tensor:
    """Return |f| in cycles per pixel on the FFT's grid."""
    axes = [torch.fft.fftfreq(n, dtype=like.dtype, device=like.device) for n in like.shape]
    grids = torch.meshgrid(*axes, indexing="ij")
    return torch.stack([g**2 for g in grids]).sum(0).sqrt()


def _filter(spectrum: Tensor) -> Callable[[Tensor], Tensor]:
    inverse = 1 / spectrum
    dims = tuple(range(-spectrum.ndim, 0))

    def apply(v: Tensor) -> Tensor:
        w: Tensor = torch.fft.ifftn(torch.fft.fftn(v, dim=dims) * inverse.to(v.dtype), dim=dims).real
        return w

    return apply
