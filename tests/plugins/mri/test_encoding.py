from __future__ import annotations

import numpy as np
import pytest
import torch

import wellposed
from wellposed.errors import DtypeError, SpaceError
from wellposed.linalg import explain
from wellposed_mri import CartesianMRI, MultiCoilMRI, centred_fft, centred_ifft


def numpy_fft(x, dims=(-2, -1)):
    x = np.fft.ifftshift(np.asarray(x), axes=dims)
    return np.fft.fftshift(np.fft.fftn(x, axes=dims, norm="ortho"), axes=dims)


def randc(*shape, seed=0, dtype=torch.complex128):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def relative(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


@pytest.mark.parametrize("shape", [(8, 6), (5, 6), (7, 9), (1, 4), (2, 2), (3, 4, 5)])
def test_centred_fft_is_shift_transform_shift(shape):
    x = randc(2, *shape)
    dims = tuple(range(-len(shape), 0))
    want = torch.from_numpy(numpy_fft(x, dims))
    assert relative(centred_fft(x, dims), want) < 1e-14
    assert relative(centred_ifft(want, dims), x) < 1e-14


def test_centring_signs_are_exact():
    x = randc(16, 12, dtype=torch.complex64)
    ones = torch.ones_like(x)
    k = centred_fft(ones)
    assert k.abs().flatten().topk(2).values[1] == 0
    assert k[8, 6].real > 0


@pytest.mark.parametrize("image", [(8, 6), (5, 7), (4, 5, 6)])
@pytest.mark.parametrize("batched", [False, True])
def test_multicoil_is_the_textbook_formula(image, batched):
    maps = randc(2 if batched else 1, 2, 3, *image, seed=1)
    mask = (torch.rand(1, *image, generator=torch.Generator().manual_seed(2)) < 0.5).double()
    op = MultiCoilMRI(maps, mask, dims=len(image))
    x = randc(2, 2, *image, seed=3)
    coils = torch.einsum("bsc...,bs...->bc...", maps.expand(2, *maps.shape[1:]), x)
    want = mask * torch.from_numpy(numpy_fft(coils, tuple(range(-len(image), 0))))
    assert relative(op(x), want) < 1e-14


def test_results_do_not_depend_on_blocks(monkeypatch):
    from wellposed_mri.encoding import kernels

    maps, mask = randc(2, 1, 5, 8, 6, seed=1), torch.ones(2, 5, 8, 6).double()
    x, y = randc(2, 1, 8, 6, seed=2), randc(2, 5, 8, 6, seed=3)
    mask[:, :, ::2] = 0
    op = MultiCoilMRI(maps, mask)
    whole = op.A(x), op.A_adjoint(y), op.gram.A(x)
    for block in (1, 3 * 8 * 6 * 16):
        monkeypatch.setattr(kernels, "BLOCK", block)
        for got, want in zip((op.A(x), op.A_adjoint(y), op.gram.A(x)), whole, strict=True):
            torch.testing.assert_close(got, want, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("mask_shape", [(6,), (1, 6), (8, 1), (8, 6), (3, 8, 6), (1, 1), (2, 1, 8, 6)])
def test_gram_of_every_mask_is_adjoint_after_forward(mask_shape):
    mask = (torch.rand(mask_shape, generator=torch.Generator().manual_seed(4)) < 0.6).double() * 0.7
    op = MultiCoilMRI(randc(3, 8, 6, seed=5), mask)
    x = randc(2, 1, 8, 6, seed=6)
    assert relative(op.gram.A(x), op.A_adjoint(op.A(x))) < 1e-13


def test_gram_of_column_masks_transforms_columns_only():
    op = MultiCoilMRI(randc(3, 8, 6), torch.tensor([1.0, 0, 1, 0, 1, 0]))
    assert op.gram._axes == (-1,)
    whole = torch.tensor([1.0, 0, 1, 0, 1, 0]).expand(8, 6)
    assert MultiCoilMRI(randc(3, 8, 6), whole).gram._axes == (-1,)
    assert MultiCoilMRI(randc(3, 8, 6)).gram._axes == ()


def test_cartesian_has_closed_forms():
    mask = (torch.rand(7, 8, generator=torch.Generator().manual_seed(1)) < 0.5).double()
    op = CartesianMRI(mask)
    x = randc(2, 1, 7, 8)
    assert relative(op(x), mask * torch.from_numpy(numpy_fft(x))) < 1e-14
    assert "Fourier division" in str(explain(op))
    dense = op.to_matrix()
    y = randc(2, 1, 7, 8, seed=3)
    want = (y.flatten(1) @ torch.linalg.pinv(dense).mT).reshape(x.shape)
    assert relative(op.A_dagger(y), want) < 1e-12
    gamma = 0.7
    system = torch.eye(56, dtype=dense.dtype) + gamma * dense.mH @ dense
    right = x.flatten(1) + gamma * y.flatten(1) @ dense.conj()
    want = torch.linalg.solve(system, right.mT).mT.reshape(x.shape)
    assert relative(op.prox_l2(x, y, gamma), want) < 1e-12


def test_gradients_reach_maps_and_mask():
    maps = randc(2, 3, 4).requires_grad_()
    mask = torch.rand(3, 4, dtype=torch.float64).requires_grad_()
    x = randc(1, 1, 3, 4, seed=2)
    assert torch.autograd.gradcheck(lambda m, k: MultiCoilMRI(m, k)(x), (maps, mask))
    y = randc(1, 2, 3, 4, seed=3)
    assert torch.autograd.gradcheck(lambda m, k: MultiCoilMRI(m, k).A_adjoint(y), (maps, mask))
    assert torch.autograd.gradgradcheck(lambda m: MultiCoilMRI(m)(x), (maps,))
    assert torch.autograd.gradcheck(lambda m, k: MultiCoilMRI(m, k).gram.A(x), (maps, mask))


def test_norm_bound_holds_and_is_sharp_for_normalised_maps():
    maps = randc(4, 6, 6)
    maps = maps / maps.abs().square().sum(0).sqrt()
    op = MultiCoilMRI(maps)
    assert wellposed.norm(op) == pytest.approx(1.0, rel=1e-4)
    assert max(e.bound for e in op.evidence() if hasattr(e, "bound")) == pytest.approx(1.0, rel=1e-5)


def test_moves_to_double_and_keeps_caches_fresh():
    op = MultiCoilMRI(randc(2, 4, 4, dtype=torch.complex64), torch.ones(4, 4))
    x = randc(1, 1, 4, 4)
    op(x.to(torch.complex64))
    op.double()
    assert relative(op(x), MultiCoilMRI(op.maps, op.mask)(x)) == 0


def test_wrong_inputs_get_a_sentence():
    with pytest.raises(SpaceError, match=r"256 coils of 256×8 pixels.*movedim\(-1, 0\)"):
        MultiCoilMRI(randc(256, 256, 8))
    with pytest.raises(DtypeError, match="coil maps are complex"):
        MultiCoilMRI(torch.ones(2, 4, 4))
    with pytest.raises(SpaceError, match=r"a single coil needs its axis too"):
        MultiCoilMRI(randc(4, 4))
    with pytest.raises(SpaceError, match=r"mask of shape \(5, 4\) does not broadcast"):
        MultiCoilMRI(randc(2, 4, 4), torch.ones(5, 4))
    with pytest.raises(DtypeError, match="sampling masks are real"):
        MultiCoilMRI(randc(2, 4, 4), randc(4, 4))
    with pytest.raises(SpaceError, match="has no rows and columns"):
        CartesianMRI(torch.ones(4))
    with pytest.raises(wellposed.errors.ParameterError, match="dims = 4"):
        MultiCoilMRI(randc(2, 4, 4), dims=4)
