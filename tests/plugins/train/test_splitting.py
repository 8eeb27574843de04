from __future__ import annotations

import copy
import pickle
from typing import Any

import attrs
import pytest
import torch
from torch import Tensor, nn
from train_doubles import IdentityPhysics, MatrixPhysics, PairPhysics, generator, normal, uniform

from wellposed.errors import ImmutableError, ParameterError, SpaceError
from wellposed.operators import LinearOperator
from wellposed.operators.matrix import Matrix
from wellposed.protocols import LinearPhysics
from wellposed_train import Splitting, SplittingAverage
from wellposed_train.losses.masking import masked


@attrs.frozen(eq=False)
class Masked:
    """Inpainting by shape: y = mask · x."""

    mask: Tensor

    def A(self, x: Tensor) -> Tensor:
        return self.mask * x

    __call__ = A_adjoint = A


class Gain(nn.Module):
    """x = gain · A*y."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(1.5, dtype=torch.float64))

    def forward(self, y: Tensor, physics: Any) -> Tensor:
        return self.gain * physics.A_adjoint(y)


def test_both_masks_partition_the_measurements_in_the_asked_ratio() -> None:
    y = normal(5, 3, 4, 5)
    seen, held_out = Splitting(0.7).split(y, IdentityPhysics(), generator())
    assert torch.equal(seen + held_out, torch.ones_like(y))
    assert torch.equal(seen, seen.square())
    assert seen[:, 0].flatten(1).sum(1).tolist() == [14.0] * 5
    assert torch.equal(seen, seen[:, :1].expand_as(seen))
    assert not torch.equal(seen[0], seen[1])


def test_channels_split_on_their_own_on_request_and_flat_measurements_always() -> None:
    y = normal(2, 3, 4, 5)
    seen, _ = Splitting(0.5, pixelwise=False).split(y, IdentityPhysics(), generator())
    assert seen.flatten(1).sum(1).tolist() == [30.0, 30.0]
    assert not torch.equal(seen, seen[:, :1].expand_as(seen))
    flat, _ = Splitting(0.5).split(y.flatten(1), IdentityPhysics(), generator())
    assert flat.sum(1).tolist() == [30.0, 30.0]


def test_unmeasured_entries_belong_to_neither_part() -> None:
    mask = (uniform(1, 1, 4, 5) < 0.6).double()
    y = mask * normal(3, 2, 4, 5)
    seen, held_out = Splitting(0.5).split(y, Masked(mask), generator())
    assert torch.equal(seen + held_out, mask.expand_as(y))
    assert (seen[:, 0].flatten(1).sum(1) / mask.sum()).tolist() == pytest.approx([0.5] * 3, abs=0.06)


def test_every_entry_is_seen_as_often_as_the_ratio_says() -> None:
    seen, _ = Splitting(0.75).split(normal(4000, 8), IdentityPhysics(), generator())
    torch.testing.assert_close(seen.mean(0), torch.full((8,), 0.75, dtype=torch.float64), atol=0.03, rtol=0)


@pytest.mark.parametrize("ratio", [0.001, 0.999])
def test_both_parts_keep_at_least_one_entry(ratio: float) -> None:
    seen, held_out = Splitting(ratio).split(normal(3, 4), IdentityPhysics(), generator())
    assert seen.sum(1).min() >= 1
    assert held_out.sum(1).min() >= 1


def test_loss_is_its_formula() -> None:
    physics = MatrixPhysics(normal(6, 4, seed=3), (4,))
    y = normal(3, 6, seed=4)
    loss = Splitting(0.5)
    value = loss(None, None, y, physics, Gain(), generator=generator(2))
    seen, held_out = loss.split(y, physics, generator(2))
    for i in range(3):
        rows = seen[i].bool()
        estimate = 1.5 * physics.matrix[rows].T @ y[i, rows]
        expected = (physics.matrix[~rows] @ estimate - y[i, ~rows]).square().mean()
        torch.testing.assert_close(value[i], expected)
    assert torch.equal(held_out.bool(), ~seen.bool())


def test_held_out_measurements_do_not_reach_the_model() -> None:
    y = normal(2, 1, 4, 4).requires_grad_()
    loss = Splitting(0.5)
    seen, _ = loss.split(y, IdentityPhysics(), generator())
    reconstruction: list[Tensor] = []

    def model(y: Tensor, physics: Any) -> Tensor:
        reconstruction.append(physics.A_adjoint(y))
        return reconstruction[0]

    loss(None, None, y, IdentityPhysics(), model, generator=generator())
    (gradient,) = torch.autograd.grad(reconstruction[0].sum(), y)
    assert torch.equal(gradient, seen)


def test_expected_loss_is_the_error_on_held_out_entries_plus_the_noise() -> None:
    sigma, draws = 0.3, 4000
    physics = MatrixPhysics(normal(6, 4, seed=3), (4,))
    clean = physics.A(uniform(1, 4)).expand(draws, 6)
    y = clean + sigma * normal(draws, 6)
    loss, model = Splitting(0.7), Gain()
    value = loss(None, None, y, physics, model, generator=generator(1)).detach()
    seen, held_out = loss.split(y, physics, generator(1))
    estimate = physics.A(model(seen * y, MatrixPhysics(physics.matrix, (4,)))).detach()
    error = (held_out * (estimate - clean).square()).sum(1) / held_out.sum(1)
    difference = value - error - sigma**2
    assert abs(difference.mean().item()) < 4 * difference.std().item() / draws**0.5


def test_operators_of_the_algebra_and_foreign_physics_are_masked_alike() -> None:
    matrix = normal(6, 4, seed=3)
    ours, foreign = Matrix(matrix), MatrixPhysics(matrix, (4,))
    y, z = normal(3, 6, seed=1), normal(3, 4, seed=2)
    seen, _ = Splitting(0.7).split(y, foreign, generator())
    a, b = masked(ours, seen), masked(foreign, seen)
    assert isinstance(a, LinearOperator)
    assert isinstance(b, LinearPhysics)
    for name, arguments in {
        "A": (z,),
        "A_adjoint": (y,),
        "A_dagger": (y,),
        "prox_l2": (z, y, 0.7),
        "__call__": (z,),
    }.items():
        first, second = (getattr(op, name)(*arguments) for op in (a, b))
        torch.testing.assert_close(first, second, atol=1e-6, rtol=1e-6)
    for i in range(3):
        rows = seen[i].bool()
        expected = torch.linalg.pinv(matrix[rows]) @ y[i, rows]
        torch.testing.assert_close(b.A_dagger(y)[i], expected, atol=1e-6, rtol=1e-6)
    assert b.noise_model is None


def test_adapted_model_averages_reproducibly_and_is_not_wrapped_twice() -> None:
    loss = Splitting(0.5, samples=3, seed=4)
    model = Gain()
    adapted = loss.adapt(model)
    y = normal(2, 1, 4, 4)
    once = adapted(y, IdentityPhysics())
    assert torch.equal(once, adapted(y, IdentityPhysics()))
    assert torch.equal(once[:1], adapted(y[:1], IdentityPhysics()))
    source = generator(4)
    seen = torch.stack([loss.split(y, IdentityPhysics(), source)[0] for _ in range(3)]).mean(0)
    torch.testing.assert_close(once, 1.5 * seen * y)
    assert loss.adapt(adapted) is adapted
    assert list(dict(adapted.named_parameters())) == ["model.gain"]
    values = [loss(None, None, y, IdentityPhysics(), m, generator=generator()) for m in (model, adapted)]
    assert torch.equal(*values)


def test_adapted_model_is_immutable_and_travels() -> None:
    adapted = Splitting().adapt(Gain())
    assert isinstance(adapted, SplittingAverage)
    with pytest.raises(ImmutableError, match="splitting cannot be rebound"):
        adapted.splitting = Splitting(0.5)
    y = normal(2, 1, 4, 4)
    for other in (copy.deepcopy(adapted), pickle.loads(pickle.dumps(adapted))):
        assert torch.equal(other(y, IdentityPhysics()), adapted(y, IdentityPhysics()))
    assert adapted.replace(splitting=Splitting(0.5)).splitting.ratio == 0.5


def test_what_cannot_be_split_is_refused() -> None:
    x = uniform(2, 1, 4)
    with pytest.raises(SpaceError, match=r"splits one tensor .* but y is a tuple"):
        Splitting()(None, None, PairPhysics().A(x), PairPhysics(), Gain())
    with pytest.raises(ParameterError, match="sample 0 has 1 measured entries, but both parts need one"):
        Splitting()(None, None, normal(2, 1), IdentityPhysics(), Gain())
