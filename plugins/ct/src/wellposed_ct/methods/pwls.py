"""``ct.pwls``: penalised weighted least squares, the workhorse of low-dose reconstruction.

Every ray counts by the inverse of its variance, so that the few photons behind bone do not streak over the
picture, and a penalty on differences of neighbours takes the place of what was not measured.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.native import uncompiled
from wellposed.needs import LINEAR, REAL, needs
from wellposed.structure import Evidence
from wellposed_ct.methods.equivariance import homogeneous, keeps
from wellposed_ct.methods.finite import FEWER, require_convergence, require_finite
from wellposed_ct.methods.primal_dual import Weighted, minimise_tv
from wellposed_ct.methods.sirt import safe_inverse
from wellposed_ct.methods.statistics import statistical_weights, weighted_column_norm
from wellposed_ct.methods.subsets import ordered_subsets
from wellposed_ct.methods.tv import first_image
from wellposed_optim import TotalVariation

__all__ = ["PENALTIES", "PWLS", "Penalty"]

Penalty = Literal["quadratic", "huber", "tv"]
PENALTIES: tuple[Penalty, ...] = ("quadratic", "huber", "tv")


@needs(LINEAR, REAL)
@attrs.frozen
class PWLS:
    """½‖Ax − y‖²_W + β·Σ ψ(difference of neighbours), W from the physics' noise, image non-negative.

    With s = ‖W^½ a‖ for a pixel's column a (1/s is the noise that a pixel would have alone):
    ``quadratic`` is ψ(t) = t²/2 with β = strength·s²; ``huber`` is t²/2δ up to δ = delta/s and |t| − δ/2
    beyond, with β = strength·s; ``tv`` is the isotropic total variation, β alike. So a strength means the
    same at any dose, scale and number of views. Quadratic and Huber penalties are minimised by
    separable surrogates with ordered subsets and momentum, total variation by a primal–dual iteration.

    Parameters
    ----------
    penalty
        ``quadratic`` (smooth), ``huber`` (keeps edges above the noise) or ``tv`` (sharp edges, flat regions).
    strength
        > 0; larger is smoother.
    delta
        Where Huber's penalty turns linear, > 0, in units of a pixel's noise.
    iterations
        Passes over all views, ≥ 1.
    subsets
        Ordered subsets of the quadratic and Huber penalties. 1 converges; more are faster at first.
    weights
        ``statistical`` (by the noise model) or ``none`` (all rays alike).
    tolerance
        Relative change at which total variation has converged.

    References
    ----------
    Sauer & Bouman (1993), doi:10.1109/78.193196; Erdoğan & Fessler (1999), doi:10.1088/0031-9155/44/11/311;
    momentum: Kim, Ramani & Fessler (2015), doi:10.1109/TMI.2014.2350962.
    """

    penalty: Penalty = "tv"
    strength: float = 1.0
    delta: float = 1.0
    iterations: int = 150
    subsets: int = 1
    weights: Literal["statistical", "none"] = "statistical"
    tolerance: float = 1e-4

    def __attrs_post_init__(self) -> None:
        """Check the choices."""
        if self.penalty not in PENALTIES:
            raise ParameterError(f"penalty = {self.penalty!r} must be one of {', '.join(PENALTIES)}.")
        if self.weights not in ("statistical", "none"):
            raise ParameterError(f"weights = {self.weights!r} must be 'statistical' or 'none'.")
        if self.strength <= 0 or self.delta <= 0:
            raise ParameterError(f"strength = {self.strength} and delta = {self.delta} must be > 0.")
        if self.iterations < 1 or self.subsets < 1:
            raise ParameterError(f"iterations = {self.iterations} and subsets = {self.subsets} must be ≥ 1.")

    def evidence(self) -> tuple[Evidence, ...]:
        """Return what is declared: the symmetries that are kept."""
        if self.weights != "none" or self.penalty == "tv":
            return ()
        units = [homogeneous(signed=False)] if self.penalty == "quadratic" else []
        return (keeps(self.subsets == 1), *units)

    @uncompiled
    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return images of sinograms ``y``.

        Raises
        ------
        ParameterError
            ``y`` is not finite.
        ConvergenceError
            The iterates run away.
        """
        require_finite(y, "PWLS")
        w = torch.ones_like(y) if self.weights == "none" else statistical_weights(y, physics)
        x = first_image(y, physics).clamp(min=0)
        size = weighted_column_norm(physics, w)
        if self.penalty == "tv":
            return minimise_tv(
                x,
                y,
                physics,
                Weighted.of(physics, w),
                (self.strength * size).reshape(-1),
                iterations=self.iterations,
                tolerance=self.tolerance,
                lowest=0.0,
            )
        return self._by_surrogates(x, y, w, physics, size)

    def _by_surrogates(self, x: Tensor, y: Tensor, w: Tensor, physics: Any, size: Tensor) -> Tensor:
        """Return the minimum by separable quadratic surrogates."""
        parts = ordered_subsets(physics, y, self.subsets)
        some = [(p.operator, p.of(y), p.of(w)) for p in parts]
        differences = TotalVariation(dims=x.ndim - 2)
        huber = self.penalty == "huber"
        pull = self.strength * (size if huber else size**2)
        edge = self.delta / safe_positive(size)
        bend = physics.A_adjoint(w * physics.A(torch.ones_like(x[:1])))
        bend = bend + 4 * (x.ndim - 2) * (pull / edge if huber else pull)
        scale = safe_inverse(bend)
        z, t = x, 1.0
        for _ in range(self.iterations):
            misfits = []
            for operator, data, trust in some:
                d = differences.analysis(z)
                slope = (d / edge[:, None]).clamp(-1, 1) if huber else d
                misfits.append(operator.A(z) - data)
                down = len(some) * operator.A_adjoint(trust * misfits[-1])
                new = (z - scale * (down + pull * differences.analysis_adjoint(slope))).clamp(min=0)
                t_next = (1 + math.sqrt(1 + 4 * t * t)) / 2
                z, x, t = new + (t - 1) / t_next * (new - x), new, t_next
        weighed = [m * trust.sqrt() for m, (_, _, trust) in zip(misfits, some, strict=True)]
        require_convergence(weighed, [data * trust.sqrt() for _, data, trust in some], "PWLS", FEWER)
        return x


def safe_positive(size: Tensor) -> Tensor:
    """Return ``size`` with 1 in place of 0."""
    return torch.where(size > 0, size, 1)
