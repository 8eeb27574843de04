"""SENSE by conjugate gradients: the least-squares image, for any sampling and any number of coils."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.linalg import gram
from wellposed.needs import COMPLEX, LINEAR, needs
from wellposed.solvers import Solution, cg
from wellposed_mri.reconstruction.common import (
    PhaseEquivariant,
    brightness,
    operator_of,
    require_measurements,
)
from wellposed_mri.reconstruction.outer_noise import noise_of_adjoint
from wellposed_mri.reconstruction.preconditioner import circulant
from wellposed_mri.reconstruction.scale import squared_scale

DEVIATIONS = 3.0
"""The automatic λ in standard deviations of the noise in A*y, over the brightness of A*y."""

LARGEST = 1.0
"""The largest automatic λ: beyond it there is little but the adjoint left."""


@needs(LINEAR, COMPLEX)
@attrs.frozen
class SENSE(PhaseEquivariant):
    """``argmin_x ‖A x − y‖² + λ‖A‖²·‖x‖²`` by conjugate gradients (Pruessmann et al. 2001).

    Parameters
    ----------
    regularisation
        λ ≥ 0, relative to ‖A‖² (a smooth estimate of it); a number, or a tensor of one element that may
        require grad. With 0 the minimum-norm least-squares image A⁺y is approached, and noise
        grows by the g-factor. ``None`` takes 3 standard deviations of the noise in A*y, measured in the outer
        part of k-space, over the 99 % quantile of |A*y|, but at most 1 (fitted as the weights of
        :class:`~wellposed_mri.L1Wavelet`).
    max_iterations
        The most iterations; stopping early regularises as well.
    tolerance
        Relative residual of the normal equations at which a sample is done.
    precondition
        Precondition by the nearest circulant (T. Chan 1988), which saves iterations where the density of
        samples varies strongly, as in radial scans. ``None`` does so for trajectories that sample some
        frequencies more than twenty times as densely as the average.

    References
    ----------
    K. P. Pruessmann et al., Magn. Reson. Med. 46 (2001) 638–651, doi:10.1002/mrm.1241.
    """

    regularisation: float | Tensor | None = 1e-2
    max_iterations: int = 100
    tolerance: float = 1e-4
    precondition: bool | None = None

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if (self.regularisation or 0) < 0 or self.max_iterations < 1 or not self.tolerance > 0:
            raise ParameterError(
                f"regularisation = {self.regularisation} must be ≥ 0, max_iterations = {self.max_iterations} "
                f"≥ 1 and tolerance = {self.tolerance} > 0."
            )

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the image ``(B, sets, *image)``.

        Differentiable (implicitly) in y, in the parameters of the physics and in λ, of which ``None`` chooses
        a constant.
        """
        x = self.solve(y, physics).x
        assert isinstance(x, Tensor)
        return x

    def solve(self, y: Tensor, physics: Any) -> Solution:
        """Return the image with iterations, residual and the reason for stopping, per sample."""
        require_measurements(y)
        operator = operator_of(physics)
        normal, right = gram(operator), operator.A_adjoint(y)
        weight = self._weight(y, physics, right)
        shifted = (lambda u: normal.A(u) + weight * u) if weight is not None else normal.A
        return cg(
            shifted, right, preconditioner=self._preconditioner(operator, weight),
            tol=self.tolerance, max_iter=self.max_iterations,
        )  # fmt: skip

    def _weight(self, y: Tensor, physics: Any, back: Tensor) -> Tensor | None:
        """Return what is added to A*A, broadcasting against images, or ``None`` for nothing."""
        if not isinstance(self.regularisation, Tensor) and self.regularisation == 0:
            return None
        size = squared_scale(operator_of(physics)).to(back.real)
        if self.regularisation is None:
            relative = DEVIATIONS * noise_of_adjoint(y, physics) / brightness(back)
            share = relative.clamp(max=LARGEST)
        else:
            share = torch.as_tensor(self.regularisation, dtype=size.dtype, device=size.device).reshape(1)
        return (share * size).reshape((-1,) + (1,) * (back.ndim - 1))

    def _preconditioner(self, operator: Any, weight: Tensor | None) -> Callable[[Tensor], Tensor] | None:
        if self.precondition is False:
            return None
        return circulant(operator, weight, always=self.precondition is True)
