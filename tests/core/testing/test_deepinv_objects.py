"""deepinv's objects pass the kit wherever they keep the contract, and fail only where they do not."""

from __future__ import annotations

import pytest
import torch
from peers import import_deepinv

from wellposed import Space
from wellposed.testing import check

pytestmark = pytest.mark.filterwarnings("ignore")  # deepinv's own warnings are not ours to mend

KNOWN = {
    "pickles": "its noise model holds a lambda",
    "override_pure": "a parameter given in a call is stored",
    "unknown_override": "unknown keyword arguments are ignored",
}
DOMAIN = Space((1, 8, 7), torch.float64)


@pytest.fixture(scope="module")
def deepinv():
    return import_deepinv()


@pytest.fixture(scope="module")
def kernel():
    values = torch.arange(1.0, 10.0).reshape(1, 1, 3, 3)
    return values / values.sum()


def test_blur(deepinv, kernel):
    report = check(
        deepinv.physics.Blur(filter=kernel, padding="circular"),
        domain=DOMAIN,
        expected_failures=KNOWN | {"pinv": "its iteration stops before it has converged"},
    )
    assert report.ok, str(report)
    assert report["adjoint"].status == report["vmap"].status == report["prox_l2"].status == "passed"


def test_blur_by_fft_and_inpainting(deepinv, kernel):
    for physics in (
        deepinv.physics.BlurFFT((1, 8, 7), filter=kernel),
        deepinv.physics.Inpainting((1, 8, 7), mask=(torch.arange(56).reshape(1, 8, 7) % 3 > 0).float()),
    ):
        report = check(physics, domain=DOMAIN, expected_failures=KNOWN)
        assert report.ok, str(report)
        assert report["pinv"].status == "passed"


def test_mri(deepinv):
    mask = (torch.arange(7) % 2 == 0).float().expand(1, 2, 8, 7)
    report = check(
        deepinv.physics.MRI(mask=mask, img_size=(2, 8, 7)),
        domain=Space((2, 8, 7), torch.float64),
        expected_failures=KNOWN | {"vmap": "moveaxis has no batching rule"},
    )
    assert report.ok, str(report)


def test_an_interpolated_adjoint_is_seen_and_said(deepinv):
    """Its default Radon adjoint is a discretisation of its own, not the adjoint of the discrete operator."""
    physics = deepinv.physics.Tomography(angles=5, img_width=8, adjoint_via_backprop=False)
    result = check(physics, domain=Space((1, 8, 8), torch.float32), checks=["adjoint"])["adjoint"]
    assert result.status == "failed"
    assert "A_adjoint is not the adjoint of A" in result.message


def test_loss_metric_and_denoiser(deepinv):
    for component, kind, known in (
        (deepinv.loss.SupLoss(), "loss", {"per_sample": "its default metric averages over the batch"}),
        (deepinv.loss.metric.PSNR(), "metric", {"pickles": "it holds a lambda"}),
        (deepinv.models.MedianFilter(), "denoiser", {}),
    ):
        report = check(component, kind=kind, expected_failures=known)
        assert report.ok, str(report)
