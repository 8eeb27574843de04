"""Parameters loaded in place: nothing that was derived from the old ones is used again."""

from __future__ import annotations

import pytest
import torch
from torch.func import functional_call

from wellposed.linalg import gram
from wellposed_mri import (
    DynamicMRI,
    MultiCoilMRI,
    OffResonanceMRI,
    SimultaneousMultiSliceMRI,
    SubspaceMRI,
)

N = 8


def rand(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.complex128)


def real(*shape, seed=0):
    return rand(*shape, seed=seed).real.contiguous()


MAPS = rand(3, N, N)
POINTS = (torch.rand(4, 9, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 0.5) * N
TIMES = torch.linspace(0, 0.02, 9, dtype=torch.float64)
COLUMNS = (torch.arange(N) % 2 == 0).double().expand(N, N).clone()
SCATTERED = (real(N, N, seed=3) > 0).double()
FILM, OTHER_FILM = COLUMNS.expand(3, N, N).clone(), (real(3, N, N, seed=4) > 0).double()


def off_resonance(field):
    return OffResonanceMRI(MAPS, POINTS, field, TIMES, 1e-8)


def slices(shifts):
    return SimultaneousMultiSliceMRI(rand(2, 3, N, N), shifts)


def shuffled(basis):
    return gram(SubspaceMRI(MAPS, basis, OTHER_FILM))


CASES = {
    "field": (off_resonance, real(N, N) * 5, real(N, N) * 200),
    "whole shifts": (slices, torch.tensor([0.0, 1, 2]), torch.tensor([0.0, 3, 1])),
    "broken shifts": (slices, torch.tensor([0.0, 1, 2]), torch.tensor([0.0, 1.5, -2.2])),
    "mask": (lambda mask: gram(MultiCoilMRI(MAPS, mask)), COLUMNS, SCATTERED),
    "film": (lambda mask: gram(DynamicMRI(MAPS, mask)), FILM, OTHER_FILM),
    "basis": (shuffled, rand(3, 2), rand(3, 2, seed=5)),
}


def close(a, b):
    return bool((a - b).norm() <= 1e-7 * b.norm())


@pytest.mark.parametrize("case", CASES)
def test_loaded_parameters_are_used(case):
    make, old, new = CASES[case]
    physics, wanted = make(old.clone()), make(new)
    x = rand(2, *physics.domain.concrete_shape)
    before = physics.A(x)
    assert not close(before, wanted.A(x))
    physics.load_state_dict(wanted.state_dict())
    assert close(physics.A(x), wanted.A(x))
    y = wanted.A(x)
    assert close(physics.A_adjoint(y), wanted.A_adjoint(y))
    assert close(functional_call(physics, make(old).state_dict(), (x,)), before)
