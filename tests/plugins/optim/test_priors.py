"""Priors against closed forms, high-precision solutions and other libraries."""

from __future__ import annotations

import numpy as np
import pytest
import pywt
import torch
from scipy.optimize import LinearConstraint, minimize
from skimage.restoration import denoise_tv_chambolle

from wellposed.errors import ParameterError, StructureError
from wellposed_optim import L1, Box, DenoiserPrior, Prior, Tikhonov, TotalVariation, WaveletL1
from wellposed_optim.priors.finite_differences import gradient, gradient_adjoint
from wellposed_optim.priors.wavelet_transform import analyse, filter_pair, synthesise


def randn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def tight_tv(**options):
    return TotalVariation(tolerance=1e-13, iterations=20000, **options)


PRIORS = [
    L1(),
    Tikhonov(),
    Box(-0.5, 0.5),
    WaveletL1("db2", 2),
    WaveletL1("haar", 3, shift=(1, 2)),
    tight_tv(),
    tight_tv(isotropic=False),
    tight_tv(colour="vectorial"),
]


@pytest.mark.parametrize("prior", PRIORS, ids=repr)
def test_no_point_near_the_prox_is_better(prior):
    x = randn(2, 2, 5, 6)
    gamma = torch.tensor([0.3, 0.7], dtype=torch.float64)

    def objective(u):
        return gamma * prior.value(u) + 0.5 * (u - x).square().flatten(1).sum(1)

    u = prior.prox(x, gamma)
    best = objective(u)
    for seed in range(30):
        for size in (1e-3, 1e-1):
            v = u + size * randn(*x.shape, seed=seed)
            v = prior.prox(v) if isinstance(prior, Box) else v
            assert (objective(v) >= best - 1e-9).all()


@pytest.mark.parametrize("prior", PRIORS, ids=repr)
def test_prox_is_firmly_nonexpansive(prior):
    x, y = randn(3, 1, 5, 4), randn(3, 1, 5, 4, seed=1)
    p, q = prior.prox(x, 0.4), prior.prox(y, 0.4)
    left = (p - q).square().flatten(1).sum(1)
    right = ((p - q) * (x - y)).flatten(1).sum(1)
    assert (left <= right + 1e-9).all()


@pytest.mark.parametrize("prior", PRIORS[:5], ids=repr)
def test_moreau_identity_links_prox_and_dual_prox(prior):
    v, weight, step = randn(2, 1, 5, 4), 0.3, 0.8
    assert torch.allclose(v, prior.dual_prox(v, weight, step) + step * prior.prox(v / step, weight / step))


def test_tv_prox_equals_a_general_solver_on_a_signal():
    z = randn(1, 1, 1, 7)
    gamma, n = 0.35, 7
    # min ½‖x−z‖² + γ Σ t with −t ≤ Dx ≤ t, by SciPy
    d = np.diff(np.eye(n), axis=0)
    a = np.block([[d, np.eye(n - 1)], [-d, np.eye(n - 1)]])
    flat = z.numpy().ravel()

    def objective(v):
        return 0.5 * np.sum((v[:n] - flat) ** 2) + gamma * v[n:].sum()

    def slope(v):
        return np.r_[v[:n] - flat, np.full(n - 1, gamma)]

    start = np.r_[flat, np.abs(d @ flat)]
    found = minimize(
        objective,
        start,
        jac=slope,
        method="SLSQP",
        constraints=LinearConstraint(a, 0, np.inf),
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert np.allclose(tight_tv().prox(z, gamma).numpy().ravel(), found.x[:n], atol=1e-5)


def test_tv_prox_reaches_a_lower_objective_than_scikit_image():
    z = torch.zeros(1, 1, 48, 56)
    z[..., 10:30, 12:40] = 1
    z = z + 0.2 * randn(1, 1, 48, 56, dtype=torch.float32)
    prior = TotalVariation(tolerance=1e-5)
    theirs = torch.from_numpy(denoise_tv_chambolle(z[0, 0].numpy(), weight=0.3, eps=1e-6, max_num_iter=3000))[
        None, None
    ]

    def objective(u):
        return 0.3 * prior.value(u) + 0.5 * (u - z).square().sum()

    assert objective(prior.prox(z, 0.3)) <= objective(theirs) * (1 + 1e-6)


def test_tv_of_a_sample_does_not_depend_on_its_batch():
    z = randn(3, 2, 12, 9) * torch.tensor([0.01, 1.0, 5.0], dtype=torch.float64)[:, None, None, None]
    gamma = torch.tensor([0.5, 0.01, 0.0], dtype=torch.float64)
    together = TotalVariation().prox(z, gamma)
    for i in range(3):
        assert torch.equal(together[i : i + 1], TotalVariation().prox(z[i : i + 1], gamma[i]))
    assert torch.equal(together[2], z[2])


def test_tv_prox_warm_start_gives_the_same_answer():
    prior = tight_tv()
    sequence = prior.prox_sequence()
    for seed in range(3):
        z = randn(1, 1, 6, 6) + 0.1 * randn(1, 1, 6, 6, seed=seed)
        assert torch.allclose(sequence(z, 0.2), prior.prox(z, 0.2), atol=1e-5)


def test_unrolled_tv_prox_has_the_value_and_the_gradient_of_the_prox():
    z = randn(1, 1, 4, 4).requires_grad_()
    prior = TotalVariation(tolerance=1e-13, iterations=2000)
    u = prior.prox(z, 0.1)
    assert torch.allclose(u, prior.prox(z.detach(), 0.1), atol=1e-4)
    # adding a constant to z adds it to the prox, so the Jacobian's rows sum to one
    (g,) = torch.autograd.grad(u.sum(), z)
    assert torch.allclose(g, torch.ones_like(g), atol=1e-8)


def test_vectorial_tv_is_the_norm_over_channels():
    x = randn(1, 3, 5, 5)
    dx, dy = torch.diff(x, dim=-2), torch.diff(x, dim=-1)
    squares = torch.zeros(1, 3, 5, 5, dtype=torch.float64)
    squares[..., :-1, :] += dx**2
    squares[..., :-1] += dy**2
    assert torch.allclose(TotalVariation(colour="vectorial").value(x), squares.sum(1).sqrt().sum((1, 2)))
    assert torch.allclose(TotalVariation().value(x), squares.sqrt().sum((1, 2, 3)))
    assert torch.allclose(TotalVariation(isotropic=False).value(x), dx.abs().sum() + dy.abs().sum())


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (5, 7)])
def test_gradient_and_adjoint_are_adjoint(shape):
    x, p = randn(1, 1, *shape), [randn(1, 1, *shape, seed=k) for k in (1, 2)]
    left = sum((a * b).sum() for a, b in zip(gradient(x, 2), p, strict=True))
    assert torch.allclose(left, (x * gradient_adjoint(p)).sum())


def test_complex_tv_of_a_real_image_is_the_real_one():
    z = randn(1, 1, 6, 5)
    prior = TotalVariation(tolerance=0.0, iterations=100)
    assert torch.allclose(prior.prox(z.to(torch.complex128), 0.2).real, prior.prox(z, 0.2))


@pytest.mark.parametrize("wavelet", ["haar", "db4", "sym8"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 8), (16, 12), (17, 31)])
def test_wavelets_are_orthonormal_for_every_size(wavelet, shape):
    x, filters = randn(2, 3, *shape), filter_pair(wavelet)
    low, details = analyse(x, filters, 3)
    power = low.square().sum() + sum(band.square().sum() for level in details for band in level)
    assert torch.allclose(power, x.square().sum())
    assert torch.allclose(synthesise(low, details, filters), x, atol=1e-9)


def test_wavelets_equal_pywavelets():
    x = randn(1, 1, 32, 16)
    low, (level,) = analyse(x, filter_pair("db4"), 1)
    approximation, (h, v, d) = pywt.dwt2(x[0, 0].numpy(), "db4", "periodization")
    for ours, theirs in zip([low, level[1], level[0], level[2]], [approximation, h, v, d], strict=True):
        assert np.allclose(ours[0, 0].numpy(), theirs)


def test_wavelet_prior_accepts_complex_images():
    x = torch.complex(randn(1, 1, 8, 8), randn(1, 1, 8, 8, seed=1))
    assert torch.allclose(WaveletL1("haar", 2).prox(x, 0.0), x)


def test_errors_say_what_to_do():
    with pytest.raises(ParameterError, match="'channelwise' or 'vectorial'"):
        TotalVariation(colour="both")
    with pytest.raises(ParameterError, match="isotropic=True"):
        TotalVariation(isotropic=False, colour="vectorial")
    with pytest.raises(ParameterError, match="both be ≥ 1"):
        TotalVariation(dims=0)
    with pytest.raises(ParameterError, match="not orthogonal"):
        WaveletL1("bior2.2")
    with pytest.raises(ParameterError, match="wavelist"):
        WaveletL1("nonsense")
    with pytest.raises(ParameterError, match="must be ≥ 1"):
        WaveletL1(levels=0)
    with pytest.raises(ParameterError, match="would be empty"):
        Box(1.0, 0.0)
    with pytest.raises(StructureError, match="not differentiable"):
        L1().grad(randn(1, 1, 2, 2))
    with pytest.raises(StructureError, match="proximal algorithm"):
        L1().lipschitz()
    with pytest.raises(StructureError, match="no known value"):
        DenoiserPrior(lambda x, s: x).value(randn(1, 1, 2, 2))
    with pytest.raises(NotImplementedError, match="write it"):
        Prior().value(randn(1, 1, 2, 2))
    with pytest.raises(NotImplementedError, match="write it"):
        Prior().prox(randn(1, 1, 2, 2), 1.0)
    with pytest.raises(ParameterError, match=r"weight=…"):
        Prior().weight_for(0.1)


def test_box_value_is_an_indicator():
    x = torch.tensor([[0.2, 0.7], [0.2, 1.7]])
    assert Box(0, 1).value(x).tolist() == [0.0, float("inf")]


def test_tikhonov_gradient():
    x = randn(2, 3)
    assert torch.equal(Tikhonov().grad(x), x)
    assert torch.allclose(Tikhonov()(x), 0.5 * x.square().sum(1))


def test_spinning_wavelets_move_their_basis_and_start_at_its_origin():
    x = randn(1, 1, 8, 8)
    sequence = WaveletL1("haar", 2, spin=True).prox_sequence()
    first, second = sequence(x, 0.5), sequence(x, 0.5)
    assert torch.allclose(first, WaveletL1("haar", 2).prox(x, 0.5))
    assert torch.allclose(second, WaveletL1("haar", 2, shift=(5, 11)).prox(x, 0.5))
