"""``ct.mlem``: emission tomography, where every ray counts decays and the likelihood is Poisson's."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.native import uncompiled
from wellposed.needs import LINEAR, REAL, needs
from wellposed.structure import Evidence
from wellposed_ct.methods.equivariance import homogeneous, keeps
from wellposed_ct.methods.finite import FEWER, require_convergence
from wellposed_ct.methods.sirt import row_inverse
from wellposed_ct.methods.subsets import Order, access_order, ordered_subsets

__all__ = ["MLEM"]


@needs(LINEAR, REAL)
@attrs.frozen
class MLEM:
    """``x ← x / A*1 · A*(y / (A x + b))``: the likelihood of counts rises with every iteration.

    Images stay non-negative, and without background the projected total is that measured after every
    update. Many iterations fit the noise; stopping early is the regularisation.

    Parameters
    ----------
    iterations
        Passes over all views, ≥ 1.
    subsets
        Number of ordered subsets (OSEM): about as many times faster at first, but then it does not quite
        converge.
    background
        Mean counts b ≥ 0 of every ray that do not come from the image (scatter, randoms), in units of ``y``.
    order
        ``spread`` or ``sequential``, as in :class:`~wellposed_ct.methods.sart.SART`.

    References
    ----------
    Shepp & Vardi (1982), doi:10.1109/TMI.1982.4307558; ordered subsets: Hudson & Larkin (1994),
    doi:10.1109/42.363108.
    """

    iterations: int = 50
    subsets: int = 1
    background: float = 0.0
    order: Order = "spread"

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        access_order(1, self.order)
        if self.iterations < 1 or self.subsets < 1:
            raise ParameterError(f"iterations = {self.iterations} and subsets = {self.subsets} must be ≥ 1.")
        if self.background < 0:
            raise ParameterError(f"background = {self.background} must be ≥ 0, mean counts per ray.")

    def evidence(self) -> tuple[Evidence, ...]:
        """Return what is declared: the symmetries that are kept."""
        return (keeps(self.subsets == 1), *([homogeneous(signed=False)] if not self.background else []))

    @uncompiled
    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return images of counts ``y`` (or counts times a gain).

        Raises
        ------
        ParameterError
            A count is negative or not finite.
        StructureError, ConvergenceError
            ``physics`` has negative entries.
        """
        _check_counts(y)
        parts = ordered_subsets(physics, y, self.subsets, self.order)
        some = [part.of(y) for part in parts]
        pixels = [
            row_inverse(p.operator.A_adjoint(torch.ones_like(s[:1])), "MLEM")
            for p, s in zip(parts, some, strict=True)
        ]
        x = self._start(y, physics)
        for _ in range(self.iterations):
            misfits = []
            for part, counts, scale in zip(parts, some, pixels, strict=True):
                mean = part.operator.A(x) + self.background
                misfits.append(counts - mean)
                x = x * scale * part.operator.A_adjoint(_ratio(counts, mean))
        require_convergence(misfits, [s - self.background for s in some], "MLEM", FEWER)
        return x

    def _start(self, y: Tensor, physics: Any) -> Tensor:
        """Return a flat image that explains the total of each sample."""
        flat = torch.ones_like(physics.A_adjoint(y))
        seen = physics.A(flat).flatten(1).sum(1)
        level = y.flatten(1).sum(1) / seen.clamp(min=torch.finfo(y.dtype).tiny)
        start: Tensor = flat * level.reshape(-1, *(1,) * (flat.ndim - 1))
        return start


def _ratio(counts: Tensor, mean: Tensor) -> Tensor:
    """Return counts/mean, 0 where nothing is expected."""
    expected = mean > 0
    return torch.where(expected, counts / torch.where(expected, mean, 1), 0)


def _check_counts(y: Tensor) -> None:
    with torch.no_grad():
        if not bool(torch.isfinite(y).all()):
            raise ParameterError("MLEM: y has NaN or infinite entries, but counts are numbers ≥ 0.")
        low = float(y.min())
        if low < 0:
            raise ParameterError(
                f"MLEM: y has a negative entry, {low:.4g}, but counts are ≥ 0; if y is a sinogram in nepers "
                "use ct.mltr or ct.pwls."
            )
