"""Iterates that run away are an error and not a picture."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from wellposed import ForwardModel
from wellposed.errors import ConvergenceError, ParameterError, StructureError
from wellposed.noise import LogPoisson
from wellposed.operators import Matrix
from wellposed.spaces import Space
from wellposed_ct import MLEM, MLTR, PWLS, SART, SIRT, TV, ConeBeam, ConeGeometry, ParallelBeam
from wellposed_ct.large import sirt_slabs

F64 = torch.float64


class BackwardsAdjoint(ParallelBeam):
    """A projector whose adjoint has the wrong sign."""

    def _adjoint(self, y: Tensor) -> Tensor:
        return -super()._adjoint(y)


class WildAdjoint(ParallelBeam):
    """A projector whose adjoint is right for what is constant, and many times too large for what is not."""

    def _adjoint(self, y: Tensor) -> Tensor:
        mean = y.mean((-2, -1), keepdim=True)
        return super()._adjoint(mean + 50 * (y - mean))


def projector(kind: type[ParallelBeam]) -> ParallelBeam:
    return kind(torch.arange(9, dtype=F64) * math.pi / 9, Space((1, 6, 6), F64), 9)


def sinogram(op: Any) -> Tensor:
    x = torch.zeros(1, 1, 6, 6, dtype=F64)
    x[..., 2:5, 1:4] = 0.1
    measured: Tensor = op.A(x)
    return measured


def test_negative_entries_whose_sums_are_positive_make_it_diverge() -> None:
    matrix = torch.tensor([[3.0, -2.9], [-2.9, 3.0]], dtype=torch.float64)
    space = Space((1, 1, 2), torch.float64)
    op = Matrix(matrix, space, space)
    y = torch.tensor([1.0, 0.5], dtype=torch.float64).reshape(1, 1, 1, 2)
    with pytest.raises(ConvergenceError, match=r"SIRT diverges: .* that of an empty picture is 1.12"):
        SIRT(20, non_negative=False)(y, op)
    with pytest.raises(ConvergenceError, match=r"SART diverges: .* that of an empty picture is 1.12"):
        SART(20, subsets=1, non_negative=False)(y, op)
    with pytest.raises(ConvergenceError, match=r"MLEM diverges: .* that of an empty picture is 1.12"):
        MLEM(20)(y, op)
    with pytest.raises(ConvergenceError, match=r"MLTR diverges: .* that of an empty picture is 1.12"):
        MLTR(20)(y, ForwardModel(op, LogPoisson(N0=1e4)))
    assert SIRT(3)(0 * y, op).abs().max() == 0


def test_emission_refuses_negative_sums() -> None:
    op = projector(BackwardsAdjoint)
    with pytest.raises(StructureError, match="MLEM needs an operator without negative entries"):
        MLEM()(sinogram(op), op)


@pytest.mark.parametrize("subsets", [1, 3])
def test_weighted_squares_that_run_away_say_so(subsets: int) -> None:
    op = projector(WildAdjoint)
    y, physics = sinogram(op), ForwardModel(op, LogPoisson(N0=1e4))
    with pytest.raises(ConvergenceError, match=r"PWLS diverges: .* picture is .* fewer subsets"):
        PWLS("quadratic", strength=1e-3, iterations=100, subsets=subsets)(y, physics)


@pytest.mark.parametrize("method", [TV(weight=1e-3), PWLS("tv", strength=1e-3)], ids=["TV", "PWLS"])
def test_total_variation_with_an_adjoint_that_is_none_says_so(method: Any) -> None:
    op = projector(BackwardsAdjoint)
    match = r"total variation diverges: .* A\* is not the adjoint of A; use a projector"
    with pytest.raises(ConvergenceError, match=match):
        method(sinogram(op), op)


def test_out_of_core_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = ConeGeometry(np.arange(8) * math.pi / 4, (4, 6, 6), 40.0, 60.0, (6, 10), (1.5, 1.5))
    y = ConeBeam.from_geometry(scan).A(torch.ones(1, 1, 4, 6, 6))[0, 0].numpy()
    bad = y.copy()
    bad[3, 2, 1] = np.nan
    with pytest.raises(ParameterError, match=r"SIRT, views 0 to 7: 1 of 480 values of y are NaN"):
        sirt_slabs(bad, scan, tmp_path / "x.npy", 3)
    right = ConeBeam._adjoint
    monkeypatch.setattr(
        ConeBeam, "_adjoint", lambda op, y: right(op, y) if bool((y == 1).all()) else -9 * right(op, y)
    )
    with pytest.raises(ConvergenceError, match=r"SIRT diverges: .* an empty picture is"):
        sirt_slabs(y, scan, tmp_path / "x.npy", 50, non_negative=False)
    assert not list(tmp_path.iterdir())
