"""Fidelities against closed forms, autograd and SciPy."""

from __future__ import annotations

import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.special import rel_entr

from wellposed.errors import ParameterError, StructureError
from wellposed.operators import CircularConvolution, Identity, Matrix
from wellposed.spaces import Space
from wellposed_optim import L2, Fidelity, Likelihood, Poisson, fidelity_of
from wellposed_optim.normal import squared_norm


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Normal:
    """A stranger's noise model."""

    def log_prob(self, y, mean):
        return -((y - mean) ** 2).flatten(1).sum(1) / (2 * 0.3**2)


@pytest.fixture
def physics():
    return Matrix(randn(5, 4))


@pytest.mark.parametrize("fidelity", [L2(), L2(0.3), Poisson(0.5, 2.0), Likelihood(Normal())], ids=repr)
def test_gradient_is_that_of_the_value(fidelity, physics):
    x, y = randn(2, 4).abs().requires_grad_(), randn(2, 5).abs()
    physics = Matrix(physics.A(torch.eye(4, dtype=torch.float64)).T.abs())
    (expected,) = torch.autograd.grad(fidelity.value(x, y, physics).sum(), x)
    assert torch.allclose(fidelity.grad(x, y, physics), expected)
    assert torch.allclose(fidelity.grad_map(y, physics)(x), expected)


@pytest.mark.parametrize("background", [0.0, 0.7])
def test_poisson_is_the_relative_entropy_of_scipy(background):
    u, y = randn(2, 6).abs(), torch.poisson(3 * torch.ones(2, 6, dtype=torch.float64)) * 0.5
    n, r = y / 0.5, (u + background) / 0.5
    expected = (rel_entr(n.numpy(), r.numpy()) + (r - n).numpy()).sum(1)
    assert torch.allclose(Poisson(0.5, background).distance(u, y), torch.from_numpy(expected))


def test_poisson_is_infinite_for_negative_rates():
    y = torch.ones(1, 1)
    assert Poisson().distance(-y, y).item() == float("inf")
    assert Poisson().distance(0 * y, y).item() == float("inf")
    assert Poisson().distance(0 * y, 0 * y).item() == 0


@pytest.mark.parametrize("fidelity", [L2(0.5), Poisson(0.5, 0.1)], ids=repr)
@pytest.mark.parametrize(("u", "y"), [(0.8, 1.5), (-0.5, 1.0), (2.0, 0.5)])
def test_measurement_prox_equals_scalar_minimisation(fidelity, u, y):
    gamma = 0.4

    def objective(v):
        t = torch.tensor([[v]], dtype=torch.float64)
        d = fidelity.distance(t, torch.tensor([[y]], dtype=torch.float64)).item()
        return gamma * d + 0.5 * (v - u) ** 2

    low = -0.1 if isinstance(fidelity, Poisson) else -5
    best = minimize_scalar(objective, bounds=(low, 5), method="bounded", options={"xatol": 1e-10}).x
    found = fidelity.distance_prox(
        torch.tensor([[u]], dtype=torch.float64), torch.tensor([[y]], dtype=torch.float64), gamma
    )
    assert found.item() == pytest.approx(best, abs=1e-6)


def test_l2_prox_through_the_physics_is_the_dense_solution(physics):
    z, y, gamma = randn(2, 4), randn(2, 5), torch.tensor([0.3, 2.0], dtype=torch.float64)
    a = physics.A(torch.eye(4, dtype=torch.float64)).T
    for i in range(2):
        g = gamma[i] / 0.25
        expected = torch.linalg.solve(torch.eye(4, dtype=torch.float64) + g * a.T @ a, z[i] + g * a.T @ y[i])
        assert torch.allclose(L2(0.5).prox(z, y, physics, gamma)[i], expected, atol=1e-6)


def test_l2_lipschitz_constant_is_the_squared_norm(physics):
    a = physics.A(torch.eye(4, dtype=torch.float64)).T
    expected = torch.linalg.matrix_norm(a, 2) ** 2 / 0.25
    assert float(L2(0.5).lipschitz(randn(1, 5), physics)) == pytest.approx(float(expected), rel=0.05)


def test_norm_of_a_strangers_physics_is_found_from_above():
    a = randn(6, 5)

    class Stranger:
        def A(self, x):
            return x @ a.T

        def A_adjoint(self, y):
            return y @ a

    found = squared_norm(Stranger(), randn(3, 6))
    exact = torch.linalg.matrix_norm(a, 2) ** 2
    assert ((found >= exact) & (found <= 1.05 * exact)).all()


def test_fidelity_follows_from_the_noise():
    class Gaussian:
        level = 0.2

    class PoissonNoise:
        gain = 0.1

    class World:
        def __init__(self, noise_model):
            self.noise_model = noise_model

    assert fidelity_of(World(Gaussian())).sigma == 0.2
    assert fidelity_of(World(PoissonNoise())).gain == 0.1
    assert isinstance(fidelity_of(World(Normal())), Likelihood)
    assert isinstance(fidelity_of(Identity(Space((2,)))), L2)


def test_stacked_measurements_are_tuples():
    y, u = (randn(2, 3), randn(2, 4)), (randn(2, 3, seed=1), randn(2, 4, seed=2))
    flat = [torch.cat(v, 1) for v in (u, y)]
    assert torch.allclose(L2(0.3).distance(u, y), L2(0.3).distance(*flat))
    assert torch.allclose(torch.cat(L2(0.3).distance_prox(u, y, 0.7), 1), L2(0.3).distance_prox(*flat, 0.7))


def test_errors_say_what_to_do():
    op = CircularConvolution(torch.ones(1, 1), (1, 4, 4))
    with pytest.raises(ParameterError, match="must be > 0"):
        L2(0.0)
    with pytest.raises(ParameterError, match="must be ≥ 0"):
        Poisson(background=-1.0)
    with pytest.raises(StructureError, match="Chambolle–Pock"):
        Poisson().prox(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 4, 4), op, 1.0)
    with pytest.raises(StructureError, match="PGD or FISTA"):
        Likelihood(Normal()).distance_prox(0, 0, 1.0)
    with pytest.raises(StructureError, match="step=…"):
        Poisson().lipschitz(torch.ones(1), op)
    with pytest.raises(ParameterError, match="real mean"):
        Poisson().distance(torch.ones(1, 2, dtype=torch.complex64), torch.ones(1, 2))
    with pytest.raises(NotImplementedError, match="write it"):
        Fidelity().distance(0, 0)
    with pytest.raises(NotImplementedError, match="write it"):
        Fidelity().distance_grad(0, 0)
