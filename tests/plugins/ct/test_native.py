"""The compiled projectors say what they run on, and can be done without."""

from __future__ import annotations

import pytest
import torch

from wellposed_ct import ParallelBeam
from wellposed_ct.projectors.native import CODE, INSTRUCTIONS, native


@pytest.mark.skipif(CODE.load().library is None, reason=CODE.load().status)
def test_the_status_names_the_instruction_set():
    assert native().status.endswith(INSTRUCTIONS)


def test_switched_off_the_numbers_are_the_same(monkeypatch):
    beam = ParallelBeam([0.1, 0.9, 2.0], (1, 9, 8))
    x = torch.rand(1, 1, 9, 8, generator=torch.Generator().manual_seed(0))
    y = beam.A(x)
    monkeypatch.setenv(CODE.switch, "0")
    assert native().status == "switched off by WELLPOSED_CT_NATIVE=0"
    torch.testing.assert_close(beam.A(x), y)
