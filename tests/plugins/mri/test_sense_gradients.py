"""Gradients of SENSE agree with finite differences, the scale of λ included."""

from __future__ import annotations

import pytest
import torch

from wellposed.errors import ParameterError
from wellposed.linalg import norm
from wellposed_mri import (
    SENSE,
    CartesianMRI,
    DynamicMRI,
    MotionMRI,
    MultiCoilMRI,
    NonCartesianMRI,
    ReadoutOversampling,
    SimultaneousMultiSliceMRI,
    SubspaceMRI,
    birdcage_maps,
    radial,
)
from wellposed_mri.reconstruction.scale import lehmer, squared_scale

METHOD = SENSE(0.1, max_iterations=400, tolerance=1e-12, precondition=False)
MASK = torch.tensor([1.0, 0, 1, 1, 0, 1]).double()


def randc(*shape, seed=0):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


def spokes():
    return radial(7, 12, 6).double() * 0.9


def agrees(make, value, tol=1e-5):
    """Compare the derivative of ‖x‖² along a random direction with central differences."""
    y = make(value)(randc(1, *make(value).domain.concrete_shape, seed=1)).detach()
    direction = (
        randc(*value.shape, seed=2).to(value.dtype) if value.is_complex() else randc(*value.shape).real
    )

    def energy(v):
        return METHOD(y, make(v)).abs().square().sum()

    moved = value.clone().requires_grad_()
    (slope,) = torch.autograd.grad(energy(moved), moved)
    found = float((slope.conj() * direction).real.sum())
    h = 1e-5
    want = float((energy(value + h * direction) - energy(value - h * direction)) / (2 * h))
    assert found == pytest.approx(want, rel=tol), (found, want)
    assert abs(want) > 1e-3


MAPS = birdcage_maps(3, (6, 6)).to(torch.complex128)
CASES = {
    "maps": (lambda m: MultiCoilMRI(m, MASK), MAPS),
    "equal powers": (lambda m: MultiCoilMRI(m, MASK), MAPS / MAPS.abs().square().sum(0).sqrt()),
    "mask": (lambda m: MultiCoilMRI(MAPS, m), MASK),
    "mask of one coil": (lambda m: CartesianMRI(m), MASK.expand(6, 6).clone()),
    "maps of a film": (lambda m: DynamicMRI(m, MASK.roll(1).repeat(2, 1)[:, None]), MAPS),
    "basis": (
        lambda b: SubspaceMRI(MAPS, b, MASK.repeat(3, 1)[:, None]),
        torch.linalg.qr(randc(3, 2))[0],
    ),
    "maps of slices": (lambda m: SimultaneousMultiSliceMRI(m, None, MASK), randc(3, 2, 6, 6)),
    "mask before a readout": (
        lambda m: ReadoutOversampling(MultiCoilMRI(MAPS).range, 2) @ MultiCoilMRI(MAPS, m), MASK
    ),
    "maps along spokes": (lambda m: NonCartesianMRI(m, spokes(), 1e-12), randc(3, 6, 6)),
    "trajectory": (lambda k: NonCartesianMRI(MAPS, k, 1e-12), spokes()),
    "angles": (
        lambda a: MotionMRI(MAPS, torch.stack([MASK, 1 - MASK])[:, None], a, torch.zeros(2, 2).double()),
        torch.tensor([0.1, -0.2]).double(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", list(CASES))
def test_derivatives_are_those_of_finite_differences(case):
    agrees(*CASES[case])


def test_the_weight_itself_is_differentiated():
    op = MultiCoilMRI(MAPS, MASK)
    y = op(randc(1, 1, 6, 6))

    def energy(weight):
        return SENSE(weight, 400, 1e-12)(y, op).abs().square().sum()

    weight = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(energy(weight), weight)
    want = (energy(0.1 + 1e-5) - energy(0.1 - 1e-5)) / 2e-5
    assert float(slope) == pytest.approx(float(want), rel=1e-5)
    with pytest.raises(ParameterError, match=r"regularisation = -1"):
        SENSE(torch.tensor(-1.0))


@pytest.mark.parametrize("case", list(CASES))
def test_the_scale_is_near_the_squared_norm(case):
    make, value = CASES[case]
    op = make(value)
    assert 0.6 < float(squared_scale(op)) / float(norm(op)) ** 2 < 3


def test_the_smooth_maximum_is_the_maximum_of_equal_values():
    assert float(lehmer(torch.tensor([0.0, 0.3, 0.3]))) == pytest.approx(0.3)
    assert float(lehmer(torch.zeros(3))) == 0
    assert float(lehmer(torch.tensor([1e-30, 2e-30]))) == pytest.approx(2e-30, rel=1e-3)
