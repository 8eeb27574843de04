"""Algorithms against closed forms, against each other, and against their proven rates."""

from __future__ import annotations

import pytest
import torch

from wellposed.errors import ConvergenceError, ParameterError
from wellposed.noise import Gaussian
from wellposed.operators import CircularConvolution, Matrix
from wellposed_optim import (
    ADMM,
    FISTA,
    HQS,
    L1,
    L2,
    PGD,
    Box,
    ChambollePock,
    GradientDescent,
    Poisson,
    Tikhonov,
    TotalVariation,
    WaveletL1,
    estimate_noise,
)
from wellposed_optim.algorithms import Algorithm
from wellposed_optim.noise_estimate import noise_level
from wellposed_optim.start import fill_holes, initial_image


def randn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.fixture
def blur():
    kernel = torch.tensor([[0.0, 0.1, 0.0], [0.2, 0.4, 0.1], [0.0, 0.2, 0.0]], dtype=torch.float64)
    return CircularConvolution(kernel, (1, 12, 10))


@pytest.fixture
def y(blur):
    x = torch.zeros(2, 1, 12, 10, dtype=torch.float64)
    x[0, 0, 3:8, 2:6] = 1
    x[1, 0, 5:, 4:] = 0.5
    return blur.A(x) + 0.02 * randn(2, 1, 12, 10)


class Stranger:
    """A physics that inherits nothing."""

    def __init__(self, a):
        self.a = a

    def A(self, x):
        return x @ self.a.T

    def A_adjoint(self, y):
        return y @ self.a


def lasso():
    a = randn(30, 50)
    truth = torch.zeros(1, 50, dtype=torch.float64)
    truth[0, ::10] = 1
    return Stranger(a), truth @ a.T + 0.01 * randn(1, 30, seed=1)


def test_gradient_descent_reaches_the_dense_tikhonov_solution():
    a, weight = randn(6, 4), torch.tensor([0.5, 2.0], dtype=torch.float64)
    y = randn(2, 6)
    x = GradientDescent(weight=weight, max_iterations=3000, tolerance=1e-12)(y, Matrix(a))
    for i in range(2):
        eye = torch.eye(4, dtype=torch.float64)
        assert torch.allclose(x[i], torch.linalg.solve(a.T @ a + weight[i] * eye, a.T @ y[i]), atol=1e-8)


@pytest.mark.parametrize(
    "prior", [TotalVariation(tolerance=1e-8, iterations=300), L1(), WaveletL1("haar", 2)], ids=repr
)
def test_fixed_points_agree_between_algorithms(prior, blur, y):
    weight = 0.01
    common = {"prior": prior, "weight": weight, "tolerance": 0.0}
    found = [
        PGD(**common, max_iterations=300),
        FISTA(**common, max_iterations=300),
        ADMM(**common, max_iterations=150),
        ChambollePock(**common, max_iterations=3000),
    ]
    objectives = torch.stack([m.objective(m(y, blur), y, blur) for m in found])
    assert torch.allclose(objectives, objectives[0].expand_as(objectives), rtol=1e-4)


def test_hqs_with_a_slow_penalty_comes_close(blur, y):
    best = FISTA(weight=0.01, max_iterations=300, tolerance=0.0)
    slow = HQS(weight=0.01, growth=1.02, max_iterations=300)
    ratio = best.objective(slow(y, blur), y, blur) / best.objective(best(y, blur), y, blur)
    assert (ratio < 1.05).all()


def test_ista_and_fista_show_their_rates_on_the_lasso():
    physics, y = lasso()
    common = {"prior": L1(), "weight": 0.1, "tolerance": 0.0}
    best = FISTA(**common, max_iterations=20000).solve(y, physics, history=True).objective.min()
    x0 = torch.zeros(1, 50, dtype=torch.float64)
    constant = float(L2().lipschitz(y, physics))
    x_best = FISTA(**common, max_iterations=20000)(y, physics)
    radius = float((x_best - x0).square().sum())
    k = torch.arange(1, 301, dtype=torch.float64)
    for method, bound in (
        (PGD, constant * radius / (2 * k)),
        (FISTA, 2 * constant * radius / (k + 1) ** 2),
    ):
        result = method(**common, max_iterations=300).solve(y, physics, x0, history=True)
        assert (result.objective[:, 0] - best <= bound + 1e-9).all()


def test_ista_never_increases_the_objective(blur, y):
    result = PGD(prior=L1(), weight=0.02, max_iterations=50, tolerance=0.0).solve(y, blur, history=True)
    assert (result.objective.diff(dim=0) <= 1e-12).all()
    assert result.changes.shape == (50, 2)


def test_chambolle_pock_solves_poisson_problems(blur):
    x = torch.full((1, 1, 12, 10), 2.0, dtype=torch.float64)
    x[..., 4:8, 3:7] = 6
    y = torch.poisson(blur.A(x) / 0.1, generator=torch.Generator().manual_seed(0)) * 0.1
    fidelity = Poisson(0.1)
    slow = ChambollePock(fidelity, Box(), 1.0, prior_step=1.0, max_iterations=5000, tolerance=0.0)
    result = slow(y, blur).clamp(min=0)
    assert fidelity.value(result, y, blur) < fidelity.value(x, y, blur)
    slope = fidelity.grad(result, y, blur)
    assert slope.min() > -0.05
    assert (slope * result).abs().max() < 0.05


def test_a_sample_does_not_depend_on_its_batch(blur, y):
    y = y * torch.tensor([1.0, 0.01], dtype=torch.float64)[:, None, None, None]
    method = FISTA(weight=torch.tensor([0.001, 0.01], dtype=torch.float64), max_iterations=500)
    together = method.solve(y, blur)
    assert together.iterations[0] != together.iterations[1]
    for i in range(2):
        alone = method.replace(weight=method.weight[i]).solve(y[i : i + 1], blur)
        assert alone.iterations == together.iterations[i]
        assert torch.allclose(alone.x, together.x[i : i + 1], atol=1e-12)


def test_result_says_why_it_stopped(blur, y):
    assert FISTA(max_iterations=1000).solve(y, blur).reason == ("converged", "converged")
    assert FISTA(max_iterations=3).solve(y, blur).reason == ("max_iterations", "max_iterations")
    seen = []
    stopped = FISTA().solve(y, blur, callback=lambda k, x: seen.append(k) or k == 4)
    assert seen == [1, 2, 3, 4]
    assert (stopped.iterations == 4).all()


def test_stacked_measurements_are_tuples():
    a, b = randn(5, 4), randn(3, 4, seed=1)

    class Two:
        def A(self, x):
            return x @ a.T, x @ b.T

        def A_adjoint(self, y):
            return y[0] @ a + y[1] @ b

    y = (randn(2, 5, seed=2), randn(2, 3, seed=3))
    common = {"prior": L1(), "weight": 0.1, "max_iterations": 2000, "tolerance": 0.0}
    whole = FISTA(**common)(torch.cat(y, 1), Stranger(torch.cat([a, b])))
    assert torch.allclose(FISTA(**common)(y, Two()), whole, atol=1e-6)
    assert torch.allclose(ChambollePock(**common)(y, Two()), whole, atol=1e-4)


def test_algorithms_are_differentiable_in_the_measurements(blur, y):
    y = y[:1].clone().requires_grad_()
    method = FISTA(prior=WaveletL1("haar", 1), weight=0.01, max_iterations=5)
    assert torch.autograd.gradcheck(lambda v: method(v, blur).sum(), (y,))


def test_non_finite_numbers_never_leave(blur, y):
    with pytest.raises(ConvergenceError, match="step is too large"):
        PGD(prior=Tikhonov(), weight=0.0, step=1e3, max_iterations=2000)(y, blur)
    with pytest.raises(ConvergenceError, match="NaNs"):
        FISTA(weight=0.1)(y * torch.nan, blur)


def test_errors_say_what_to_do(blur, y):
    with pytest.raises(ParameterError, match="weight = -1"):
        FISTA(weight=-1.0)
    with pytest.raises(ParameterError, match="must be ≥ 1"):
        FISTA(max_iterations=0)
    with pytest.raises(ParameterError, match="growth"):
        HQS(growth=0.5)
    with pytest.raises(ParameterError, match="no automatic weight"):
        ChambollePock(Poisson())(y.abs(), blur)
    with pytest.raises(ParameterError, match="is the operator zero"):
        FISTA(weight=0.1)(y[:, 0, 0], Stranger(torch.zeros(10, 4, dtype=torch.float64)))
    with pytest.raises(NotImplementedError, match="write it"):
        Algorithm()(y, blur)


def test_noise_level_comes_from_the_physics_or_the_data():
    y = 0.05 * randn(2, 1, 64, 64) * torch.tensor([1.0, 2.0], dtype=torch.float64)[:, None, None, None]
    assert torch.allclose(estimate_noise(y), torch.tensor([0.05, 0.1], dtype=torch.float64), rtol=0.1)
    assert torch.allclose(
        estimate_noise(torch.complex(y, y)), torch.tensor([0.05, 0.1], dtype=torch.float64), rtol=0.1
    )

    class World:
        noise_model = Gaussian(0.3)

    assert torch.allclose(noise_level(y, World()), torch.full((2,), 0.3, dtype=torch.float64))
    assert (noise_level(0 * y, object()) == 1e-3).all()


def test_start_fills_what_was_not_measured():
    mask = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    mask[..., ::3, ::3] = 1

    class Masked:
        def A(self, x):
            return mask * x

        A_adjoint = A

    x = initial_image(mask * 0.7, Masked())
    assert torch.allclose(x, torch.full_like(x, 0.7))
    assert (fill_holes(torch.zeros(1, 1, 3, 3), torch.zeros(1, 1, 3, 3, dtype=torch.bool)) == 0).all()
