from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from train_doubles import IdentityPhysics, MatrixPhysics, PairPhysics, Rolls, generator, normal, uniform

from wellposed.errors import ParameterError, SpaceError
from wellposed.protocols import Loss
from wellposed_train import (
    EquivariantImaging,
    MeasurementConsistency,
    MonteCarloSURE,
    Splitting,
    SupervisedL1,
    SupervisedL2,
)

ALL = [
    SupervisedL1(),
    SupervisedL2(),
    MeasurementConsistency(),
    MonteCarloSURE(sigma=0.1),
    EquivariantImaging(Rolls(6)),
    EquivariantImaging(Rolls(6), detach=True),
    Splitting(0.6),
]
RANDOM = [loss for loss in ALL if not isinstance(loss, SupervisedL1 | SupervisedL2 | MeasurementConsistency)]


def problem(batch: int = 4) -> tuple[MatrixPhysics, Tensor, Tensor, Any, Tensor]:
    """A wide matrix, a truth, its measurements, a nonlinear model with a weight, and the weight."""
    physics = MatrixPhysics(normal(5, 6, seed=7), (1, 1, 6))
    x = uniform(batch, 1, 1, 6)
    weight = torch.ones((), dtype=torch.float64, requires_grad=True)

    def model(y: Tensor, p: Any) -> Tensor:
        return torch.tanh(weight * p.A_adjoint(y))

    return physics, x, physics.A(x) + 0.1 * normal(batch, 5, seed=9), model, weight


def evaluate(loss: Any, arguments: tuple[Any, ...], seed: int = 0) -> Tensor:
    random = loss in RANDOM
    value: Tensor = loss(*arguments, generator=generator(seed)) if random else loss(*arguments)
    return value


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_each_sample_is_judged_alone_and_only_by_what_the_loss_uses(loss: Any) -> None:
    physics, x, y, model, _ = problem()
    given = {"x_hat": model(y, physics), "x": x, "y": y, "physics": physics, "model": model}
    used = {name: value if name in loss.uses else None for name, value in given.items()}
    value = evaluate(loss, tuple(used.values()))
    assert isinstance(loss, Loss)
    assert value.shape == (4,)
    assert torch.equal(value, evaluate(loss, tuple(given.values())))
    first = {k: v[:2] if isinstance(v, Tensor) else v for k, v in used.items()}
    torch.testing.assert_close(evaluate(loss, tuple(first.values())), value[:2])


@pytest.mark.parametrize("loss", RANDOM, ids=repr)
def test_randomness_comes_from_the_generator_alone(loss: Any) -> None:
    physics, x, y, model, _ = problem()
    arguments = (model(y, physics), x, y, physics, model)
    state = torch.get_rng_state()
    one, again, other = (evaluate(loss, arguments, seed) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(0)
    default = loss(*arguments)
    torch.manual_seed(0)
    assert torch.equal(loss(*arguments), default)


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_gradients_reach_the_model(loss: Any) -> None:
    physics, x, y, model, weight = problem()
    evaluate(loss, (model(y, physics), x, y, physics, model)).sum().backward()
    assert weight.grad is not None
    assert weight.grad.isfinite()
    assert weight.grad != 0


@pytest.mark.parametrize("loss", ALL, ids=repr)
def test_nothing_is_changed(loss: Any) -> None:
    physics, x, y, model, _ = problem()
    x_hat = model(y, physics).detach()
    kept = [t.clone() for t in (x_hat, x, y)]
    evaluate(loss, (x_hat, x, y, physics, model))
    assert all(torch.equal(a, b) for a, b in zip((x_hat, x, y), kept, strict=True))
    with pytest.raises(AttributeError):
        loss.uses = ()


@pytest.mark.parametrize("loss", [loss for loss in ALL if loss.zero_at_truth], ids=repr)
def test_zero_at_the_truth_with_a_model_that_inverts(loss: Any) -> None:
    physics = MatrixPhysics(torch.eye(6, dtype=torch.float64) + 0.1 * normal(6, 6), (1, 1, 6))
    x = uniform(3, 1, 1, 6)
    value = evaluate(loss, (x, x, physics.A(x), physics, lambda y, p: p.A_dagger(y)))
    torch.testing.assert_close(value, torch.zeros(3, dtype=torch.float64), atol=1e-24, rtol=0)


def test_supervised_losses_are_their_formulas() -> None:
    for dtype in (torch.float64, torch.complex128):
        a, b = normal(3, 2, 4, 4, dtype=dtype), normal(3, 2, 4, 4, seed=1, dtype=dtype)
        error = np.abs((a - b).numpy()).reshape(3, -1)
        np.testing.assert_allclose(SupervisedL1()(a, b), error.mean(1), rtol=1e-12)
        np.testing.assert_allclose(SupervisedL2()(a, b), (error**2).mean(1), rtol=1e-12)
    with pytest.raises(SpaceError, match=r"SupervisedL2 compares tensors .* x is a NoneType"):
        SupervisedL2()(a, None)
    with pytest.raises(SpaceError, match="SupervisedL1 needs equal shapes"):
        SupervisedL1()(a, b[:1])


def test_consistency_averages_over_all_measurements_together() -> None:
    x, physics = uniform(2, 1, 1, 6), PairPhysics()
    y = (x + 1, 2 * x[..., :2] + 3)
    expected = torch.full((2,), (6 * 1.0 + 2 * 9.0) / 8, dtype=torch.float64)
    torch.testing.assert_close(MeasurementConsistency()(x, None, y, physics), expected)
    torch.testing.assert_close(MeasurementConsistency()(x, None, list(y), physics), expected)
    with pytest.raises(SpaceError, match="returns 2 measurements, but y holds 1"):
        MeasurementConsistency()(x, None, x, physics)
    with pytest.raises(SpaceError, match=r"\(A\(x_hat\) against y\) needs equal shapes"):
        MeasurementConsistency()(x, None, x[..., :3], IdentityPhysics())
    with pytest.raises(SpaceError, match="measurements are tensors or sequences of them, not a float"):
        MeasurementConsistency()(x, None, 1.0, IdentityPhysics())


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_sure_with_a_linear_model_is_steins_formula_on_average_over_probes(dtype: torch.dtype) -> None:
    sigma, draws = 0.3, 4000
    physics = MatrixPhysics(normal(4, 3, seed=2, dtype=dtype), (3,))
    inverse = normal(3, 4, seed=3, dtype=dtype)
    y = normal(1, 4, seed=5, dtype=dtype).expand(draws, 4)

    def model(y: Tensor, physics: Any) -> Tensor:
        return y @ inverse.T

    value = MonteCarloSURE(sigma)(model(y, physics), None, y, physics, model, generator=generator())
    hat = (physics.matrix @ inverse).numpy()
    residual = np.mean(np.abs(hat @ y[0].numpy() - y[0].numpy()) ** 2)
    variance = sigma**2 * (2 if dtype.is_complex else 1)
    exact = residual - variance + 2 * variance * np.trace(hat).real / 4
    assert value.mean().item() == pytest.approx(exact, abs=4 * value.std().item() / draws**0.5)
    assert value.std().item() > 0


def test_sure_of_a_diagonal_model_needs_no_average() -> None:
    y = normal(3, 8)
    value = MonteCarloSURE(0.5)(0.7 * y, None, y, IdentityPhysics(), lambda y, p: 0.7 * y)
    exact = 0.09 * y.square().mean(1) - 0.25 + 2 * 0.25 * 0.7
    torch.testing.assert_close(value, exact)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_sure_is_unbiased_for_the_error_in_measurement_space(dtype: torch.dtype) -> None:
    sigma, draws = 0.2, 20000
    physics = MatrixPhysics(normal(6, 4, seed=2, dtype=dtype), (4,))
    clean = physics.A(normal(1, 4, seed=4, dtype=dtype))
    unit = 2**0.5 if dtype.is_complex else 1  # torch's complex normal has variance 1 in both parts together
    y = clean + sigma * unit * normal(draws, 6, seed=6, dtype=dtype)

    def model(y: Tensor, physics: Any) -> Tensor:
        estimate = y @ torch.linalg.pinv(physics.matrix).T
        return estimate * estimate.abs() / (0.3 + estimate.abs())

    x_hat = model(y, physics)
    estimate = MonteCarloSURE(sigma, tau=1e-4)(x_hat, None, y, physics, model, generator=generator())
    error = (physics.A(x_hat) - clean).abs().square().mean(1)
    difference = estimate - error
    spread = difference.std().item() / draws**0.5
    assert abs(difference.mean().item()) < 4 * spread
    assert spread < 0.02 * error.mean().item()


def test_sure_of_several_measurements() -> None:
    x, sigma = uniform(5000, 1, 1, 4), 0.1
    physics = PairPhysics()
    clean = physics.A(x)
    y = tuple(part + sigma * normal(*part.shape, seed=i + 1) for i, part in enumerate(clean))

    def model(y: Any, physics: Any) -> Tensor:
        return torch.cat([(y[0][..., :2] + 2 * y[1]) / 5, y[0][..., 2:]], -1)

    x_hat = model(y, physics)
    estimate = MonteCarloSURE(sigma)(x_hat, x, y, physics, model, generator=generator())
    error = (
        sum(((a - b).square().flatten(1).sum(1) for a, b in zip(physics.A(x_hat), clean, strict=True)), 0) / 6
    )
    difference = estimate - error
    assert abs(difference.mean().item()) < 4 * difference.std().item() / 5000**0.5


def test_equivariant_imaging_vanishes_for_an_equivariant_inverse_and_sees_the_null_space() -> None:
    x = uniform(4, 1, 1, 6)
    loss = EquivariantImaging(Rolls(6))
    shift = MatrixPhysics(torch.eye(6, dtype=torch.float64).roll(2, 0), (1, 1, 6))
    exact = loss(x, None, None, shift, lambda y, p: p.A_dagger(y), generator=generator())
    torch.testing.assert_close(exact, torch.zeros(4, dtype=torch.float64), atol=1e-28, rtol=0)
    crop = MatrixPhysics(torch.eye(6, dtype=torch.float64)[:3], (1, 1, 6))
    blind = crop.A_adjoint(crop.A(x))
    assert MeasurementConsistency()(blind, None, crop.A(x), crop).max() == 0
    value = loss(blind, None, None, crop, lambda y, p: p.A_adjoint(y), generator=generator(3))
    assert value.max() > 0.01


def test_equivariant_imaging_draws_one_element_per_sample_and_is_its_formula() -> None:
    physics, x, _, model, _ = problem()
    loss = EquivariantImaging(Rolls(6))
    seen = []

    def watched(y: Tensor, p: Any) -> Tensor:
        seen.append(y)
        return model(y, p)

    value = loss(x, None, None, physics, watched, generator=generator(5))
    for i in range(4):
        candidates = [x[i : i + 1].roll(k, -1) for k in range(6)]
        matches = [t for t in candidates if torch.allclose(physics.A(t)[0], seen[0][i])]
        assert len(matches) == 1
        expected = (model(physics.A(matches[0]), physics) - matches[0]).square().mean()
        torch.testing.assert_close(value[i], expected)


def test_equivariant_imaging_with_noise_draws_it_from_the_generator() -> None:
    _, x, _, model, _ = problem()
    physics = MatrixPhysics(normal(5, 6, seed=7), (1, 1, 6), sigma=0.2)
    arguments = (x, None, None, physics, model)
    clean, noisy = (EquivariantImaging(Rolls(6), noise=flag) for flag in (False, True))
    first = noisy(*arguments, generator=generator())
    assert torch.equal(first, noisy(*arguments, generator=generator()))
    assert not torch.allclose(first, clean(*arguments, generator=generator()))


def test_equivariant_imaging_stops_gradients_at_its_target_on_request() -> None:
    physics, x, _, model, weight = problem()
    x_hat = x.clone().requires_grad_()
    EquivariantImaging(Rolls(6), detach=True)(x_hat, None, None, physics, model).sum().backward()
    assert x_hat.grad is None
    assert weight.grad is not None


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: MonteCarloSURE(sigma=-1), "sigma is -1, but a standard deviation is ≥ 0"),
        (lambda: MonteCarloSURE(sigma=1, tau=0), "tau is 0, but a step is positive"),
        (lambda: EquivariantImaging(torch.flip), "has no sample and no act; a Transform has"),
        (lambda: Splitting(1.0), r"ratio is 1.0, but a share of the entries is in \(0, 1\)"),
        (lambda: Splitting(samples=0), "samples is 0, but an average needs at least one"),
    ],
)
def test_impossible_parameters_are_refused(build: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        build()
