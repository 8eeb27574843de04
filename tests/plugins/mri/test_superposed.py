"""Subspaces, slices and segments along trajectories: weighted sums of transforms, against explicit sums."""

from __future__ import annotations

import math

import pytest
import torch

from wellposed.errors import DtypeError, ParameterError, SpaceError
from wellposed_mri import (
    SENSE,
    DynamicNonCartesianMRI,
    MotionNonCartesianMRI,
    MultiSliceNonCartesianMRI,
    OffResonanceMRI,
    SimultaneousMultiSliceMRI,
    SubspaceMRI,
    SubspaceNonCartesianMRI,
    birdcage_maps,
    cartesian,
    radial,
)
from wellposed_mri.encoding import toeplitz

F64 = torch.float64


def randc(*shape, seed=0):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


def points(*lead, shape, seed=0):
    uniform = torch.rand(*lead, len(shape), dtype=F64, generator=torch.Generator().manual_seed(seed))
    return (uniform - 0.5) * torch.tensor(shape)


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


def waves(trajectory, shape):
    """One exponential per sample and pixel, ``(…, samples, pixels)``."""
    grids = torch.meshgrid(*[torch.arange(n) - n // 2 for n in shape], indexing="ij")
    j = torch.stack(grids, -1).reshape(-1, len(shape)).double() / torch.tensor(shape)
    angle = -2 * math.pi * trajectory.double() @ j.T
    return torch.polar(torch.ones_like(angle), angle) / math.sqrt(math.prod(shape))


def assert_adjoint(op, x, y):
    left, right = (op(x).conj() * y).sum(), (x.conj() * op.A_adjoint(y)).sum()
    assert abs(left - right) < 1e-13 * float(op(x).norm() * y.norm())


@pytest.mark.parametrize("on_grid", [False, True])
@pytest.mark.parametrize("shape", [(8, 7), (5, 6, 4)])
@pytest.mark.parametrize(("lead", "real"), [((3,), True), ((2, 3), False)])
def test_subspace_is_its_sum(shape, lead, real, on_grid):
    maps, basis, k = randc(*lead, *shape), randc(5, 2, seed=3), points(5, 3, 4, shape=shape)
    basis, k = basis.real.contiguous() if real else basis, k.round() if on_grid else k
    op = SubspaceNonCartesianMRI(maps, basis, k, 1e-13)
    x, y = randc(2, 2, *shape, seed=1), randc(2, 3, 5, 3, 4, seed=2)
    frames = torch.einsum("tk,bk...->bt...", basis.to(x.dtype), x)
    seen = (maps.reshape(-1, 3, 1, *shape) * frames[:, None]).flatten(3)
    assert error(op(x), torch.einsum("bctn,tsmn->bctsm", seen, waves(k, shape))) < 1e-11
    assert error(op.frames(x), frames) < 1e-14
    assert_adjoint(op, x, y)


def test_subspace_is_a_film_and_on_the_grid_the_cartesian_one():
    maps, basis, k = randc(2, 8, 7), randc(4, 3, seed=3), points(4, 3, 5, shape=(8, 7))
    x = randc(1, 3, 8, 7, seed=1)
    op = SubspaceNonCartesianMRI(maps, basis, k, 1e-13)
    film = DynamicNonCartesianMRI(maps, k, 1e-13)
    assert error(op(x), film(op.frames(x)[:, None])) < 1e-12
    grid = cartesian((8, 7)).double().expand(4, 8, 7, 2).contiguous()
    on_grid = SubspaceNonCartesianMRI(maps, basis, grid, 1e-13)
    assert error(on_grid(x), SubspaceMRI(maps, basis, torch.ones(4, 8, 7))(x)) < 1e-12


@pytest.mark.parametrize("lead", [(3,), (2, 3)])
@pytest.mark.parametrize("turns", [None, (2, 4, 1), (2, 4, 6), (2, 1, 1)])
def test_slices_are_their_sum(lead, turns):
    shape = (8, 7)
    maps, k = randc(*lead, 2, *shape), points(4, 6, shape=shape)
    given = None if turns is None else randc(*turns, seed=4).real
    op = MultiSliceNonCartesianMRI(maps, k, given, 1e-13)
    x, y = randc(2, 2, *shape, seed=1), randc(2, 3, 4, 6, seed=2)
    if given is None:  # half a turn more from shot to shot
        given = torch.tensor([[0, 0, 0, 0], [0, 0.5, 0, 0.5]], dtype=F64)[:, :, None]
    phases = torch.exp(-2j * math.pi * given).expand(2, 4, 6)
    seen = (maps.reshape(-1, 3, 2, *shape) * x[:, None]).flatten(3)
    assert error(op(x), torch.einsum("bczn,smn,zsm->bcsm", seen, waves(k, shape), phases)) < 1e-11
    assert_adjoint(op, x, y)


def test_slices_on_the_grid_are_the_cartesian_ones():
    maps, x = randc(3, 2, 8, 6), randc(1, 2, 8, 6, seed=1)
    grid = cartesian((8, 6)).double()
    shifts = torch.tensor([0.0, 2.5])
    turns = shifts.double()[:, None, None] * (torch.arange(6) - 3) / 6
    got = MultiSliceNonCartesianMRI(maps, grid, turns, 1e-13)(x)
    assert error(got, SimultaneousMultiSliceMRI(maps, shifts)(x)) < 1e-12


def test_radial_caipirinha_tells_slices_apart():
    """Without phases slices that coils see alike are one; with phases that alternate they are two."""
    maps = birdcage_maps(4, (16, 16))[:, None].repeat(1, 2, 1, 1)
    spokes = radial(64, 32, 16)
    x = torch.zeros(1, 2, 16, 16, dtype=torch.complex64)
    x[0, 0, 4:9, 3:8], x[0, 1, 7:13, 8:13] = 1, 1j
    for turns, apart in ((None, True), (torch.zeros(2, 1, 1), False)):
        op = MultiSliceNonCartesianMRI(maps, spokes, turns)
        assert (error(SENSE(1e-3, 60)(op(x), op), x) < 0.2) == apart


def offresonance(maps, k, field=60.0):
    shape = tuple(maps.shape[-2:])
    hertz = torch.linspace(-field, field, math.prod(shape), dtype=F64).reshape(shape)
    return OffResonanceMRI(maps, k, hertz, torch.linspace(0, 0.01, k.shape[-2], dtype=F64), 1e-10)


@pytest.mark.parametrize("kind", ["real subspace", "subspace", "slices", "segments", "segments, two sets"])
def test_gram_is_adjoint_after_forward(kind):
    shape = (16, 18)
    k = points(3, 40, 20, shape=shape)
    if "subspace" in kind:
        basis = randc(3, 2, seed=3)
        op = SubspaceNonCartesianMRI(randc(2, 3, *shape), basis.real if "real" in kind else basis, k, 1e-10)
    elif kind == "slices":
        op = MultiSliceNonCartesianMRI(randc(2, 3, 2, *shape), k, randc(2, 3, 1, 20).real, 1e-10)
    else:
        op = offresonance(randc(*((2, 2, 3) if "sets" in kind else (3,)), *shape), k)
    x = randc(2, *op.domain.shape, seed=1)
    assert type(op.gram).__name__ in {"SuperposedGram", "OffResonanceGram"}
    want = op.A_adjoint(op(x))
    assert error(op.gram.A(x), want) < 1e-8
    maps = op.maps.clone().requires_grad_()  # the sum that autograd follows, not the one in place
    assert error(op.gram.A(x, maps=maps).detach(), want) < 1e-8
    slope, expected = (
        torch.autograd.grad(a(op.replace(maps=m)).abs().square().sum(), m)[0]
        for a in (lambda o: o.gram.A(x), lambda o: o.A_adjoint(o(x)))
        for m in [op.maps.clone().requires_grad_()]
    )
    assert error(slope, expected) < 1e-7
    mapped = (
        torch.func.vmap(lambda v: op.gram.A(v[None])[0])(x)
        if op.maps.ndim < 5 and "segments" in kind
        else want
    )
    assert error(mapped, want) < 1e-8


@pytest.mark.parametrize("mask", [None, (1, 6), (7, 1), (7, 6), (2, 1, 7, 6)])
@pytest.mark.parametrize("shifts", [[0.0, 2.0], [0.5, -1.25]])
@pytest.mark.parametrize("lead", [(3,), (2, 3)])
def test_gram_of_slices_on_the_grid(lead, shifts, mask):
    weights = None if mask is None else randc(*mask, seed=4).abs()
    op = SimultaneousMultiSliceMRI(randc(*lead, 2, 7, 6), torch.tensor(shifts), weights)
    x = randc(2, 2, 7, 6, seed=1)
    assert type(op.gram).__name__ == "MultiSliceGram"
    assert error(op.gram.A(x), op.A_adjoint(op(x))) < 1e-13
    if len(lead) == 1 and (mask is None or len(mask) < 4):  # nothing belongs to a sample
        assert error(torch.func.vmap(lambda v: op.gram.A(v[None])[0])(x), op.gram.A(x)) < 1e-13
    got, want = (
        torch.autograd.grad(a(op.replace(shifts=s)).abs().square().sum(), s)[0]
        for a in (lambda o: o.gram.A(x), lambda o: o.A_adjoint(o(x)))
        for s in [op.shifts.clone().requires_grad_()]
    )
    assert float((got - want).abs().max()) < 1e-9 * float(want.abs().max() + x.abs().square().sum())


def test_gram_follows_what_it_is_made_of():
    shape = (16, 18)
    k, x = points(3, 40, 20, shape=shape), randc(1, 2, *shape, seed=1)
    op = SubspaceNonCartesianMRI(randc(2, *shape), randc(3, 2, seed=3), k, 1e-10)
    other = op.replace(basis=randc(3, 2, seed=5))
    assert error(op.gram.A(x, basis=other.basis), other.A_adjoint(other(x))) < 1e-8
    learnt = op.replace(basis=op.basis.clone().requires_grad_())
    assert type(learnt.gram).__name__ != "SuperposedGram"
    (slope,) = torch.autograd.grad(learnt.gram.A(x).abs().square().sum(), learnt.basis)
    assert float(slope.abs().min()) > 0
    uneven, image = offresonance(randc(2, *shape), k), randc(1, 1, *shape, seed=1)
    field = uneven.field.clone().requires_grad_()
    seeking = uneven.replace(field=field)
    assert type(seeking.gram).__name__ == "OffResonanceGram"
    got, want = (
        torch.autograd.grad(y.abs().square().sum(), field)[0]
        for y in (seeking.gram.A(image), seeking.A_adjoint(seeking(image)))
    )
    assert error(got, want) < 1e-7
    before = uneven.gram
    before.A(image)
    uneven.load_state_dict({**uneven.state_dict(), "field": 0.5 * uneven.field})
    assert error(before.A(image), uneven.A_adjoint(uneven(image))) < 1e-8


def test_convolutions_are_not_taken_where_they_cost_more_or_do_not_fit(monkeypatch):
    shape = (16, 18)
    maps, basis, k = randc(2, *shape), randc(3, 2, seed=3), points(3, 40, 20, shape=shape)
    dense = SubspaceNonCartesianMRI(maps, basis, k, 1e-4)
    assert type(dense.gram).__name__ == "SuperposedGram"
    assert type(dense.replace(trajectory=k[:, :1, :1]).gram).__name__ != "SuperposedGram"
    assert type(dense.replace(trajectory=k.round()).gram).__name__ != "SuperposedGram"
    monkeypatch.setattr(toeplitz, "PAIRS_LIMIT", 1000)
    assert type(dense.gram).__name__ != "SuperposedGram"


@pytest.mark.parametrize("kind", ["subspace", "slices"])
def test_derivatives_by_everything(kind):
    shape = (3, 4)
    k = points(2, 3, shape=shape).requires_grad_()
    if kind == "subspace":
        given = (randc(1, *shape).requires_grad_(), randc(2, 2, seed=3).requires_grad_(), k)
        make = lambda m, b, k: SubspaceNonCartesianMRI(m, b, k, 1e-13)  # noqa: E731
    else:
        given = (randc(1, 2, *shape).requires_grad_(), k, randc(2, 2, 3).real.requires_grad_())
        make = lambda m, k, t: MultiSliceNonCartesianMRI(m, k, t, 1e-13)  # noqa: E731
    x, y = randc(1, 2, *shape, seed=1), randc(1, 1, 2, 3, seed=2)
    for run in (lambda *p: make(*p)(x), lambda *p: make(*p).A_adjoint(y)):
        assert torch.autograd.gradcheck(run, given, fast_mode=True)
        assert torch.autograd.gradgradcheck(run, given, fast_mode=True)


def test_wrong_inputs_get_a_sentence():
    maps, k = birdcage_maps(2, (8, 8)), radial(4, 16, 8).reshape(2, 2, 16, 2)
    with pytest.raises(SpaceError, match=r"basis has shape \(2, 3\), but \(T, K\) with K ≤ T"):
        SubspaceNonCartesianMRI(maps, torch.ones(2, 3), k)
    with pytest.raises(SpaceError, match=r"the basis has 3 frames: \(3, …, samples, 2\) is expected"):
        SubspaceNonCartesianMRI(maps, torch.ones(3, 2), k)
    with pytest.raises(SpaceError, match=r"hold map sets, .* \(coils, H, W\) or \(B, coils, H, W\)"):
        SubspaceNonCartesianMRI(maps[None, None], torch.ones(2, 1), k)
    with pytest.raises(ParameterError, match=r"the trajectory reaches ±11.18 cycles.FOV"):
        SubspaceNonCartesianMRI(maps, torch.ones(2, 1), 3 * k)
    slices = maps[:, None].repeat(1, 2, 1, 1)
    with pytest.raises(SpaceError, match=r"turns are float32 of shape \(3, 2, 1, 1\)"):
        MultiSliceNonCartesianMRI(slices, k, torch.zeros(3, 2, 1, 1))
    with pytest.raises(SpaceError, match=r"\(coils, slices, H, W\)"):
        MultiSliceNonCartesianMRI(maps, k)
    with pytest.raises(DtypeError, match="coil maps are complex"):
        MultiSliceNonCartesianMRI(slices.real, k)


def test_what_is_no_tensor_gets_a_sentence():
    maps, k, angles = birdcage_maps(2, (8, 8)), radial(4, 16, 8).reshape(2, 2, 16, 2), torch.zeros(2)
    with pytest.raises(DtypeError, match=r"basis is a list, .* pass torch.tensor\(basis\)"):
        SubspaceNonCartesianMRI(maps, [[1.0], [1.0]], k)
    with pytest.raises(DtypeError, match=r"turns is a NumPy array of shape \(2, 1, 1\)"):
        MultiSliceNonCartesianMRI(maps[:, None].repeat(1, 2, 1, 1), k, torch.zeros(2, 1, 1).numpy())
    with pytest.raises(DtypeError, match=r"shifts is None"):
        MotionNonCartesianMRI(maps, k, angles, None)
    with pytest.raises(DtypeError, match=r"maps is None"):
        DynamicNonCartesianMRI(None, k)
