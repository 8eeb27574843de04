"""SENSE by conjugate gradients: the least-squares image, for any sampling and any number of coils."""

from __future__ import annotations

from typing import Any

import attrs
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.linalg import gram
from wellposed.solvers import Solution, cg
from wellposed_mri.reconstruction.common import (
    PhaseEquivariant,
    operator_of,
    require_measurements,
    squared_norm,
)


@attrs.frozen
class SENSE(PhaseEquivariant):
    """``argmin_x ‖A x − y‖² + λ‖A‖²·‖x‖²`` by conjugate gradients (Pruessmann et al. 2001).

    Parameters
    ----------
    regularisation
        λ ≥ 0, relative to ‖A‖². With 0 the minimum-norm least-squares image A⁺y is approached, and noise
        grows by the g-factor.
    max_iterations
        The most iterations; stopping early regularises as well.
    tolerance
        Relative residual of the normal equations at which a sample is done.

    References
    ----------
    K. P. Pruessmann et al., Magn. Reson. Med. 46 (2001) 638–651, doi:10.1002/mrm.1241.
    """

    regularisation: float = 1e-2
    max_iterations: int = 100
    tolerance: float = 1e-4

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if self.regularisation < 0 or self.max_iterations < 1 or not self.tolerance > 0:
            raise ParameterError(
                f"regularisation = {self.regularisation} must be ≥ 0, max_iterations = {self.max_iterations} "
                f"≥ 1 and tolerance = {self.tolerance} > 0."
            )

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the image ``(B, sets, *image)``; differentiable (implicitly) in y and in maps."""
        x = self.solve(y, physics).x
        assert isinstance(x, Tensor)
        return x

    def solve(self, y: Tensor, physics: Any) -> Solution:
        """Return the image with iterations, residual and the reason for stopping, per sample."""
        require_measurements(y)
        operator = operator_of(physics)
        weight = self.regularisation * squared_norm(operator) if self.regularisation else 0.0
        normal = gram(operator)
        system = (lambda u: normal.A(u) + weight * u) if weight else normal.A
        right = operator.A_adjoint(y)
        return cg(system, right, tol=self.tolerance, max_iter=self.max_iterations)
