"""Encoding along trajectories (per sample, per frame, stacked, off-resonant) against explicit sums."""

from __future__ import annotations

import math

import pytest
import torch

from wellposed.errors import ParameterError, SpaceError
from wellposed.linalg import adjoint
from wellposed_mri import (
    SENSE,
    DynamicNonCartesianMRI,
    Gridding,
    MultiCoilMRI,
    NonCartesianMRI,
    OffResonanceMRI,
    StackMRI,
    birdcage_maps,
    cartesian,
    pipe_menon,
    radial,
    shepp_logan,
)
from wellposed_mri.encoding.along import places
from wellposed_mri.encoding.noncartesian import ToeplitzGram
from wellposed_mri.reconstruction.outer_noise import noise_deviation


def randc(*shape, seed=0):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


def points(*lead, shape, seed=0):
    uniform = torch.rand(*lead, len(shape), generator=torch.Generator().manual_seed(seed)).double()
    return (uniform - 0.5) * torch.tensor(shape)


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


def matrix(trajectory, shape):
    """One exponential per sample and pixel."""
    grids = torch.meshgrid(*[torch.arange(n) - n // 2 for n in shape], indexing="ij")
    j = torch.stack(grids, -1).reshape(-1, len(shape)).double() / torch.tensor(shape)
    angle = -2 * math.pi * trajectory.double().reshape(-1, len(shape)) @ j.T
    return torch.polar(torch.ones_like(angle), angle) / math.sqrt(math.prod(shape))


def assert_adjoint(op, x, y):
    left, right = (op(x).conj() * y).sum(), (x.conj() * op.A_adjoint(y)).sum()
    assert abs(left - right) < 1e-13 * float(op(x).norm() * y.norm())


@pytest.mark.parametrize("lead", [(3,), (2, 3), (2, 2, 3)])
def test_every_sample_has_its_trajectory(lead):
    shape = (9, 8)
    maps, k = randc(*lead, *shape), points(2, 5, 7, shape=shape)
    op = NonCartesianMRI(maps, k, 1e-12, batched=True)
    sets = 2 if len(lead) == 3 else 1
    x, y = randc(2, sets, *shape, seed=1), randc(2, 3, 5, 7, seed=2)
    full = maps.reshape(-1, sets, 3, *shape).expand(2, -1, -1, -1, -1)
    coils = (full * x[:, :, None]).sum(1)
    want = torch.stack([coils[b].reshape(3, -1) @ matrix(k[b], shape).T for b in range(2)])
    assert error(op(x).reshape(2, 3, -1), want) < 1e-11
    assert_adjoint(op, x, y)
    assert error(ToeplitzGram(op).A(x), op.A_adjoint(op(x))) < 1e-10
    with pytest.raises(SpaceError, match="a batch of 3 has no trajectory each: there are 2"):
        op(randc(3, sets, *shape)) if lead == (3,) else NonCartesianMRI(maps[:1], k, batched=True)(
            randc(3, sets, *shape)
        )


def test_a_trajectory_can_be_given_per_call():
    maps, k = randc(2, 9, 8), points(2, 5, 7, shape=(9, 8))
    op, x = NonCartesianMRI(maps, k, 1e-12, batched=True), randc(2, 1, 9, 8, seed=1)
    other = points(2, 5, 7, shape=(9, 8), seed=5)
    want = torch.cat([NonCartesianMRI(maps, other[b], 1e-12)(x[b : b + 1]) for b in range(2)])
    assert error(op(x, trajectory=other), want) < 1e-13


@pytest.mark.parametrize("shape", [(8, 7), (6, 5, 4)])
def test_every_frame_has_its_trajectory(shape):
    maps, k = randc(3, *shape), points(4, 5, 7, shape=shape)
    op = DynamicNonCartesianMRI(maps, k, 1e-12)
    x, y = randc(2, 1, 4, *shape, seed=1), randc(2, 3, 4, 5, 7, seed=2)
    coils = maps[None, :, None] * x
    want = torch.einsum(
        "bctn,tmn->bctm", coils.flatten(3), torch.stack([matrix(k[t], shape) for t in range(4)])
    )
    assert error(op(x).flatten(3), want) < 1e-11
    assert_adjoint(op, x, y)


def test_gram_of_frames():
    maps, k = randc(2, 16, 18), points(3, 60, 30, shape=(16, 18))
    op, x = DynamicNonCartesianMRI(maps, k, 1e-12), randc(1, 1, 3, 16, 18, seed=1)
    assert type(op.gram).__name__ == "FramesGram"
    assert error(op.gram.A(x), op.A_adjoint(op(x))) < 1e-10


@pytest.mark.parametrize("rotating", [False, True])
@pytest.mark.parametrize("partitions", [None, [1.0, 0.0, 0.5, 1.0, 1.0]])
@pytest.mark.parametrize("lead", [(2,), (1, 2, 2)])
def test_a_stack_is_its_trajectory_in_three_dimensions(rotating, partitions, lead):
    depth, plane = 5, (6, 7)
    maps = randc(*lead, depth, *plane)
    k = points(*((depth,) if rotating else ()), 3, 4, shape=plane)
    weights = None if partitions is None else torch.tensor(partitions)
    op = StackMRI(maps, k, weights, rotating, accuracy=1e-12)
    sets = 2 if len(lead) == 3 else 1
    x, y = randc(2, sets, depth, *plane, seed=1), randc(2, 2, depth, 3, 4, seed=2)
    whole = k.double() if rotating else k.double().expand(depth, *k.shape)
    up = (torch.arange(depth) - depth // 2).double()[:, None, None, None].expand(*whole.shape[:-1], 1)
    coils = (maps.reshape(1, sets, 2, depth, *plane) * x[:, :, None]).sum(1)
    want = coils.flatten(2) @ matrix(torch.cat([up, whole], -1), (depth, *plane)).T
    want = want.reshape(2, 2, depth, 3, 4)
    want = want if weights is None else want * weights[:, None, None]
    assert error(op(x), want) < 1e-11
    assert_adjoint(op, x, y)


@pytest.mark.parametrize("rotating", [False, True])
@pytest.mark.parametrize("partitions", [None, [1.0, 0.0, 0.5, 1.0]])
@pytest.mark.parametrize("lead", [(2,), (1, 2, 2)])
@pytest.mark.parametrize("on_grid", [False, True])
def test_gram_of_stacks(rotating, partitions, lead, on_grid):
    maps = randc(*lead, 4, 16, 17)
    k = points(*((4,) if rotating else ()), 30, 30, shape=(16, 17))
    k = k.round().clamp(min=-8) if on_grid else k
    op = StackMRI(maps, k, None if partitions is None else torch.tensor(partitions), rotating, 1e-12)
    x = randc(2, 2 if len(lead) == 3 else 1, 4, 16, 17, seed=1)
    assert type(op.gram).__name__ == "StackGram"
    assert error(op.gram.A(x), op.A_adjoint(op(x))) < 1e-10


def test_density_weights_are_those_of_each_trajectory():
    k = torch.stack([radial(9, 16, 16, start=0.3 * i) for i in range(2)])
    alone = torch.stack([pipe_menon(one, (16, 16)) for one in k])
    maps, volume = (
        torch.ones(1, 16, 16, dtype=torch.complex64),
        torch.ones(1, 2, 16, 16, dtype=torch.complex64),
    )
    torch.testing.assert_close(NonCartesianMRI(maps, k, batched=True).density(), alone[:, None])
    torch.testing.assert_close(DynamicNonCartesianMRI(maps, k).density(), alone)
    torch.testing.assert_close(StackMRI(volume, k, rotating=True).density(), alone)
    torch.testing.assert_close(StackMRI(volume, k[0]).density(), alone[0])
    # a film of one object, gridded, is the object's gridding frame by frame
    y = shepp_logan().kspace(k, 16).to(torch.complex64)
    film = Gridding()(y[None, None], DynamicNonCartesianMRI(maps, k))
    batch = Gridding()(y[:, None], NonCartesianMRI(maps, k, batched=True))
    for i in range(2):
        want = Gridding()(y[i][None, None], NonCartesianMRI(maps, k[i]))
        assert error(film[:, :, i], want) < 1e-5
        assert error(batch[i : i + 1], want) < 1e-5


def test_sense_of_a_batch_of_trajectories_is_that_of_each():
    k = torch.stack([radial(9, 16, 16, start=0.3 * i) for i in range(2)]).double()
    maps, x = birdcage_maps(4, (16, 16)).to(torch.complex128), randc(2, 1, 16, 16)
    both = NonCartesianMRI(maps, k, 1e-10, batched=True)
    got = SENSE(1e-3, tolerance=1e-9)(both(x), both)
    for i in range(2):
        one = NonCartesianMRI(maps, k[i], 1e-10)
        # λ is relative to the largest ‖A‖² of the batch
        assert error(got[i : i + 1], SENSE(1e-3, tolerance=1e-9)(one(x[i : i + 1]), one)) < 1e-2


def test_noise_is_found_along_every_kind_of_trajectory():
    """σ of noise alone, by a tenth of the samples; partitions left out count for nothing."""
    k = torch.stack([radial(40, 32, 16, start=0.3 * i) for i in range(4)]).double()
    maps = randc(2, 16, 16)
    volume = maps[:, None].expand(2, 4, 16, 16)
    partitions = torch.tensor([1.0, 0.0, 1.0, 1.0])
    for op in (
        NonCartesianMRI(maps, k, batched=True),
        DynamicNonCartesianMRI(maps, k),
        StackMRI(volume, k, rotating=True),
        StackMRI(volume, k[0], partitions),
        OffResonanceMRI(maps, k[0], torch.zeros(16, 16), torch.linspace(0, 1e-3, 32)),
    ):
        y = 0.3 * randc(4, *op.range.shape, seed=3)
        if getattr(op, "partitions", None) is not None:
            y[:, :, 1] = 0
        torch.testing.assert_close(noise_deviation(y, op), torch.full((4,), 0.3).double(), rtol=0.2, atol=0)


@pytest.mark.parametrize("shape", [(8, 6), (7, 6), (5, 4, 6)])
def test_points_on_the_grid_take_an_fft(shape):
    grid = cartesian(shape).double()
    flat = grid.reshape(-1, len(shape))
    chosen = flat[torch.randperm(len(flat), generator=torch.Generator().manual_seed(0))[: len(flat) // 2]]
    maps, x = randc(2, *shape), randc(2, 1, *shape, seed=1)
    # unique places, places sampled twice, and the two ends ±n/2, which are one frequency
    for k in (chosen, torch.cat([chosen, chosen[:5]]), torch.cat([flat, -flat])):
        k = k.clamp(min=-torch.tensor(shape) / 2.0)
        op = NonCartesianMRI(maps, k)
        assert op._along[0].on_grid(k)
        want = (maps * x).reshape(2, 2, -1) @ matrix(k, shape).T
        assert error(op(x), want) < 1e-13
        assert_adjoint(op, x, randc(2, 2, len(k), seed=2))
        assert error(op.gram.A(x), op.A_adjoint(op(x))) < 1e-13


def test_points_off_the_grid_take_none():
    assert places(torch.tensor([[1.0, 2.0], [0.0, 1e-4]]), (8, 8), 1e-5).numel() == 0
    assert places(torch.tensor([[1.0, 2.0], [0.0, 1e-6]]), (8, 8), 1e-5).tolist() == [5 * 8 + 6, 4 * 8 + 4]
    k = cartesian((6, 6)).double().requires_grad_()
    maps, x = randc(1, 6, 6), randc(1, 1, 6, 6)
    (slope,) = torch.autograd.grad(NonCartesianMRI(maps, k)(x).abs().square()[..., 0, 1].sum(), k)
    assert float(slope.abs().max()) > 0  # a trajectory that is optimised stays non-uniform


def test_gradients_pass_through_the_fft():
    maps, k = randc(2, 3, 4).requires_grad_(), cartesian((3, 4)).double()[:2]
    x, y = randc(1, 1, 3, 4, seed=1).requires_grad_(), randc(1, 2, 2, 4, seed=2).requires_grad_()
    assert torch.autograd.gradcheck(lambda m, x: NonCartesianMRI(m, k)(x), (maps, x))
    assert torch.autograd.gradcheck(lambda m, y: NonCartesianMRI(m, k).A_adjoint(y), (maps, y))


def test_full_grid_is_the_cartesian_operator():
    maps, x = randc(3, 10, 9), randc(2, 1, 10, 9, seed=1)
    ours, cartesian_one = NonCartesianMRI(maps, cartesian((10, 9))), MultiCoilMRI(maps)
    assert error(ours(x), cartesian_one(x)) < 1e-14
    assert error(ours.gram.A(x), cartesian_one.gram.A(x)) < 1e-14


@pytest.mark.parametrize("accuracy", [1e-2, 1e-4, 1e-8])
@pytest.mark.parametrize("batched", [False, True])
def test_off_resonance_is_within_its_bound_of_the_sum(accuracy, batched):
    shape = (11, 10)
    generator = torch.Generator().manual_seed(0)
    field = 160 * torch.rand(*((2,) if batched else ()), *shape, generator=generator).double() - 60
    k, times = points(4, 50, shape=shape), torch.linspace(2e-3, 32e-3, 50, dtype=torch.float64)
    maps, x, y = randc(3, *shape), randc(2, 1, *shape, seed=1), randc(2, 3, 4, 50, seed=2)
    op = OffResonanceMRI(maps, k, field, times, accuracy)
    phase = torch.exp(-2j * math.pi * times.repeat(4)[:, None] * field.reshape(-1, 1, math.prod(shape)))
    coils = (maps * x).flatten(2)
    want = torch.einsum("bcn,mn,bmn->bcm", coils, matrix(k, shape), phase.expand(2, -1, -1)).reshape(
        2, 3, 4, 50
    )
    assert op.segmentation.error <= accuracy
    # the stated bound, plus that of the non-uniform transforms
    size = (coils.abs().sum(-1) / math.sqrt(math.prod(shape)))[..., None, None]
    segments = len(op.segmentation.times)
    spread = float(op.segmentation.weights.abs().sum(0).max())
    assert bool(((op(x) - want).abs() <= (op.segmentation.error + 3 * accuracy * spread) * size).all())
    assert error(op(x), want) < 3 * accuracy
    assert segments < 22
    assert_adjoint(op, x, y)


def test_few_segments_are_enough():
    """Of 4.8 turns of phase, 12 segments leave 1e-4; plain nearest-neighbour segments leave more than 0.5."""
    times = torch.linspace(0, 30e-3, 200, dtype=torch.float64)
    from wellposed_mri.encoding.segmentation import segments

    found = segments(times, -60, 100, 1e-4)
    f = torch.linspace(-60, 100, 777, dtype=torch.float64)[:, None]
    product = torch.exp(-2j * math.pi * f * found.times) @ found.weights
    worst = float((product - torch.exp(-2j * math.pi * f * times)).abs().max())
    assert worst <= 1.05e-4
    assert len(found.times) <= 12
    assert len(segments(times, 20, 20, 1e-9).times) == 1


def test_off_resonance_derivative_by_the_field():
    field = (80 * torch.rand(3, 4, generator=torch.Generator().manual_seed(0)).double()).requires_grad_()
    k, times = points(6, shape=(3, 4)), torch.linspace(1e-3, 2e-2, 6, dtype=torch.float64)
    maps, x = randc(2, 3, 4), randc(1, 1, 3, 4, seed=1)

    def exact(f):
        phase = torch.exp(-2j * math.pi * times[:, None] * f.reshape(1, -1))
        return (maps * x).flatten(2) @ (matrix(k, (3, 4)) * phase).T

    probe = randc(1, 2, 6, seed=3)
    (want,) = torch.autograd.grad((exact(field) * probe).real.sum(), field)
    (got,) = torch.autograd.grad((OffResonanceMRI(maps, k, field, times, 1e-9)(x) * probe).real.sum(), field)
    assert error(got, want) < 1e-6


def test_adjoint_is_an_operator():
    op = StackMRI(randc(2, 3, 6, 5), points(9, shape=(6, 5)), accuracy=1e-10)
    y = randc(1, 2, 3, 9)
    assert error(adjoint(op).A(y), op.A_adjoint(y)) == 0


def test_wrong_inputs_get_a_sentence():
    maps, volume = randc(2, 32, 32), randc(2, 4, 32, 32)
    k, times = radial(5, 64, 32), torch.linspace(0, 0.01, 64)
    with pytest.raises(SpaceError, match=r"one trajectory after the other"):
        NonCartesianMRI(maps, torch.zeros(7, 2), batched=True)
    with pytest.raises(SpaceError, match=r"one per partition is expected: \(4, …, samples, 2\)"):
        StackMRI(volume, k, rotating=True)
    with pytest.raises(SpaceError, match=r"the volume has 4 slices"):
        StackMRI(volume, k, torch.ones(3))
    with pytest.raises(SpaceError, match=r"real Hz of shape \(32, 32\)"):
        OffResonanceMRI(maps, k, torch.zeros(31, 32), times)
    with pytest.raises(SpaceError, match=r"one time per sample of a shot"):
        OffResonanceMRI(maps, k, torch.zeros(32, 32), torch.zeros(63))
    with pytest.raises(ParameterError, match=r"is the field map in Hz and are times in seconds"):
        OffResonanceMRI(maps, k, torch.linspace(-100, 100, 1024).reshape(32, 32), 1000 * times)
    with pytest.raises(ParameterError, match=r"field of shape .* NaN"):
        OffResonanceMRI(maps, k, torch.full((32, 32), float("nan")), times)
