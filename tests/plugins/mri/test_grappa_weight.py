from __future__ import annotations

import pytest
import torch

from wellposed_mri import GRAPPA, MultiCoilMRI, Uniform, ZeroFilled


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


def scan(head, spacing, noise):
    _, maps, kspace = head
    generator = torch.Generator().manual_seed(0)
    mask = Uniform((64, 64), (1, spacing), calibration=20).step(1, generator)["mask"]
    y = kspace + noise * torch.randn(kspace.shape, dtype=kspace.dtype, generator=generator)
    physics = MultiCoilMRI(maps, mask)
    return mask * y, physics, MultiCoilMRI(maps).A_adjoint(kspace)


@pytest.mark.parametrize("spacing", [2, 3, 4])
@pytest.mark.parametrize("noise", [0.003, 0.02, 0.05])
def test_the_automatic_weight_is_near_the_best(head, spacing, noise):
    y, physics, truth = scan(head, spacing, noise)
    found = error(GRAPPA()(y, physics), truth)
    best = min(error(GRAPPA(regularisation=10.0**-k)(y, physics), truth) for k in range(7))
    assert found < 1.5 * best
    assert found < error(ZeroFilled()(y, physics), truth)


def test_the_automatic_weight_is_noise_over_signal(head):
    """Powers per sample, of the noise that was added and of complete k-space that the method never sees."""
    y, physics, _ = scan(head, 3, 0.05)
    want = 0.05**2 / float(head[2].abs().square().mean())
    automatic = GRAPPA()(y, physics)
    assert error(automatic, GRAPPA(regularisation=want)(y, physics)) < 0.02
    assert error(automatic, GRAPPA(regularisation=10 * want)(y, physics)) > 0.02


def test_scale_does_not_matter_and_other_scans_do(head):
    y, physics, _ = scan(head, 2, 0.02)
    torch.testing.assert_close(GRAPPA()(9 * y, physics), 9 * GRAPPA()(y, physics), rtol=1e-3, atol=1e-3)
    block = head[2][0, :, 22:42, 22:42]
    found = GRAPPA(reference=block)(y, physics)
    brighter = GRAPPA(reference=50 * block)(y, physics)
    torch.testing.assert_close(found, brighter, rtol=1e-3, atol=1e-3)
