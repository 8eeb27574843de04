from __future__ import annotations

import math

import pytest
import torch

from wellposed.errors import ParameterError, UnsuitableError
from wellposed_mri import (
    LLR,
    SAKE,
    DynamicMRI,
    KTLowRank,
    LPlusS,
    MultiCoilMRI,
    ZeroFilled,
    birdcage_maps,
    centred_fft,
    centred_ifft,
)
from wellposed_mri.reconstruction.low_rank import BlockLowRank, lower_singular_values
from wellposed_mri.reconstruction.outer_noise import noise_deviation
from wellposed_mri.reconstruction.sake import projection
from wellposed_optim.algorithms import FISTA


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


def randc(*shape, seed=0):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def film():
    """Sixteen frames of a still disc and one that brightens and darkens, four coils, a third sampled."""
    generator = torch.Generator().manual_seed(0)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 32), indexing="ij")
    still = (x.square() + y.square() < 0.7).double()
    beating = ((x - 0.2).square() + y.square() < 0.05).double()
    t = torch.arange(16, dtype=torch.float64)[:, None, None]
    frames = (still + 0.5 * beating * (1 + torch.cos(2 * math.pi * t / 8))).to(torch.complex128)[None, None]
    mask = (torch.rand(16, 1, 32, generator=generator) < 0.25).double()
    mask[..., 13:19] = 1
    op = DynamicMRI(birdcage_maps(4, (32, 32)).to(torch.complex128), mask)
    noise = torch.randn(1, 4, 16, 32, 32, dtype=torch.complex128, generator=generator)
    return frames, op, op(frames) + 0.01 * noise * mask


@pytest.mark.parametrize("shape", [(7, 4), (4, 7)])
def test_singular_values_are_lowered(shape):
    matrix = randc(3, *shape)
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    want = (u * (s - 0.8).clamp(min=0).unsqueeze(-2)) @ v
    torch.testing.assert_close(lower_singular_values(matrix, torch.tensor(0.8)), want)


def test_blocks_are_treated_one_by_one():
    x, prior = randc(2, 1, 3, 5, 4), BlockLowRank(3)
    found = prior.prox(x, 0.7)
    for rows in (slice(0, 3), slice(3, 5)):
        for columns in (slice(0, 3), slice(3, 4)):
            for b in range(2):
                block = x[b, 0, :, rows, columns].flatten(1).mT
                want = lower_singular_values(block, torch.tensor(0.7))
                torch.testing.assert_close(found[b, 0, :, rows, columns].flatten(1).mT, want)
    whole = torch.linalg.svdvals(x[:, 0].flatten(2)).sum(1)
    torch.testing.assert_close(BlockLowRank(None).value(x), whole)


def test_a_prox_of_blocks_is_optimal():
    x, prior = randc(1, 1, 3, 5, 4), BlockLowRank(2)
    at = prior.prox(x, 0.7)
    objective = lambda u: 0.7 * prior.value(u) + 0.5 * (u - x).abs().square().sum()  # noqa: E731
    for seed in range(5):
        assert float(objective(at + 0.01 * randc(*x.shape, seed=seed))) > float(objective(at))


@pytest.mark.parametrize(("method", "share"), [(LLR(), 0.4), (KTLowRank(), 0.4), (LPlusS(), 0.4)],
                         ids=["llr", "kt", "l+s"])  # fmt: skip
def test_films_come_back(film, method, share):
    frames, op, y = film
    assert error(method(y, op), frames) < share * error(ZeroFilled()(y, op), frames)


def test_kt_low_rank_is_a_minimum(film):
    """−∇f lies in the subdifferential of λ‖·‖_*: ‖∇f‖₂ ≤ λ and ⟨−∇f, x⟩ = λ‖x‖_*."""
    _, op, y = film
    weight = 0.5
    x = FISTA(prior=BlockLowRank(None), weight=weight, max_iterations=3000, tolerance=1e-9)(y, op)
    slope = -op.A_adjoint(op(x) - y)
    assert float(torch.linalg.matrix_norm(slope[0, 0].flatten(1), 2)) < weight * 1.001
    inner = float((slope.conj() * x).sum().real)
    assert inner == pytest.approx(weight * float(torch.linalg.svdvals(x[0, 0].flatten(1)).sum()), rel=1e-3)


def test_l_plus_s_is_a_minimum(film):
    """The same for both parts, which share one gradient."""
    _, op, y = film
    method = LPlusS(max_iterations=3000, tolerance=1e-8)
    background, change = method.parts(y, op)
    low, sparse = (float(w) for w in method.weights(y, op))
    slope = -op.A_adjoint(op(background + change) - y)
    course = torch.fft.fft(slope, dim=2, norm="ortho")
    assert float(torch.linalg.matrix_norm(slope[0, 0].flatten(1), 2)) < low * 1.01
    assert float(course.abs().max()) < sparse * 1.01
    nuclear = float(torch.linalg.svdvals(background[0, 0].flatten(1)).sum())
    assert float((slope.conj() * background).sum().real) == pytest.approx(low * nuclear, rel=1e-2)
    ones = float(torch.fft.fft(change, dim=2, norm="ortho").abs().sum())
    assert float((slope.conj() * change).sum().real) == pytest.approx(sparse * ones, rel=1e-2)


def test_noise_is_measured_in_the_outer_kspace(head):
    _, maps, kspace = head
    noise = 0.05 * torch.randn(kspace.shape, dtype=kspace.dtype, generator=torch.Generator().manual_seed(0))
    mask = (torch.arange(64) % 2 == 0).float()
    assert float(noise_deviation(kspace + noise, MultiCoilMRI(maps))) == pytest.approx(0.05, rel=0.15)
    found = noise_deviation(mask * (kspace + noise), MultiCoilMRI(maps, mask))
    assert float(found) == pytest.approx(0.05, rel=0.15)


def test_projection_of_patches_is_that_of_the_dense_matrix():
    """Cyclic patches in columns, the SVD's leading left vectors, and averages over what each sample gets."""
    kspace, (h, w), kept = randc(2, 6, 5), (3, 2), 7
    shifted = torch.stack(
        [kspace[c].roll((-i, -j), (0, 1)).flatten() for c in range(2) for i in range(h) for j in range(w)]
    )
    u = torch.linalg.svd(shifted, full_matrices=False)[0][:, :kept]
    projected = (u @ u.mH @ shifted).reshape(2, h, w, 6, 5)
    want = sum(projected[:, i, j].roll((i, j), (1, 2)) for i in range(h) for j in range(w)) / (h * w)
    matrices = projection(centred_ifft(kspace), (h, w), kept)
    found = centred_fft(torch.einsum("abhw,bhw->ahw", matrices, centred_ifft(kspace)))
    torch.testing.assert_close(found, want)


def test_sake_needs_no_calibration_region(head):
    _, maps, kspace = head
    mask = (torch.rand(64, 64, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    op = MultiCoilMRI(maps, mask)
    reference = MultiCoilMRI(maps).A_adjoint(kspace)
    found = SAKE(kernel=5)(mask * kspace, op)
    assert error(found, reference) < 0.15 * error(ZeroFilled()(mask * kspace, op), reference)


def test_bad_arguments_get_a_sentence(head):
    _, maps, kspace = head
    for method in (LLR(), KTLowRank(), LPlusS()):
        with pytest.raises(UnsuitableError, match=r"needs films, .* which MultiCoilMRI does not have"):
            method(kspace, MultiCoilMRI(maps))
    with pytest.raises(ParameterError, match="block = 0"):
        LLR(block=0)
    with pytest.raises(ParameterError, match="block = 0"):
        BlockLowRank(0)
    with pytest.raises(ParameterError, match="weight = -1"):
        KTLowRank(weight=-1)
    with pytest.raises(ParameterError, match="sparse = -1"):
        LPlusS(sparse=-1)
    with pytest.raises(ParameterError, match="rank = 0"):
        SAKE(rank=0)
    with pytest.raises(ParameterError, match="kernel = 1"):
        SAKE(kernel=1)
    with pytest.raises(ParameterError, match="says nothing"):
        SAKE(rank=8)(kspace, MultiCoilMRI(maps, (torch.arange(64) % 2).float()))
