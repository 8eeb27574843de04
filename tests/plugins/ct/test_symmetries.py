"""Declared symmetries: there where they hold, absent where they do not, and true (so says the kit too)."""

from __future__ import annotations

import math

import pytest
import torch

from wellposed.spaces import Space
from wellposed.structure import Symmetry
from wellposed_ct import FanBeam, FourierSlice, ParallelBeam
from wellposed_ct.symmetries import HalfTurns, TurnedViews

F64 = torch.float64
EVEN = torch.arange(8, dtype=F64) * math.pi / 8
ROUND = torch.arange(12, dtype=F64) * math.pi / 6


def symmetries(op):
    return {type(e.T_out): e for e in op.evidence() if isinstance(e, Symmetry)}


@pytest.mark.parametrize("model", ["joseph", "strip"])
@pytest.mark.parametrize(
    "op",
    [
        ParallelBeam(EVEN, Space((1, 9, 9), F64), 14, 1.0, 0.9),
        FanBeam(ROUND, Space((1, 9, 9), F64), 20, 30, 21, 1),
    ],
    ids=["parallel", "fan"],
)
def test_quarter_turns_permute_views(op, model):
    turned = op.replace(model=model)
    found = symmetries(turned)[TurnedViews]
    x = op.domain.randn(1, torch.Generator().manual_seed(0))
    for g in found.T_in.elements():
        ours = turned.A(found.T_in.act(x, g))
        torch.testing.assert_close(ours, found.T_out.act(turned.A(x), g), atol=1e-11, rtol=0)


@pytest.mark.parametrize("kind", [ParallelBeam, FourierSlice])
def test_half_turns_reverse_views_at_any_angle(kind):
    op = kind([0.3, 1.9, 5.0], Space((1, 7, 10), F64), 13)
    found = symmetries(op)
    assert set(found) == {HalfTurns}
    x = op.domain.randn(1, torch.Generator().manual_seed(0))
    torch.testing.assert_close(op.A(x.flip(-1, -2)), op.A(x).flip(-1), atol=1e-5, rtol=0)
    if kind is ParallelBeam:
        torch.testing.assert_close(op.A(x.flip(-1, -2)), op.A(x).flip(-1), atol=1e-12, rtol=0)


def test_nothing_is_declared_that_does_not_hold():
    assert not symmetries(ParallelBeam(EVEN, (1, 9, 9), axis_mm=0.1))
    assert not symmetries(ParallelBeam(EVEN, (1, 9, 9), centre_mm=(0.0, 0.1)))
    assert TurnedViews not in symmetries(ParallelBeam(EVEN[:7], (1, 9, 9)))
    assert TurnedViews not in symmetries(ParallelBeam(EVEN, (1, 9, 8)))
    assert TurnedViews not in symmetries(ParallelBeam(EVEN, (1, 9, 9), model="siddon"))
    assert not symmetries(FanBeam(EVEN, (1, 9, 9), 20, 30, 21, 1))
    # two views of one angle: which was which is not known
    assert TurnedViews not in symmetries(ParallelBeam(torch.cat([EVEN, EVEN]), (1, 9, 9)))
