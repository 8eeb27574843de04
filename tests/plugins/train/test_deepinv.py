"""deepinv's losses and metrics run unchanged, and where the definitions agree so do the values."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peers import import_deepinv
from torch import Tensor, nn
from train_doubles import generator, uniform

from wellposed.protocols import Loss, Metric
from wellposed_train import (
    MAE,
    MSE,
    NMSE,
    PSNR,
    SSIM,
    MeasurementConsistency,
    MonteCarloSURE,
    Splitting,
    SupervisedL1,
    SupervisedL2,
    adapt,
    call_loss,
)

pytestmark = pytest.mark.filterwarnings("ignore")  # deepinv's own


class Pseudo(nn.Module):
    """R(y) = gain · A*y."""

    def __init__(self, gain: float = 0.9) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain, dtype=torch.float64))

    def forward(self, y: Tensor, physics: Any, **kwargs: Any) -> Tensor:
        return self.gain * physics.A_adjoint(y)


@pytest.fixture
def given() -> dict[str, Any]:
    dinv = import_deepinv()
    mask = (uniform(1, 1, 12, 14, seed=3) < 0.7).double()
    physics = dinv.physics.Inpainting((1, 12, 14), mask=mask, noise_model=dinv.physics.GaussianNoise(0.05))
    physics = physics.to(torch.float64)
    x = uniform(3, 1, 12, 14)
    y = physics(x)
    model = Pseudo()
    return {"x_hat": model(y, physics), "x": x, "y": y, "physics": physics, "model": model}


def test_supervised_and_consistency(given: dict[str, Any]) -> None:
    dinv = import_deepinv()
    for ours, theirs in (
        (SupervisedL2(), dinv.loss.SupLoss(metric=dinv.metric.MSE())),
        (SupervisedL1(), dinv.loss.SupLoss(metric=dinv.metric.MAE())),
        (MeasurementConsistency(), dinv.loss.MCLoss(metric=dinv.metric.MSE())),
    ):
        torch.testing.assert_close(call_loss(ours, **given), call_loss(theirs, **given))
        assert isinstance(theirs, Loss)
    average = call_loss(dinv.loss.SupLoss(), **given)
    torch.testing.assert_close(average, SupervisedL2()(given["x_hat"], given["x"]).mean().expand(3))


def test_sure_agrees_on_average_over_the_probes(given: dict[str, Any]) -> None:
    dinv = import_deepinv()
    many = {k: v.detach().repeat(500, 1, 1, 1) if isinstance(v, Tensor) else v for k, v in given.items()}
    theirs = call_loss(dinv.loss.SureGaussianLoss(sigma=0.3, rng=generator()), **many)
    ours = call_loss(MonteCarloSURE(sigma=0.3), **many, generator=generator())
    spread = theirs.std().item() / len(theirs) ** 0.5
    assert theirs.mean().item() == pytest.approx(ours.mean().item(), abs=4 * spread)
    assert ours.reshape(500, 3).std(0).max() < theirs.reshape(500, 3).std(0).min()


def test_splitting_is_theirs_for_the_same_masks(given: dict[str, Any]) -> None:
    dinv = import_deepinv()
    loss = Splitting(0.6)
    seen, _ = loss.split(given["y"], given["physics"], generator(5))
    value = loss(None, None, given["y"], given["physics"], given["model"], generator=generator(5))

    class Fixed:
        def step(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
            return {"mask": seen[i : i + 1]}

    for i in range(3):
        theirs = dinv.loss.SplittingLoss(mask_generator=Fixed())
        adapted = adapt(theirs, given["model"]).train()
        one = given | {"x": given["x"][i : i + 1], "y": given["y"][i : i + 1], "model": adapted}
        one["x_hat"] = adapted(one["y"], one["physics"], update_parameters=True)
        torch.testing.assert_close(call_loss(theirs, **one), value[i : i + 1])


def test_equivariant_imaging_runs_and_differentiates(given: dict[str, Any]) -> None:
    dinv = import_deepinv()
    loss = dinv.loss.EILoss(dinv.transform.Shift())
    value = call_loss(loss, **given)
    assert value.shape == (3,)
    value.mean().backward()
    assert given["model"].gain.grad.isfinite()


def test_our_losses_run_on_their_physics(given: dict[str, Any]) -> None:
    from wellposed.transforms import Flips
    from wellposed_train import EquivariantImaging

    for loss in (EquivariantImaging(Flips()), EquivariantImaging(Flips(), noise=True), Splitting(0.5)):
        value = call_loss(loss, **given, generator=generator())
        assert value.shape == (3,)
        assert bool((value > 0).all())


def test_metrics_agree(given: dict[str, Any]) -> None:
    dinv = import_deepinv()
    x_hat, x = given["x_hat"].detach(), given["x"]
    for ours, theirs in (
        (MAE(), dinv.metric.MAE()),
        (MSE(), dinv.metric.MSE()),
        (NMSE(), dinv.metric.NMSE()),
        (PSNR(), dinv.metric.PSNR()),
    ):
        assert isinstance(theirs, Metric)
        torch.testing.assert_close(ours(x_hat, x), theirs(x_hat, x), atol=1e-5, rtol=1e-5)
    # Theirs counts windows that cross the border too, over reflected pixels.
    padded = (nn.functional.pad(t, (5, 5, 5, 5), mode="reflect") for t in (x_hat, x))
    torch.testing.assert_close(SSIM()(*padded), dinv.metric.SSIM()(x_hat, x), atol=1e-6, rtol=0)
