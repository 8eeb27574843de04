"""The losses on the core's own operators, forward models, noise and transforms."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from train_doubles import generator, normal, uniform

from wellposed.forward import ForwardModel
from wellposed.noise import Gaussian
from wellposed.operators.matrix import Matrix
from wellposed.operators.multiply import Mask
from wellposed.transforms import CyclicShifts, Flips, Rotations, Rotations90
from wellposed_train import EquivariantImaging, MonteCarloSURE, Splitting
from wellposed_train.losses.masking import masked, observed_entries


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_sure_means_the_sigma_of_our_noise(dtype: torch.dtype) -> None:
    sigma, draws = 0.3, 4000
    physics = ForwardModel(Matrix(normal(5, 3, seed=1, dtype=dtype)), Gaussian(sigma))
    x = normal(1, 3, seed=2, dtype=dtype).expand(draws, 3)
    y = physics(x, generator=generator())

    def model(y: Tensor, physics: Any) -> Tensor:
        return 0.2 * physics.A_adjoint(y)

    x_hat = model(y, physics)
    estimate = MonteCarloSURE(sigma)(x_hat, None, y, physics, model, generator=generator(1))
    difference = estimate - (physics.A(x_hat) - physics.A(x)).abs().square().mean(1)
    assert abs(difference.mean().item()) < 4 * difference.std().item() / draws**0.5


@pytest.mark.parametrize("transform", [Flips(), CyclicShifts(), Rotations90(), Rotations()], ids=repr)
def test_equivariant_imaging_over_the_groups_of_the_core(transform: Any) -> None:
    mask = (uniform(1, 8, 8) < 0.5).double()
    x = uniform(3, 1, 8, 8)
    loss = EquivariantImaging(transform)
    arguments = (None, None, Mask(mask, (1, 8, 8)), lambda y, p: p.A_adjoint(y))
    value = loss(x, *arguments, generator=generator())
    torch.testing.assert_close(value[:2], loss(x[:2], *arguments, generator=generator()))
    assert bool((value > 0).all())
    full = Mask(torch.ones(1, 8, 8, dtype=torch.float64))
    assert loss(x, None, None, full, lambda y, p: y, generator=generator()).max() == 0


def test_splitting_keeps_the_noise_and_the_structure_of_a_forward_model() -> None:
    mask = (uniform(1, 6, 6) < 0.7).double()
    physics = ForwardModel(Mask(mask), Gaussian(0.1))
    y = physics(uniform(3, 1, 6, 6), generator=generator()) * mask
    assert torch.equal(observed_entries(physics, y), mask.expand_as(y))
    seen, held_out = Splitting(0.5).split(y, physics, generator())
    assert torch.equal(seen + held_out, mask.expand_as(y))
    inner = masked(physics, seen)
    assert isinstance(inner, ForwardModel)
    assert inner.noise_model is physics.noise
    torch.testing.assert_close(inner.A_dagger(y), seen * y)
    value = Splitting(0.5)(None, None, y, physics, lambda y, p: p.A_dagger(y), generator=generator())
    torch.testing.assert_close(value, (held_out * y.square()).flatten(1).sum(1) / held_out.flatten(1).sum(1))


def test_a_mask_that_is_not_of_the_measurements_is_ignored() -> None:
    y = normal(2, 5)

    class Support:
        mask = torch.zeros(7, 7)

    assert torch.equal(observed_entries(Support(), y), torch.ones_like(y))
