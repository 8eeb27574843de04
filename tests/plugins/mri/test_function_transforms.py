"""Every encoding under vmap, forward mode and second order, by everything that it depends on."""

from __future__ import annotations

import pytest
import torch

from wellposed.errors import ParameterError
from wellposed_mri import (
    CartesianMRI,
    DynamicMRI,
    DynamicNonCartesianMRI,
    MotionMRI,
    MotionNonCartesianMRI,
    MultiCoilMRI,
    MultiSliceNonCartesianMRI,
    NonCartesianMRI,
    OffResonanceMRI,
    SimultaneousMultiSliceMRI,
    StackMRI,
    SubspaceMRI,
    SubspaceNonCartesianMRI,
)

F64 = torch.float64
H, W = 4, 5

# torch.func.jvp imports torch.jit on first use
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")


def randc(*shape, seed=0):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


def randn(*shape, seed=0):
    return torch.randn(shape, dtype=F64, generator=torch.Generator().manual_seed(seed))


def points(*lead, shape=(H, W), seed=0):
    uniform = torch.rand(*lead, len(shape), dtype=F64, generator=torch.Generator().manual_seed(seed))
    return (uniform - 0.5) * 0.9 * torch.tensor(shape)


MAPS, EXACT = randc(2, H, W), {"accuracy": 1e-13}
MASKS = (torch.arange(W) % 2 == torch.arange(2)[:, None])[:, None].double()
CASES = {
    "cartesian": (CartesianMRI, {"mask": randn(H, W)}, {}),
    "multicoil": (MultiCoilMRI, {"maps": MAPS, "mask": randn(H, W)}, {}),
    "dynamic": (DynamicMRI, {"maps": MAPS, "mask": randn(2, H, W)}, {}),
    "subspace": (SubspaceMRI, {"maps": MAPS, "basis": randc(3, 2), "mask": randn(3, 1, W)}, {}),
    "sms": (
        SimultaneousMultiSliceMRI,
        {"maps": randc(2, 2, H, W), "shifts": randn(2), "mask": randn(1, W)},
        {},
    ),
    "noncartesian": (NonCartesianMRI, {"maps": MAPS, "trajectory": points(7)}, EXACT),
    "frames": (DynamicNonCartesianMRI, {"maps": MAPS, "trajectory": points(2, 4)}, EXACT),
    "stack": (
        StackMRI,
        {"maps": randc(2, 3, H, W), "trajectory": points(5), "partitions": randn(3)},
        EXACT,
    ),
    "offresonance": (
        OffResonanceMRI,
        {"maps": MAPS, "trajectory": points(6), "field": 40 * randn(H, W)},
        {"times": torch.linspace(0, 0.01, 6, dtype=F64), "accuracy": 1e-11},
    ),
    "motion": (MotionMRI, {"maps": MAPS, "angles": 0.3 * randn(2), "shifts": randn(2, 2)}, {"masks": MASKS}),
    "motion in space": (
        MotionMRI,
        {"maps": randc(2, 2, H, W), "angles": 0.2 * randn(2, 3), "shifts": randn(2, 3)},
        {"masks": MASKS[:, None], "dims": 3},
    ),
    "motion along shots": (
        MotionNonCartesianMRI,
        {"maps": MAPS, "trajectory": points(2, 4), "angles": 0.3 * randn(2), "shifts": randn(2, 2)},
        EXACT,
    ),
    "motion with coils": (
        MotionNonCartesianMRI,
        {"maps": MAPS, "trajectory": points(2, 4), "angles": 0.3 * randn(2), "shifts": randn(2, 2)},
        {**EXACT, "coils_move": True},
    ),
    "subspace along shots": (
        SubspaceNonCartesianMRI,
        {"maps": MAPS, "basis": randc(3, 2), "trajectory": points(3, 4)},
        EXACT,
    ),
    "sms along shots": (
        MultiSliceNonCartesianMRI,
        {"maps": randc(2, 2, H, W), "trajectory": points(3, 4), "turns": randn(2, 3, 1)},
        EXACT,
    ),
}
PAIRS = [(name, by) for name, (_, given, _) in CASES.items() for by in ("x", *given)]


def scan(name, by):
    """Return the function of ``by``, its value, and data to go back from."""
    kind, given, fixed = CASES[name]
    op = kind(**given, **fixed)
    x = randc(1, *op.domain.concrete_shape, seed=7)
    y = randc(1, *op.range.concrete_shape, seed=8)
    if by == "x":
        return op.A, x, (lambda v: op.A_adjoint(op.A(v)))

    def forward(value):
        return kind(**{**given, by: value}, **fixed).A(x)

    def back(value):
        return kind(**{**given, by: value}, **fixed).A_adjoint(y)

    return forward, given[by], back


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


def along(value, seed=3):
    return (randc if value.is_complex() else randn)(*value.shape, seed=seed)


@pytest.mark.parametrize(("name", "by"), PAIRS)
def test_mapped_is_one_by_one(name, by):
    forward, value, back = scan(name, by)
    many = torch.stack([value, value + 0.01 * along(value), 0.9 * value])
    for run in (forward, back):
        want = torch.stack([run(v) for v in many])
        assert error(torch.func.vmap(run)(many), want) < 1e-11
        last = torch.func.vmap(run, in_dims=-1, out_dims=1)(many.movedim(0, -1))
        assert error(last.movedim(1, 0), want) < 1e-11


@pytest.mark.parametrize(("name", "by"), PAIRS)
def test_forward_mode_is_the_finite_difference(name, by):
    forward, value, back = scan(name, by)
    step, h = along(value), 1e-5
    for run in (forward, back):
        _, slope = torch.func.jvp(run, (value,), (step,))
        want = (run(value + h * step) - run(value - h * step)) / (2 * h)
        assert error(slope, want) < 1e-5


@pytest.mark.parametrize(("name", "by"), PAIRS)
def test_second_order_is_the_finite_difference_of_the_first(name, by):
    forward, value, back = scan(name, by)
    step, h = along(value), 1e-5

    def slope(run, at, keep=False):
        at = at.detach().requires_grad_()
        result = run(at)
        energy = (result + along(result, 9)).abs().square().square().sum()
        return torch.autograd.grad(energy, at, create_graph=keep)[0], at

    for run in (forward, back):
        first, at = slope(run, value, keep=True)
        found = torch.autograd.grad((first.conj() * step).real.sum(), at)[0]
        want = (slope(run, value + h * step)[0] - slope(run, value - h * step)[0]) / (2 * h)
        assert error(found, want) < 1e-5


def test_times_cannot_be_mapped_over():
    kind, given, fixed = CASES["offresonance"]
    times = torch.stack([fixed["times"], 2 * fixed["times"]])
    with pytest.raises(ParameterError, match="times cannot be mapped over"):
        torch.func.vmap(lambda t: kind(**given, times=t).A(randc(1, 1, H, W)))(times)
