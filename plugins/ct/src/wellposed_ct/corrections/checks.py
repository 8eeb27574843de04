"""What the conformance kit verifies of a correction: its two results fit, and samples stay apart."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wellposed.testing import Case, Check, Failure, KindChecks
from wellposed_ct.geometry import ParallelGeometry
from wellposed_ct.phantoms import disc
from wellposed_ct.projectors import ParallelBeam

__all__ = ["CHECKS"]

VIEWS, BINS = 24, 20


def _scan() -> tuple[Tensor, Any]:
    """Return two sinograms of discs and their physics."""
    scan = ParallelGeometry([i * torch.pi / VIEWS for i in range(VIEWS)], (16, 15), BINS)
    bodies = (disc(6.0, 0.05, (1.0, 0.5)), disc(4.0, 0.1, (-2.0, 1.0)))
    y = torch.cat([body.sinogram(scan) for body in bodies])
    return y, ParallelBeam.from_geometry(scan, dtype=torch.float64)


def fits(case: Case) -> None:
    """Return finite sinograms that the returned physics could have made, and leave the input as it was."""
    y, physics = _scan()
    before = y.clone()
    fixed, changed = case.component(y, physics)
    if not torch.equal(y, before):
        raise Failure("the correction changes its input in place; clone it first")
    wanted = (len(y), *changed.range.shape)
    if tuple(fixed.shape) != wanted or fixed.dtype != y.dtype:
        raise Failure(f"returns {fixed.dtype} {tuple(fixed.shape)} with a physics of {y.dtype} {wanted}")
    if not bool(torch.isfinite(fixed).all()):
        raise Failure("returns values that are not finite for finite sinograms")


def samples(case: Case) -> None:
    """Correct every sample of a batch as if it were alone."""
    y, physics = _scan()
    together = case.component(y, physics)[0]
    alone = torch.cat([case.fresh()(sample[None], physics)[0] for sample in y])
    worst = float((together - alone).abs().max())
    if worst > 1e-9:
        raise Failure(f"samples of a batch influence each other: the result differs by {worst:.2g}")


CHECKS = KindChecks((Check("fits", fits), Check("samples", samples, after=("fits",))))
