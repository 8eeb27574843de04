"""Dynamic, subspace, multi-slice and oversampled encoding against sums written out with a DFT matrix."""

from __future__ import annotations

import math

import pytest
import torch

from wellposed.errors import DtypeError, ParameterError, SpaceError
from wellposed.linalg import norm
from wellposed_mri import (
    SENSE,
    DynamicMRI,
    MultiCoilMRI,
    ReadoutOversampling,
    SimultaneousMultiSliceMRI,
    SubspaceMRI,
    birdcage_maps,
    shepp_logan,
)


def randc(*shape, seed=0):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


def random_mask(*shape, seed=0):
    return (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < 0.6).double()


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


def dft(n):
    """The centred orthonormal DFT, one exponential per entry."""
    j = torch.arange(n, dtype=torch.float64) - n // 2
    angle = -2 * math.pi * j[:, None] * j / n
    return torch.polar(torch.ones_like(angle), angle) / math.sqrt(n)


def transformed(x):
    h, w = x.shape[-2:]
    return torch.einsum("kh,lw,...hw->...kl", dft(h), dft(w), x)


def assert_adjoint(op, x, y):
    left, right = (op(x).conj() * y).sum(), (x.conj() * op.A_adjoint(y)).sum()
    assert abs(left - right) < 1e-13 * float(op(x).norm() * y.norm())


@pytest.mark.parametrize("mask_shape", [(4, 7, 6), (4, 1, 6), (2, 1, 4, 7, 6), (3, 4, 7, 1)])
@pytest.mark.parametrize("lead", [(3,), (2, 3), (2, 2, 3)])
def test_dynamic_is_every_frame_by_itself(mask_shape, lead):
    maps, mask = randc(*lead, 7, 6), random_mask(*mask_shape)
    op = DynamicMRI(maps, mask)
    sets = 2 if len(lead) == 3 else 1
    x, y = randc(2, sets, 4, 7, 6, seed=1), randc(2, 3, 4, 7, 6, seed=2)
    full = maps.reshape(-1, sets, 3, 7, 6).expand(2, -1, -1, -1, -1)
    want = mask * transformed(torch.einsum("bschw,bsthw->bcthw", full, x))
    assert error(op(x), want) < 1e-13
    assert_adjoint(op, x, y)
    assert error(op.gram.A(x), op.A_adjoint(op(x))) < 1e-13
    assert error(op.coil_images(op(x)).sum(1, keepdim=True), DynamicMRI(randc(3, 7, 6) * 0 + 1, mask)
                 .A_adjoint(op(x))) < 1e-13  # fmt: skip


def test_dynamic_volumes_and_one_mask_for_all_frames():
    maps, mask = randc(2, 3, 4, 5), random_mask(4, 5)
    op, x = DynamicMRI(maps, mask, frames=3, dims=3), randc(1, 1, 3, 3, 4, 5)
    still = MultiCoilMRI(maps, mask, dims=3)
    want = torch.stack([still(x[:, :, t]) for t in range(3)], 2)
    assert error(op(x), want) < 1e-13
    assert error(op.gram.A(x), op.A_adjoint(op(x))) < 1e-13


def test_dynamic_gram_transforms_columns_only():
    assert DynamicMRI(randc(3, 8, 6), random_mask(4, 1, 6)).gram._axes == (-1,)


def test_a_basis_of_frames_is_the_dynamic_operator():
    maps, mask = randc(3, 7, 6), random_mask(4, 7, 6)
    op = SubspaceMRI(maps, torch.eye(4, dtype=torch.float64), mask)
    x = randc(2, 4, 7, 6)
    assert error(op(x), DynamicMRI(maps, mask)(x[:, None])) < 1e-13


@pytest.mark.parametrize("mask_shape", [(5, 7, 6), (5, 1, 6), (2, 1, 5, 7, 6), (3, 5, 7, 6)])
@pytest.mark.parametrize("real", [True, False])
def test_subspace_is_its_sum(mask_shape, real):
    maps, basis, mask = randc(2, 3, 7, 6), randc(5, 2, seed=4), random_mask(*mask_shape)
    basis = basis.real.contiguous() if real else basis
    op = SubspaceMRI(maps, basis, mask)
    x, y = randc(2, 2, 7, 6, seed=1), randc(2, 3, 5, 7, 6, seed=2)
    film = torch.einsum("tk,bkhw->bthw", basis.to(x.dtype), x)
    want = mask * transformed(maps.unsqueeze(2) * film.unsqueeze(1))
    assert error(op(x), want) < 1e-13
    assert error(op.frames(x), film) < 1e-13
    assert_adjoint(op, x, y)
    assert error(op.gram.A(x), op.A_adjoint(op(x))) < 1e-13
    assert float(norm(op)) <= max(e.bound for e in op.evidence() if hasattr(e, "bound"))


def test_gradients_reach_the_basis_and_the_maps():
    maps, basis = randc(2, 3, 2).requires_grad_(), randc(3, 2, seed=1).requires_grad_()
    mask, x, y = random_mask(3, 3, 2), randc(1, 2, 3, 2, seed=2), randc(1, 2, 3, 3, 2, seed=3)
    assert torch.autograd.gradcheck(lambda m, b: SubspaceMRI(m, b, mask)(x), (maps, basis))
    assert torch.autograd.gradcheck(lambda m, b: SubspaceMRI(m, b, mask).A_adjoint(y), (maps, basis))
    assert torch.autograd.gradcheck(lambda m, b: SubspaceMRI(m, b, mask).gram.A(x), (maps, basis))
    shifts = torch.tensor([0.3, 1.0], dtype=torch.float64).requires_grad_()
    slices, x = randc(2, 2, 3, 4), randc(1, 2, 3, 4, seed=4)
    assert torch.autograd.gradcheck(lambda s: SimultaneousMultiSliceMRI(slices, s)(x), (shifts,))


@pytest.mark.parametrize("shifts", [None, [0.0, 0.0, 0.0], [0.0, 2.0, -3.0], [0.0, 0.4, 2.7]])
@pytest.mark.parametrize("columns", [6, 7])
def test_multi_slice_is_its_sum(shifts, columns):
    maps, mask = randc(2, 4, 3, 5, columns), random_mask(5, columns)
    op = SimultaneousMultiSliceMRI(maps, None if shifts is None else torch.tensor(shifts), mask)
    x, y = randc(2, 3, 5, columns, seed=1), randc(2, 4, 5, columns, seed=2)
    moves = [columns * z / 3 for z in range(3)] if shifts is None else shifts
    k = torch.arange(columns, dtype=torch.float64) - columns // 2
    want = torch.zeros(2, 4, 5, columns, dtype=torch.complex128)
    for z, shift in enumerate(moves):
        want += torch.exp(-2j * math.pi * shift * k / columns) * transformed(maps[:, :, z] * x[:, z, None])
    assert error(op(x), mask * want) < 1e-7 if shifts else error(op(x), mask * want) < 1e-13
    assert_adjoint(op, x, y)
    assert float(norm(op)) <= max(e.bound for e in op.evidence() if hasattr(e, "bound"))


def test_caipirinha_tells_slices_apart_that_lie_on_each_other():
    """Two slices whose coils see the same in-plane profile are separable only when shifted."""
    maps = birdcage_maps(8, (32, 32)).to(torch.complex128)
    both = maps[:, None] * torch.tensor([1.0, 1.0])[:, None, None]
    image = shepp_logan().image(32).to(torch.complex128)
    x = torch.stack([image, image.flip(0)])[None]
    shifted = SimultaneousMultiSliceMRI(both)
    straight = SimultaneousMultiSliceMRI(both, torch.zeros(2))
    method = SENSE(0.0, max_iterations=200, tolerance=1e-8)
    assert error(method(shifted(x), shifted), x) < 1e-3
    assert error(method(straight(x), straight), x) > 0.3


@pytest.mark.parametrize("n", [5, 6])
@pytest.mark.parametrize("axis", [-2, -1])
def test_oversampling_pads_the_image(n, axis):
    op = ReadoutOversampling((2, n, n), 2, axis).double()
    image = randc(1, 2, n, n)
    y = op(transformed(image))
    back = y.movedim(axis, -1) @ dft(2 * n).conj()
    short = back[..., n - n // 2 : 2 * n - n // 2]
    want = transformed(image).movedim(axis, -1) @ dft(n).conj()
    assert error(short, want) < 1e-13
    assert float(back.norm()) == pytest.approx(float(want.norm()))
    assert error(op.A_adjoint(y), transformed(image)) < 1e-13


def test_oversampled_physics_is_a_product():
    coils = MultiCoilMRI(randc(3, 8, 6), random_mask(1, 6))
    op = ReadoutOversampling(coils.range, 2.0) @ coils
    assert op.range.shape == (3, 16, 6)
    x = randc(1, 1, 8, 6)
    assert error(op.A_adjoint(op(x)), coils.A_adjoint(coils(x))) < 1e-13


def test_wrong_inputs_get_a_sentence():
    maps = randc(3, 8, 6)
    with pytest.raises(SpaceError, match=r"no time axis; pass frames=T"):
        DynamicMRI(maps, torch.ones(8, 6))
    with pytest.raises(SpaceError, match=r"mask of shape \(4, 5, 6\) does not broadcast"):
        DynamicMRI(maps, torch.ones(4, 5, 6))
    with pytest.raises(ParameterError, match="at least one frame"):
        DynamicMRI(maps, torch.ones(8, 6), frames=0)
    with pytest.raises(ParameterError, match="dims = 1"):
        DynamicMRI(maps, torch.ones(2, 8, 6), dims=1)
    with pytest.raises(SpaceError, match=r"basis.mT if they are rows"):
        SubspaceMRI(maps, torch.ones(2, 9), torch.ones(9, 8, 6))
    with pytest.raises(SpaceError, match="coefficients take that axis"):
        SubspaceMRI(randc(1, 2, 3, 8, 6), torch.ones(9, 2), torch.ones(9, 8, 6))
    with pytest.raises(SpaceError, match=r"\(coils, slices, H, W\)"):
        SimultaneousMultiSliceMRI(maps)
    with pytest.raises(SpaceError, match="give each a shift"):
        SimultaneousMultiSliceMRI(maps[None], torch.zeros(2))
    with pytest.raises(DtypeError, match="coil maps are complex"):
        SimultaneousMultiSliceMRI(torch.ones(2, 2, 4, 4))
    with pytest.raises(ParameterError, match="and the number whole"):
        ReadoutOversampling((1, 8, 5), 1.5, -1)
    with pytest.raises(ParameterError, match="axis = -3"):
        ReadoutOversampling((1, 8, 5), 2, -3)
