"""Objects of deepinv 0.5 fit our protocols by shape and run in our pipelines unchanged, and ours in its."""

from __future__ import annotations

import pytest
import torch
from peers import import_deepinv

import wellposed
from wellposed import ForwardModel, Space
from wellposed.noise import Gaussian
from wellposed.protocols import Denoiser, LinearPhysics, Loss, Metric, Physics, Reconstructor
from wellposed_deblurring import blur, gaussian_kernel
from wellposed_train import call_loss

pytestmark = pytest.mark.filterwarnings("ignore")  # deepinv's own warnings are not ours to mend


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def deepinv():
    return import_deepinv()


@pytest.fixture(scope="module")
def physics(deepinv):
    return {
        "Blur": deepinv.physics.Blur(filter=gaussian_kernel(1.0, size=5)[None, None], padding="circular"),
        "MRI": deepinv.physics.MRI(mask=(torch.rand(1, 2, 16, 16) > 0.5).float(), img_size=(2, 16, 16)),
        "Tomography": deepinv.physics.Tomography(angles=8, img_width=16, adjoint_via_backprop=True),
    }


DOMAINS = {"Blur": (1, 16, 16), "MRI": (2, 16, 16), "Tomography": (1, 16, 16)}


@pytest.mark.parametrize("name", DOMAINS)
def test_physics_fit_and_solve(physics, name):
    foreign = physics[name]
    assert isinstance(foreign, Physics)
    assert isinstance(foreign, LinearPhysics)
    x = torch.rand(2, *DOMAINS[name])
    y = foreign.A(x)
    estimate = wellposed.registry.create("optim.fista", weight=1e-3, max_iterations=50)(y, foreign)
    assert estimate.shape == x.shape
    zero = torch.zeros_like(x)
    assert (foreign.A(estimate) - y).norm() < 0.5 * (foreign.A(zero) - y).norm()


@pytest.mark.parametrize("name", DOMAINS)
def test_physics_join_the_algebra(physics, name):
    op = wellposed.as_operator(physics[name], Space(DOMAINS[name], torch.float32))
    scaled = 2 * op @ wellposed.Identity(op.domain)
    x = torch.rand(1, *DOMAINS[name])
    torch.testing.assert_close(scaled(x), 2 * physics[name].A(x))
    assert wellposed.norm(scaled, tol=1e-3) == pytest.approx(2 * wellposed.norm(op, tol=1e-3), rel=1e-2)


def test_blur_agrees_with_ours(physics):
    """deepinv's Blur convolves as well: same kernel, same boundary, same numbers and same proximal point."""
    ours, theirs = blur(gaussian_kernel(1.0, size=5), (1, 16, 16), "circular"), physics["Blur"]
    x, z = torch.rand(2, 1, 16, 16), torch.rand(2, 1, 16, 16)
    torch.testing.assert_close(ours.A(x), theirs.A(x), atol=1e-6, rtol=1e-5)
    y = ours.A(x)
    torch.testing.assert_close(ours.A_adjoint(y), theirs.A_adjoint(y), atol=1e-6, rtol=1e-5)
    # theirs iterates, and stops at its own tolerance
    torch.testing.assert_close(ours.prox_l2(z, y, 0.7), theirs.prox_l2(z, y, 0.7), atol=1e-3, rtol=1e-2)


@pytest.mark.parametrize("name", ["Blur", "MRI"])
def test_the_kit_checks_foreign_physics(physics, name):
    report = wellposed.testing.check(
        physics[name],
        domain=Space(DOMAINS[name], torch.float32),
        checks=("adjoint", "linearity", "mutation", "batch"),
    )
    assert report.ok, str(report)


def test_denoiser_runs_in_plug_and_play(deepinv):
    denoiser = deepinv.models.DnCNN(in_channels=1, out_channels=1, depth=3, pretrained=None)
    assert isinstance(denoiser, Denoiser)
    ours = ForwardModel(blur(gaussian_kernel(1.0, size=5), (1, 16, 16), "circular"), Gaussian(0.02))
    y = ours(torch.rand(1, 1, 16, 16))
    with torch.no_grad():
        estimate = wellposed.registry.create("optim.pnp", denoiser=denoiser)(y, ours)
    assert estimate.shape == y.shape
    assert torch.isfinite(estimate).all()


def test_reconstructor_runs_on_our_physics(deepinv):
    model = deepinv.models.ArtifactRemoval(deepinv.models.DnCNN(1, 1, depth=3, pretrained=None))
    assert isinstance(model, Reconstructor)
    ours = ForwardModel(blur(gaussian_kernel(1.0, size=5), (1, 16, 16), "circular"), Gaussian(0.02))
    with torch.no_grad():
        assert model(torch.rand(1, 1, 16, 16), ours).shape == (1, 1, 16, 16)


def test_loss_and_metric(deepinv):
    loss, metric = deepinv.loss.SupLoss(), deepinv.metric.PSNR()
    assert isinstance(loss, Loss)
    assert isinstance(metric, Metric)
    x, noisy = torch.rand(3, 1, 16, 16), torch.rand(3, 1, 16, 16)
    ours = wellposed.registry.create("train.supervised_l2")
    value = call_loss(loss, x_hat=noisy, x=x, y=None, physics=None, model=None)
    torch.testing.assert_close(value.mean(), ours(noisy, x, None, None, None).mean())
    torch.testing.assert_close(metric(noisy, x), wellposed.registry.create("train.psnr")(noisy, x))


def test_our_physics_runs_in_deepinvs_optimiser(deepinv):
    ours = blur(gaussian_kernel(1.0, size=5), (1, 16, 16), "circular")
    x = torch.rand(1, 1, 16, 16)
    y = ours(x)
    fidelity = deepinv.optim.L2()
    estimate = ours.A_adjoint(y)
    for _ in range(30):
        estimate = estimate - fidelity.grad(estimate, y, ours)
    assert fidelity(estimate, y, ours) < 0.1 * fidelity(ours.A_adjoint(y), y, ours)
