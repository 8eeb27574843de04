"""``ct.mltr``: the likelihood of photon counts in transmission, without the bias of a logarithm.

With few photons the logarithm is biased and a weighted least-squares fit with it. Here every ray's negative
log-likelihood h(ℓ) = N0·e^{−ℓ} + r − Y·log(N0·e^{−ℓ} + r) of its line integral ℓ is replaced by a parabola
that touches it and lies above it (Erdoğan & Fessler 1999), and the sum of parabolas by one that separates
into pixels: each iteration is a forward and a back-projection or two, and the likelihood never falls.
"""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.native import uncompiled
from wellposed.needs import LINEAR, REAL, needs
from wellposed.structure import Evidence
from wellposed_ct.methods.equivariance import keeps
from wellposed_ct.methods.finite import FEWER, require_convergence, require_finite
from wellposed_ct.methods.sirt import safe_inverse
from wellposed_ct.methods.statistics import count_photons
from wellposed_ct.methods.subsets import Order, access_order, ordered_subsets

__all__ = ["MLTR", "Rays"]

_SHORT = 0.05
"""Nepers below which the parabola's curvature is taken from its bound, as its formula cancels."""


@attrs.frozen(eq=False)
class Rays:
    """The Poisson likelihood of transmitted counts as a function of line integrals ℓ ≥ 0 in nepers.

    Attributes
    ----------
    counts
        Y ≥ 0, electronic noise made nearly Poisson by adding its variance.
    blank
        N0.
    offset
        r ≥ 0, mean counts that did not cross the object; the variance of electronic noise as well.
    """

    counts: Tensor
    blank: Tensor
    offset: Tensor

    def value(self, line: Tensor) -> Tensor:
        """Return h(ℓ), per ray."""
        mean = self.blank * torch.exp(-line) + self.offset
        value: Tensor = mean - torch.special.xlogy(self.counts, mean)
        return value

    def slope(self, line: Tensor) -> Tensor:
        """Return h′(ℓ)."""
        passed = self.blank * torch.exp(-line)
        mean = (passed + self.offset).clamp(min=torch.finfo(line.dtype).tiny)
        return passed * (self.counts / mean - 1)

    def curvature(self, line: Tensor) -> Tensor:
        """Return the least c ≥ 0 for which the parabola at ℓ lies above h on ℓ ≥ 0; N0 bounds it."""
        zero = torch.zeros_like(line)
        safe = line.clamp(min=_SHORT)
        drop = self.value(zero) - self.value(safe) + self.slope(safe) * safe
        best = torch.minimum((2 * drop / safe**2).clamp(min=0), self.blank)
        return torch.where(line < _SHORT, self.blank.expand_as(line), best)


@needs(LINEAR, REAL)
@attrs.frozen
class MLTR:
    """Maximise the Poisson likelihood of a transmission scan, ray by ray, image non-negative.

    ``y`` are nepers, as everywhere; the counts come from the physics' noise, ``LogPoisson`` or
    ``ct.low_dose`` (whose electronic noise enters as shifted Poisson counts).

    Parameters
    ----------
    iterations
        Passes over all views, ≥ 1. Few of them regularise.
    subsets
        Ordered subsets; with 1 the likelihood never falls.
    order
        ``spread`` or ``sequential``.

    References
    ----------
    Nuyts et al. (1998), doi:10.1088/0031-9155/43/4/003; Erdoğan & Fessler (1999),
    doi:10.1109/42.802758.
    """

    iterations: int = 50
    subsets: int = 1
    order: Order = "spread"

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        access_order(1, self.order)
        if self.iterations < 1 or self.subsets < 1:
            raise ParameterError(f"iterations = {self.iterations} and subsets = {self.subsets} must be ≥ 1.")

    def evidence(self) -> tuple[Evidence, ...]:
        """Return what is declared: the symmetries that are kept."""
        return (keeps(self.subsets == 1),)

    @uncompiled
    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return images of log-sinograms ``y``.

        Raises
        ------
        StructureError
            The physics has no noise of photons.
        ConvergenceError
            The iterates run away.
        """
        require_finite(y, "MLTR")
        found = count_photons(y, physics)
        counts = (found.counts + found.variance).clamp(min=0)
        parts = ordered_subsets(physics, y, self.subsets, self.order)
        tables = []
        for part in parts:
            some = part.of(counts)
            lengths = part.operator.A(torch.ones_like(part.operator.A_adjoint(some[:1])))
            rays = Rays(some, part.of(found.blank.expand_as(y)), part.of(found.variance.expand_as(y)))
            tables.append((part.operator, part.of(y), rays, lengths))
        x = torch.zeros_like(physics.A_adjoint(y))
        for _ in range(self.iterations):
            misfits = []
            for operator, some, rays, lengths in tables:
                line = found.scale * operator.A(x)
                misfits.append(some - line / found.scale)
                down = operator.A_adjoint(rays.slope(line))
                bend = found.scale * operator.A_adjoint(rays.curvature(line) * lengths)
                x = (x - down * safe_inverse(bend)).clamp(min=0)
        require_convergence(misfits, [some for _, some, _, _ in tables], "MLTR", FEWER)
        return x
