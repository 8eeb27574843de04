from __future__ import annotations

import pytest
import torch

from wellposed.errors import ParameterError, SpaceError
from wellposed_mri import (
    NLINV,
    SENSE,
    ESPIRiT,
    MultiCoilMRI,
    birdcage_maps,
    calibration_scan,
    centred_fft,
    shepp_logan,
)
from wellposed_mri.maps import espirit
from wellposed_mri.maps.nlinv import _Inversion


def agreement(found, truth, inside):
    return (found.conj() * truth).sum(-1 - inside.ndim).abs()[..., inside]


def test_true_maps_are_found_up_to_a_phase(head):
    image, maps, kspace = head
    inside = image[0, 0].abs() > 0.05
    found = NLINV()(kspace)
    assert float(agreement(found[0], maps, inside).min()) > 0.98
    energy = found.abs().square().sum(1)
    assert bool(((energy - 1).abs() < 1e-4).logical_or(energy == 0).all())


def test_eight_lines_are_enough_to_unfold(head):
    """Least squares with these maps explains data that were not used for them.

    Nearly as well as it explains them when it is given them: what is left is what the cropped maps cannot.
    """
    _, _, kspace = head
    mask = (torch.arange(64) % 2 == 0).float()
    mask[28:36] = 1
    found = NLINV(calibration=24)(mask * kspace)
    unfolded = SENSE(1e-3)(mask * kspace, MultiCoilMRI(found, mask))
    complete = MultiCoilMRI(found)
    missed, least = (
        float((complete(image) - kspace).norm() / kspace.norm())
        for image in (unfolded, SENSE(0.0)(kspace, complete))
    )
    assert least < 0.08
    assert missed < 1.2 * least


def test_volumes():
    image = shepp_logan().image(16).to(torch.complex64).expand(8, 16, 16)
    maps = birdcage_maps(4, (8, 16, 16))
    found = NLINV(dims=3, calibration=12)(centred_fft(maps * image, (-3, -2, -1))[None])[0]
    inside = (image.abs() > 0.15) & (found.abs().sum(0) > 0)
    assert float(agreement(found, maps, inside).mean()) > 0.98


def test_steps_follow_the_dense_gauss_newton_system():
    generator = torch.Generator().manual_seed(0)
    block = torch.randn(2, 4, 3, dtype=torch.complex128, generator=generator)
    problem = _Inversion(block, 2)
    start = torch.zeros(3, 4, 3, dtype=torch.complex128)
    start[0] = 1
    x = start + 0.3 * torch.randn(3, 4, 3, dtype=torch.complex128, generator=generator)
    model = lambda u: centred_fft(u[:1] * problem.coils(u))  # noqa: E731
    basis = torch.eye(36, dtype=torch.complex128).reshape(36, 3, 4, 3)
    # the model is complex differentiable, so a step along each unit vector gives a column
    jacobian = torch.stack([((model(x + 1e-6 * e) - model(x - 1e-6 * e)) / 2e-6).flatten() for e in basis], 1)
    residual = (problem.data - model(x)).flatten()
    right = jacobian.mH @ residual + 0.5 * (start - x).flatten()
    want = torch.linalg.solve(jacobian.mH @ jacobian + 0.5 * torch.eye(36), right).reshape(3, 4, 3)
    found = problem._step(x, start, 0.5)
    assert float((found - want).norm() / want.norm()) < 0.05


def test_bad_arguments_get_a_sentence(head):
    for wrong in ({"calibration": 4}, {"steps": 0}, {"crop": 1.0}, {"dims": 1}):
        with pytest.raises(ParameterError, match=next(iter(wrong))):
            NLINV(**wrong)
    with pytest.raises(ParameterError, match="no calibration region"):
        NLINV()(head[2] * (torch.arange(64) % 2))


@pytest.mark.parametrize("method", [ESPIRiT(calibration=20), NLINV(calibration=20)], ids=["espirit", "nlinv"])
def test_maps_come_from_a_separate_small_scan(head, method):
    image, maps, kspace = head
    found = method(calibration_scan(0.3 * kspace[:, :, 22:42, 22:42], (64, 64)))
    inside = (image[0, 0].abs() > 0.15) & (found[0].abs().sum(0) > 0)
    assert found.shape == (1, 8, 64, 64)
    assert float(agreement(found[0], maps, inside).mean()) > 0.99
    with pytest.raises(SpaceError, match="does not fit into images of 16×64"):
        calibration_scan(kspace, (16, 64))


def test_espirit_gives_the_same_a_few_rows_at_a_time(head, monkeypatch):
    """Its memory is bounded by PIECE, whatever the image."""
    kspace = head[2].to(torch.complex128)
    whole = ESPIRiT()(kspace)
    monkeypatch.setattr(espirit, "PIECE", 1)
    torch.testing.assert_close(ESPIRiT()(kspace), whole)
