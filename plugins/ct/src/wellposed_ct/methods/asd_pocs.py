"""``ct.asd_pocs``: the smallest total variation among images that explain the data to within their noise."""

from __future__ import annotations

import warnings
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.native import uncompiled
from wellposed.needs import LINEAR, REAL, needs
from wellposed_ct.methods.sart import sart_sweep
from wellposed_optim import TotalVariation, noise_level

__all__ = ["ASDPOCS"]

MARGIN = 0.01
"""How far above ε, relative to it, a misfit may end without a word."""


@needs(LINEAR, REAL)
@attrs.frozen
class ASDPOCS:
    """Projections onto the data and onto x ≥ 0, in turn with steepest descent of total variation.

    min TV(x) subject to ‖Ax − y‖ ≤ ε and x ≥ 0. The descent adapts: it moves about as far as the projections
    do, less when it would leave the data. ``ct.tv`` solves the same kind of problem faster; this is the
    method of record for few views.

    All rounds are run. Whether ε is met is known at the end, and a warning says by how much it is not. On
    the Shepp–Logan head of 48² pixels from 15 views, the defaults meet it with noise of 0.1 and 0.5 nepers;
    with 0.03 a fan ends 14 % above. The paper's own step_decay and largest_ratio, 0.95, are for thousands of
    rounds: after a hundred, σ = 0.1 ends 54 (parallel) and 74 % (fan) above.

    Parameters
    ----------
    iterations
        Rounds, each a sweep of SART and ``descents`` steps of descent.
    tolerance
        ε relative to what the noise makes of it, σ·√(rays); ``None`` is 1.
    descents
        Steps of descent per round.
    subsets
        Ordered subsets of the sweep; ``None`` is one view each.
    relaxation, relaxation_decay
        β of the first sweep, and by what it is multiplied after every round.
    step, step_decay, largest_ratio
        α of the first descent, α_red and r_max of the paper.

    References
    ----------
    Sidky & Pan (2008), doi:10.1088/0031-9155/53/17/021, section 3.
    """

    iterations: int = 100
    tolerance: float | None = None
    descents: int = 20
    subsets: int | None = None
    relaxation: float = 1.0
    relaxation_decay: float = 0.995
    step: float = 0.2
    step_decay: float = 0.6
    largest_ratio: float = 0.9

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if self.iterations < 1 or self.descents < 1 or (self.subsets is not None and self.subsets < 1):
            raise ParameterError(
                f"iterations = {self.iterations}, descents = {self.descents} and subsets = {self.subsets} "
                "must be ≥ 1."
            )
        if not 0 < self.relaxation < 2 or self.step <= 0:
            raise ParameterError(
                f"relaxation = {self.relaxation} must be in (0, 2) and step = {self.step} > 0."
            )

    @uncompiled
    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return images of sinograms ``y``; a warning says where ε is not met.

        Raises
        ------
        ParameterError
            ``y`` is not finite.
        StructureError, ConvergenceError
            ``physics`` has negative entries.
        """
        sweep = sart_sweep(y, physics, self.subsets, what="ASD-POCS")
        x = torch.zeros_like(physics.A_adjoint(y))
        prior = TotalVariation(dims=x.ndim - 2)
        far = 1.0 if self.tolerance is None else self.tolerance
        allowed = far * noise_level(y, physics) * y[0].numel() ** 0.5
        relaxation, length, found = self.relaxation, None, x
        for _ in range(self.iterations):
            found = sweep(x, relaxation)
            relaxation *= self.relaxation_decay
            misfit = _norm(physics.A(found) - y)
            moved = _norm(found - x)
            length = self.step * moved if length is None else length
            x = found
            for _ in range(self.descents):
                x = x - _wide(length, x) * _direction(prior, x)
            too_far = (_norm(x - found) > self.largest_ratio * moved) & (misfit > allowed)
            length = torch.where(too_far, self.step_decay * length, length)
        self._tell((misfit / allowed).detach(), far)
        return found

    def _tell(self, ratio: Tensor, tolerance: float) -> None:
        """Warn where a misfit is not as small as was asked for."""
        if bool((ratio > 1 + MARGIN).any()):
            warnings.warn(
                f"ct.asd_pocs: after {self.iterations} rounds ‖Ax − y‖ is "
                f"{float(ratio.max()) * tolerance:.3g}·σ·√(rays), and tolerance asks for {tolerance:.3g}; "
                "take more iterations or a smaller step, or a larger tolerance where A is not exact.",
                UserWarning,
                stacklevel=4,
            )


def _direction(prior: TotalVariation, x: Tensor) -> Tensor:
    """Return ∇TV/‖∇TV‖ per sample, the modulus rounded off below 1e-4 of the largest."""
    d = prior.analysis(x)
    size = d.square().sum(1, keepdim=True)
    floor = 1e-8 * size.flatten(1).amax(1).clamp(min=torch.finfo(x.dtype).tiny)
    down = prior.analysis_adjoint(d / (size + _wide(floor, size)).sqrt())
    return down / _wide(_norm(down).clamp(min=torch.finfo(x.dtype).tiny), down)


def _norm(t: Tensor) -> Tensor:
    size: Tensor = torch.linalg.vector_norm(t.flatten(1), dim=1)
    return size


def _wide(values: Tensor, like: Tensor) -> Tensor:
    return values.reshape(-1, *(1,) * (like.ndim - 1))
