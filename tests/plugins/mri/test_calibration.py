"""The calibration region is the largest complete centred block, whatever was sampled around it."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from wellposed.errors import ParameterError
from wellposed_mri import GRAPPA, ESPIRiT, MultiCoilMRI, SPIRiT, birdcage_maps, brain, centred_fft, spin_echo
from wellposed_mri.maps.calibration import calibration_region


def _complete(sampled, widths):
    for axis, w in enumerate(widths):
        sampled = sampled.narrow(axis, sampled.shape[axis] // 2 - w // 2, w)
    return bool(sampled.all())


def _brute_force(sampled, size, least):
    """The largest volume of a complete centred block, by trying every one."""
    ranges = [range(min(least, n), min(size, n) + 1) for n in sampled.shape]
    return max((math.prod(w) for w in itertools.product(*ranges) if _complete(sampled, w)), default=0)


@pytest.mark.parametrize("shape", [(12, 13), (9, 16), (6, 7, 8)])
@pytest.mark.parametrize("size", [5, 8, 16])
def test_it_is_the_largest_block_of_random_masks(shape, size):
    generator = torch.Generator().manual_seed(size)
    refused = 0
    for density in (0.6, 0.9, 0.97, 0.99, 0.999, 1.0) * 4:
        sampled = torch.rand(shape, generator=generator) < density
        want = _brute_force(sampled, size, 2)
        kspace = sampled[None].to(torch.complex64)
        if want == 0:
            refused += 1
            with pytest.raises(ParameterError, match=r"no calibration region|zero everywhere"):
                calibration_region(kspace, size, 2, len(shape))
            continue
        block = calibration_region(kspace, size, 2, len(shape))
        assert bool((block != 0).all())
        assert block[0].numel() == want
        assert all(min(2, n) <= w <= size for n, w in zip(shape, block.shape[1:], strict=True))
    assert 0 < refused < 24


def test_the_block_is_centred():
    sampled = torch.zeros(20, 21)
    sampled[6:14, 7:14] = 1 + torch.rand(8, 7)
    torch.testing.assert_close(calibration_region(sampled[None], 24, 3, 2)[0], sampled[6:14, 7:14])


def test_blocks_that_hold_the_kernel_come_first():
    sampled = torch.zeros(40, 40)
    sampled[18:22] = 1
    sampled[14:26, 14:26] = 1
    kspace = sampled[None].to(torch.complex64)
    assert calibration_region(kspace, 40, 3, 2)[0].shape == (4, 40)
    assert calibration_region(kspace, 40, 3, 2, (5, 5))[0].shape == (12, 12)


@pytest.fixture(scope="module")
def plane():
    x = brain(spin_echo(600, 15)).image(96).to(torch.complex64)[None, None]
    return x, birdcage_maps(8, (96, 96))


def _error(found, want):
    return float(torch.linalg.vector_norm(found - want) / torch.linalg.vector_norm(want))


def test_a_block_amid_regular_rows_calibrates_grappa_and_spirit(plane):
    x, maps = plane
    mask = (torch.arange(96) % 2 == 0)[:, None].repeat(1, 96)
    mask[36:60, 36:60] = True
    physics = MultiCoilMRI(maps, mask)
    y = physics(x)
    assert calibration_region(y[0], 48, 3, 2).shape == (8, 25, 24)  # and the next row
    small = _error(GRAPPA(calibration=24)(y, physics), x)
    assert _error(GRAPPA()(y, physics), x) < 1.1 * small < 0.01
    assert _error(SPIRiT()(y, physics), x) < 0.01


def test_larger_requests_make_no_worse_coil_maps(plane):
    x, maps = plane
    mask = (torch.arange(96) % 2 == 0)[:, None].repeat(1, 96)
    mask[36:60, 36:60] = True
    y = mask * centred_fft(maps * x)
    likeness = (ESPIRiT(calibration=48)(y)[0].conj() * maps).sum(0).abs()
    assert float(likeness[x[0, 0].abs() > 0.02].min()) > 0.99


def test_a_block_in_the_two_phase_directions_of_a_volume_calibrates_grappa():
    profile = (
        torch.linspace(-1, 1, 24).abs().lt(0.8)[:, None, None] * torch.linspace(1, 0.5, 24)[:, None, None]
    )
    x = (brain(spin_echo(600, 15)).image(32) * profile).to(torch.complex64)[None, None]
    maps = birdcage_maps(8, (24, 32, 32))
    mask = (torch.arange(24) % 2 == 0)[:, None].repeat(1, 32)
    mask[4:20, 8:24] = True
    physics = MultiCoilMRI(maps, mask[:, :, None], dims=3)
    y = physics(x)
    assert calibration_region(y[0], 48, 3, 3).shape == (8, 17, 16, 32)
    assert _error(GRAPPA()(y, physics), x) < 0.01


@pytest.mark.parametrize("coils", [8, 32])
@pytest.mark.parametrize("weight", [0.0, 1e-8, 1e-6])
@pytest.mark.parametrize("method", [GRAPPA, SPIRiT])
def test_tiny_weights_solve_data_without_noise(method, weight, coils):
    x = brain(spin_echo(600, 15)).image(48).to(torch.complex64)[None, None]
    mask = (torch.arange(48) % 2 == 0) | ((torch.arange(48) - 24).abs() < 10)
    physics = MultiCoilMRI(birdcage_maps(coils, (48, 48)), mask)
    assert _error(method(regularisation=weight)(physics(x), physics), x) < 0.05


def test_a_silent_sample_of_a_batch_is_named(plane):
    x, maps = plane
    y = centred_fft(maps * x)
    with pytest.raises(ParameterError, match=r"sample 1 of k-space .* is zero everywhere"):
        ESPIRiT()(torch.cat([y, 0 * y]))
    mask = (torch.arange(96) % 2 == 0) | ((torch.arange(96) - 48).abs() < 10)
    physics = MultiCoilMRI(maps, mask)
    with pytest.raises(ParameterError, match=r"a sample of k-space .* is zero everywhere"):
        GRAPPA()(torch.cat([mask * y, 0 * y]), physics)


def test_coils_that_come_last_are_told_from_a_missing_region():
    y = torch.ones(1, 32, 48, 8, dtype=torch.complex64)
    with pytest.raises(Exception, match=r"would be 32 coils of 48×8 pixels.*kspace\.movedim\(-1, 1\)"):
        ESPIRiT()(y)
    holes = torch.ones(1, 20, 24, 12, dtype=torch.complex64)
    holes[:, :, 1::2] = 0
    with pytest.raises(ParameterError, match=r"1×12.*coils are the last axis.*movedim\(-1, 1\)"):
        ESPIRiT()(holes)
