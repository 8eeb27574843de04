from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from train_doubles import IdentityPhysics, Rolls, generator, normal, uniform

from wellposed.errors import ParameterError, SpaceError
from wellposed_train import (
    EquivariantImaging,
    MeasurementConsistency,
    MonteCarloSURE,
    Splitting,
    SplittingAverage,
    SupervisedL1,
    SupervisedL2,
    adapt,
    call_loss,
)


def halve(y: Tensor, physics: Any) -> Tensor:
    return 0.5 * y


X = uniform(3, 1, 4, 4)
Y = X + 0.1 * normal(3, 1, 4, 4)
PHYSICS = IdentityPhysics()
GIVEN: dict[str, Any] = {"x_hat": halve(Y, PHYSICS), "x": X, "y": Y, "physics": PHYSICS, "model": halve}


@pytest.mark.parametrize(
    "loss",
    [
        SupervisedL1(),
        SupervisedL2(),
        MeasurementConsistency(),
        MonteCarloSURE(0.1),
        EquivariantImaging(Rolls(4)),
        Splitting(),
    ],
    ids=repr,
)
def test_our_losses_are_called_as_they_are(loss: Any) -> None:
    direct = loss(*GIVEN.values(), generator=generator(3)) if "model" in loss.uses else loss(*GIVEN.values())
    assert torch.equal(call_loss(loss, **GIVEN, generator=generator(3)), direct)


def test_losses_of_torch_and_plain_functions() -> None:
    mse = nn.functional.mse_loss(GIVEN["x_hat"], X)
    for loss in (nn.MSELoss(), nn.functional.mse_loss):
        assert torch.equal(call_loss(loss, **GIVEN), mse.expand(3))
    five = call_loss(lambda a, b, c, d, e: (a - b).flatten(1).mean(1) + 0 * c.sum() + (d is PHYSICS), **GIVEN)
    torch.testing.assert_close(five, (GIVEN["x_hat"] - X).flatten(1).mean(1) + 1)
    torch.testing.assert_close(
        call_loss(lambda y, x_net: (y - x_net).flatten(1).sum(1), **GIVEN),
        five * 0 + (Y / 2).flatten(1).sum(1),
    )
    everything: dict[str, Any] = {}
    call_loss(lambda **kwargs: everything.update(kwargs) or torch.zeros(3), **GIVEN)
    assert sorted(everything) == ["model", "physics", "x", "x_net", "y"]


def test_a_loss_may_need_only_measurements() -> None:
    assert call_loss(lambda y: y.flatten(1).sum(1), y=Y).shape == (3,)
    with pytest.raises(ParameterError, match="needs x_hat, x or y"):
        call_loss(lambda model: torch.zeros(1), model=halve)


def test_what_cannot_be_called_is_refused() -> None:
    def strange(x_hat: Tensor, epoch: int) -> Tensor:
        return x_hat * epoch

    with pytest.raises(ParameterError, match="strange asks for epoch, which losses are not given"):
        call_loss(strange, **GIVEN)
    with pytest.raises(
        SpaceError, match=r"returned shape \(3, 1, 4, 4\), but one value per sample is \(3,\)"
    ):
        call_loss(nn.MSELoss(reduction="none"), **GIVEN)


def test_adapt_asks_the_loss() -> None:
    assert adapt(SupervisedL2(), halve) is halve
    assert isinstance(adapt(Splitting(), halve), SplittingAverage)

    class Foreign:
        def adapt_model(self, model: Any) -> str:
            return "adapted"

    assert adapt(Foreign(), halve) == "adapted"
