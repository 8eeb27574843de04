"""SENSE by conjugate gradients: the least-squares image, for any sampling and any number of coils."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.linalg import gram
from wellposed.needs import COMPLEX, LINEAR, needs
from wellposed.solvers import Solution, cg
from wellposed_mri.encoding.traits import seen
from wellposed_mri.reconstruction.common import (
    PhaseEquivariant,
    operator_of,
    over,
    require_measurements,
)
from wellposed_mri.reconstruction.outer_noise import noise_deviation
from wellposed_mri.reconstruction.preconditioner import circulant
from wellposed_mri.reconstruction.scale import squared_scale
from wellposed_mri.reconstruction.weights import WeightRule, chosen, require_weight

SHARE = 3.0
"""λ by the noise in σ² over the image's mean power.

For a white image 1 were the optimum (Wiener). Most of an image's power is at low frequencies, which the data
determine; where they do not there is less of it, so that the weight has to be larger. Between the best for
phantoms of 8 coils, noise of 0 to 8 %: 2 (Shepp–Logan, random samples) to 8 (brain, 32 spokes).
"""

TRIAL, CLOSE = 30, 1e-6
"""Iterations and tolerance for each weight that a rule tries."""


@needs(LINEAR, COMPLEX)
@attrs.frozen
class SENSE(PhaseEquivariant):
    """``argmin_x ‖A x − y‖² + λ‖A‖²·‖x‖²`` by conjugate gradients (Pruessmann et al. 2001).

    Parameters
    ----------
    regularisation
        λ ≥ 0, relative to ‖A‖² (a smooth estimate of it); a number, or a tensor of one element that may
        require grad. With 0 the minimum-norm least-squares image A⁺y is approached, and noise
        grows by the g-factor. Or a :data:`~wellposed_mri.WeightRule`: ``"noise"`` takes λ‖A‖² = 3σ²/p, with
        the noise σ in the outer part of k-space and the mean power p of the image, but at most λ = 1. It
        vanishes without noise. ``"sure"``, ``"gcv"`` and ``"discrepancy"`` try several.
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

    regularisation: float | Tensor | WeightRule = "noise"
    max_iterations: int = 100
    tolerance: float = 1e-4
    precondition: bool | None = None

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        require_weight("regularisation", self.regularisation)
        if self.max_iterations < 1 or not self.tolerance > 0:
            raise ParameterError(
                f"max_iterations = {self.max_iterations} must be ≥ 1 and tolerance = {self.tolerance} > 0."
            )

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the image ``(B, sets, *image)``.

        Differentiable (implicitly) in y, in the parameters of the physics and in λ; rules choose a constant.
        """
        x = self.solve(y, physics).x
        assert isinstance(x, Tensor)
        return x

    def solve(self, y: Tensor, physics: Any) -> Solution:
        """Return the image with iterations, residual and the reason for stopping, per sample."""
        require_measurements(y)
        operator = operator_of(physics)
        weight = self._weight(y, physics)
        return self._solve(operator, operator.A_adjoint(y), weight, self.tolerance, self.max_iterations)

    def _solve(
        self, operator: Any, right: Tensor, weight: Tensor | None, tolerance: float, most: int,
        start: Tensor | None = None,
    ) -> Solution:  # fmt: skip
        """Solve ``(A*A + weight) x = right``, ``weight`` of ``(1,)`` or ``(B,)``."""
        normal = gram(operator)
        added = None if weight is None else over(weight, right)
        shifted = normal.A if added is None else lambda u: normal.A(u) + added * u
        return cg(
            shifted, right, x0=start, preconditioner=self._preconditioner(operator, added),
            tol=tolerance, max_iter=most,
        )  # fmt: skip

    def _weight(self, y: Tensor, physics: Any) -> Tensor | None:
        """Return what is added to A*A, ``(1,)`` or ``(B,)``, or ``None`` for nothing."""
        share = self.regularisation
        if not isinstance(share, (str, Tensor)) and share == 0:
            return None
        operator = operator_of(physics)
        size = squared_scale(operator).to(y.real)
        if not isinstance(share, str):
            return torch.as_tensor(share, dtype=size.dtype, device=size.device).reshape(1) * size

        def walk(data: Tensor, weights: Iterable[Tensor]) -> Iterator[Tensor]:
            right = operator.A_adjoint(data)
            x = torch.zeros_like(right)
            for weight in weights:
                found = self._solve(operator, right, weight, CLOSE, TRIAL, x).x
                assert isinstance(found, Tensor)
                x = found
                yield x

        with torch.no_grad():
            wanted = SHARE * noise_deviation(y, physics).square() / mean_power(y, operator)
            middle = torch.minimum(wanted, size.detach())
        return chosen(share, y, physics, middle, walk, linear=True)

    def _preconditioner(self, operator: Any, weight: Tensor | None) -> Callable[[Tensor], Tensor] | None:
        if self.precondition is False:
            return None
        return circulant(operator, weight, always=self.precondition is True)


def mean_power(y: Tensor, operator: Any) -> Tensor:
    """Return the mean power ``(B,)``, where coils see, of the multiple of A*y that explains ``y`` best."""
    back = operator.A_adjoint(y)
    size, again = (torch.linalg.vector_norm(t.flatten(1), dim=1) for t in (back, operator.A(back)))
    where = seen(operator)
    pixels = back.new_ones((), dtype=back.real.dtype) if where is None else where.to(back.real)
    count = pixels.expand(back.shape).flatten(1).sum(1).clamp(min=1)
    power: Tensor = (size**3 / again.square()).square() / count
    return power
