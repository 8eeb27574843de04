"""Rigid motion in three dimensions and along trajectories, against formulas and explicit sums."""

from __future__ import annotations

import math

import pytest
import torch

from wellposed.errors import ParameterError, SpaceError
from wellposed_mri import (
    MotionMRI,
    MotionNonCartesianMRI,
    MultiCoilMRI,
    NonCartesianMRI,
    birdcage_maps,
    radial,
)
from wellposed_mri.encoding.rigid import moved, moved_back, rotation

F64 = torch.float64
ANGLES = torch.tensor([[0.3, -0.4, 0.5], [0.0, 0.2, -1.1]], dtype=F64)
SHIFTS = torch.tensor([[1.2, -0.7, 2.1], [-1.0, 0.4, 0.3]], dtype=F64)


def randc(*shape, seed=0):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


def points(*lead, shape, seed=0):
    uniform = torch.rand(*lead, len(shape), dtype=F64, generator=torch.Generator().manual_seed(seed))
    return (uniform - 0.5) * torch.tensor(shape)


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


def assert_adjoint(op, x, y):
    left, right = (op(x).conj() * y).sum(), (x.conj() * op.A_adjoint(y)).sum()
    assert abs(left - right) < 1e-13 * float(op(x).norm() * y.norm())


def grid(shape):
    axes = torch.meshgrid(*[torch.arange(n).double() - n // 2 for n in shape], indexing="ij")
    return torch.stack(axes, -1)


def turn(angle, i, j, dims):
    """The axis j of a plane goes towards the beginning of axis i: entries written out."""
    matrix = torch.eye(dims, dtype=F64)
    matrix[i, i] = matrix[j, j] = math.cos(angle)
    matrix[i, j], matrix[j, i] = -math.sin(angle), math.sin(angle)
    return matrix


def matrix_of(angles):
    d, h, w = angles.tolist()
    return turn(w, 0, 1, 3) @ turn(h, 0, 2, 3) @ turn(d, 1, 2, 3)


def blobs(shape, matrix, shift):
    """Gaussians at ``R^T (p − t)``: the object, turned by R and then moved by t."""
    p = (grid(shape) - shift) @ matrix
    image = torch.zeros(shape, dtype=torch.complex128)
    for value, centre, width in [
        (1.0, (2.0, -3.0, 4.0), (2.2, 2.5, 2.8)),
        (0.6 + 0.3j, (-3.0, 2.0, -4.0), (2.4, 2.1, 2.9)),
    ]:
        centre, width = (torch.tensor(v, dtype=F64) for v in (centre[-len(shape) :], width[-len(shape) :]))
        image += value * torch.exp(-((p - centre).square() / (2 * width.square())).sum(-1))
    return image


@pytest.mark.parametrize("shape", [(36, 38, 41), (37, 36, 40)])
@pytest.mark.parametrize("shot", [0, 1])
def test_volumes_move_as_the_formula_does(shape, shot):
    still = blobs(shape, torch.eye(3, dtype=F64), torch.zeros(3))
    got = moved(still, ANGLES[shot], SHIFTS[shot])
    assert error(got, blobs(shape, matrix_of(ANGLES[shot]), SHIFTS[shot])) < 1e-5
    assert error(moved_back(got, ANGLES[shot], SHIFTS[shot]), still) < 1e-13
    assert error(rotation(ANGLES[shot], 3), matrix_of(ANGLES[shot])) < 1e-14


@pytest.mark.parametrize(("axis", "plane"), [(0, (-2, -1)), (1, (-3, -1)), (2, (-3, -2))])
def test_quarter_turns_about_each_axis(axis, plane):
    x = torch.zeros(21, 21, 21, dtype=torch.complex128)
    x[6:15, 6:15, 6:15] = randc(9, 9, 9)
    angles = torch.zeros(3, dtype=F64)
    angles[axis] = math.pi / 2
    assert error(moved(x, angles, torch.zeros(3).double()), torch.rot90(x, 1, plane)) < 1e-12


def test_volumes_are_encoded_shot_by_shot():
    maps = randc(2, 3, 4, 5, 6)
    masks = (torch.arange(6) % 2 == torch.arange(2)[:, None])[:, None, None].double()
    op = MotionMRI(maps, masks, ANGLES, SHIFTS, dims=3)
    x, y = randc(2, 1, 4, 5, 6, seed=1), randc(2, 3, 4, 5, 6, seed=2)
    want = sum(MultiCoilMRI(maps, masks[s], 3)(moved(x, ANGLES[s], SHIFTS[s])) for s in range(2))
    assert error(op(x), want) < 1e-13
    assert_adjoint(op, x, y)
    assert type(op.gram).__name__ == "MotionGram"
    assert error(op.gram.A(x), op.A_adjoint(op(x))) < 1e-13


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("mask", [(1, 7), (6, 1), (6, 7)])
def test_gram_in_the_plane(mask, shared):
    generator = torch.Generator().manual_seed(1)
    taken = torch.randint(3, mask, generator=generator) == torch.arange(3)[:, None, None]
    masks = torch.rand(3, *mask, dtype=F64, generator=generator) * (taken | shared)
    op = MotionMRI(randc(1, 2, 3, 6, 7), masks, ANGLES[0], SHIFTS[:, :2].repeat(2, 1)[:3])
    x = randc(2, 2, 6, 7, seed=1)
    assert error(op.gram.A(x), op.A_adjoint(op(x))) < 1e-13
    slope, want = (
        torch.autograd.grad(a(op.replace(masks=m)).abs().square().sum(), m)[0]
        for a in (lambda o: o.gram.A(x), lambda o: o.A_adjoint(o(x)))
        for m in [masks.clone().requires_grad_()]
    )
    assert error(slope, want) < 1e-12


def test_derivatives_by_six_parameters():
    maps, masks = randc(1, 2, 3, 3), torch.ones(2, 2, 3, 3, dtype=F64)
    angles, shifts = ANGLES.clone().requires_grad_(), SHIFTS.clone().requires_grad_()
    x, y = randc(1, 1, 2, 3, 3, seed=1), randc(1, 1, 2, 3, 3, seed=2)
    assert torch.autograd.gradcheck(lambda a, s: MotionMRI(maps, masks, a, s, 3)(x), (angles, shifts))
    assert torch.autograd.gradcheck(
        lambda a, s: MotionMRI(maps, masks, a, s, 3).A_adjoint(y), (angles, shifts)
    )


def moved_sums(x, k, angles, shifts, shape):
    """Pixels carried to ``R p + t``, each with its exponential at ``k``: no interpolation anywhere."""
    dims, data = len(shape), []
    for s in range(k.shape[0]):
        matrix = matrix_of(angles[s]) if dims == 3 else turn(float(angles[s]), 0, 1, 2)
        at = grid(shape).reshape(-1, dims) @ matrix.T + shifts[s]
        turns = k[s].reshape(-1, dims) / torch.tensor(shape) @ at.T
        waves = torch.polar(torch.ones_like(turns), -2 * math.pi * turns) / math.sqrt(math.prod(shape))
        data.append((x.reshape(*x.shape[:2], -1) @ waves.T).reshape(*x.shape[:2], *k.shape[1:-1]))
    return torch.stack(data, 2)


@pytest.mark.parametrize("shape", [(8, 11), (6, 7, 5)])
@pytest.mark.parametrize("lead", [(3,), (2, 3), (2, 2, 3)])
def test_coils_that_go_with_the_object_are_exact(shape, lead):
    dims, sets = len(shape), 2 if len(lead) == 3 else 1
    maps, k = randc(*lead, *shape), points(2, 3, 7, shape=shape)
    angles, shifts = (ANGLES, SHIFTS) if dims == 3 else (ANGLES[:, 0], SHIFTS[:, :2])
    op = MotionNonCartesianMRI(maps, k, angles, shifts, 1e-13, coils_move=True)
    x, y = randc(2, sets, *shape, seed=1), randc(2, 3, 2, 3, 7, seed=2)
    coils = (maps.reshape(-1, sets, 3, *shape) * x[:, :, None]).sum(1)
    assert error(op(x), moved_sums(coils, k, angles, shifts, shape)) < 1e-11
    assert_adjoint(op, x, y)


@pytest.mark.parametrize("coils_move", [False, True])
@pytest.mark.parametrize("dims", [2, 3])
def test_motion_of_its_own_for_every_sample(dims, coils_move):
    shape = (6, 7, 5)[-dims:]
    maps, k = randc(2, *shape), points(2, 3, 7, shape=shape)
    angles = torch.stack([ANGLES, ANGLES.flip(0)]) if dims == 3 else ANGLES[:, :2]
    shifts = torch.stack([SHIFTS, 2 * SHIFTS])[..., :dims]
    x, y = randc(2, 1, *shape, seed=1), randc(2, 2, 2, 3, 7, seed=2)
    both = MotionNonCartesianMRI(maps, k, angles, shifts, 1e-13, coils_move)
    for b in range(2):
        alone = MotionNonCartesianMRI(maps, k, angles[b], shifts[b], 1e-13, coils_move)
        assert error(both(x)[b : b + 1], alone(x[b : b + 1])) < 1e-12
    assert_adjoint(both, x, y)


@pytest.mark.parametrize("shape", [(8, 11), (6, 7, 5)])
def test_coils_that_stay_see_the_moved_image(shape):
    dims = len(shape)
    maps, k = randc(3, *shape), points(2, 3, 7, shape=shape)
    angles, shifts = (ANGLES, SHIFTS) if dims == 3 else (ANGLES[:, 0], SHIFTS[:, :2])
    op = MotionNonCartesianMRI(maps, k, angles, shifts, 1e-13)
    x, y = randc(2, 1, *shape, seed=1), randc(2, 3, 2, 3, 7, seed=2)
    want = [NonCartesianMRI(maps, k[s], 1e-13)(moved(x, angles[s], shifts[s])) for s in range(2)]
    assert error(op(x), torch.stack(want, 2)) < 1e-12
    assert_adjoint(op, x, y)


def test_a_uniform_coil_may_stay_or_go():
    """Both models are one for a band-limited object and a coil that sees everything alike."""
    shape = (40, 42)
    x = blobs(shape, torch.eye(2, dtype=F64), torch.zeros(2))[None, None]
    maps, k = torch.ones(1, *shape, dtype=torch.complex128), points(2, 90, shape=shape) * 0.7
    motion = torch.tensor([0.2, -0.3], dtype=F64), SHIFTS[:, :2]
    stay, go = (MotionNonCartesianMRI(maps, k, *motion, 1e-13, coils_move=m)(x) for m in (False, True))
    assert error(stay, go) < 1e-5


@pytest.mark.parametrize("coils_move", [False, True])
@pytest.mark.parametrize("lead", [(2,), (2, 2, 2)])
def test_gram_along_trajectories(coils_move, lead):
    shape = (16, 18)
    k = points(2, 60, 30, shape=shape)
    op = MotionNonCartesianMRI(randc(*lead, *shape), k, ANGLES[:, :2], SHIFTS[:, :2], 1e-12, coils_move)
    x = randc(2, len(lead) // 2 + 1, *shape, seed=1)
    assert type(op.gram).__name__ == "MotionFramesGram"
    assert error(op.gram.A(x), op.A_adjoint(op(x))) < 1e-10
    few = op.replace(trajectory=k[:, :1, :2], accuracy=1e-4)
    assert type(few.gram).__name__ != "MotionFramesGram"
    assert error(op.gram.A(x, angles=-op.angles), op.gram.replace(angles=-op.angles).A(x)) < 1e-13
    seeking = op.replace(angles=op.angles.clone().requires_grad_())
    slope = torch.autograd.grad(seeking.gram.A(x).abs().square().sum(), seeking.angles)[0]
    assert float(slope.abs().max()) > 0


@pytest.mark.parametrize("coils_move", [False, True])
def test_derivatives_along_trajectories(coils_move):
    shape = (3, 4)
    maps, k = randc(1, *shape).requires_grad_(), points(2, 3, shape=shape).requires_grad_()
    angles, shifts = ANGLES[:, 0].clone().requires_grad_(), SHIFTS[:, :2].clone().requires_grad_()
    x, y = randc(1, 1, *shape, seed=1), randc(1, 1, 2, 3, seed=2)

    def op(m, k, a, s):
        return MotionNonCartesianMRI(m, k, a, s, 1e-13, coils_move)

    for run in (lambda *p: op(*p)(x), lambda *p: op(*p).A_adjoint(y)):
        assert torch.autograd.gradcheck(run, (maps, k, angles, shifts), fast_mode=True)
        assert torch.autograd.gradgradcheck(run, (maps, k, angles, shifts), fast_mode=True)


def test_motion_in_space_is_estimated_by_its_gradients():
    """Six parameters of a known object from a few spokes in space, by Gauss–Newton."""
    shape = (14, 14, 14)
    x = blobs(shape, torch.eye(3, dtype=F64), torch.zeros(3))[None, None]
    maps = torch.ones(1, *shape, dtype=torch.complex128)
    k = points(1, 30, shape=shape) * 0.4
    truth = torch.tensor([0.05, -0.08, 0.1, 0.7, -0.4, 0.9], dtype=F64)
    y = moved_sums(x, k, truth[None, :3], truth[None, 3:], shape)

    def encoded(p):
        op = MotionNonCartesianMRI(maps, k, p[None, :3], p[None, 3:], 1e-9, coils_move=True)
        return torch.view_as_real(op(x)).flatten()

    p = torch.zeros(6, dtype=F64)
    for _ in range(4):
        slope = torch.autograd.functional.jacobian(encoded, p, strategy="reverse-mode")
        residual = torch.view_as_real(y).flatten() - encoded(p)
        p = p + torch.linalg.lstsq(slope, residual[:, None]).solution[:, 0]
    torch.testing.assert_close(p, truth, rtol=1e-5, atol=1e-6)


def test_wrong_motion_in_space_gets_a_sentence():
    maps, masks = birdcage_maps(2, (4, 6, 6)), torch.ones(2, 1, 1, 6)
    with pytest.raises(SpaceError, match=r"angles have shape \(2,\), but .* \(2, 3\), about D, H and W"):
        MotionMRI(maps, masks, torch.zeros(2), torch.zeros(2, 3), 3)
    with pytest.raises(SpaceError, match=r"shifts have shape \(2, 2\), .* \(2, 3\), depth first"):
        MotionMRI(maps, masks, torch.zeros(2, 3), torch.zeros(2, 2), 3)
    with pytest.raises(SpaceError, match=r"\(shots, D, H, W\) is expected: what each shot samples"):
        MotionMRI(maps, masks[0], torch.zeros(2, 3), torch.zeros(2, 3), 3)
    with pytest.raises(ParameterError, match=r"dims = 4, but an image has 2 or 3"):
        MotionMRI(maps, masks, torch.zeros(2, 3), torch.zeros(2, 3), 4)
    plane = birdcage_maps(2, (8, 8))
    with pytest.raises(SpaceError, match=r"angles have shape \(3,\), but there are 4 shots"):
        MotionNonCartesianMRI(plane, radial(4, 16, 8), torch.zeros(3), torch.zeros(4, 2))
    with pytest.raises(ParameterError, match=r"pass angles.deg2rad\(\)"):
        MotionNonCartesianMRI(plane, radial(4, 16, 8), torch.full((4,), 45.0), torch.zeros(4, 2))
