"""What goes wrong most often, from Python and from the shell: one sentence with both values and the fix."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from wellposed.cli import main
from wellposed.errors import ParameterError, SpaceError
from wellposed_mri import (
    SENSE,
    CartesianMRI,
    ESPIRiT,
    L1Wavelet,
    MultiCoilMRI,
    NonCartesianMRI,
    ZeroFilled,
    birdcage_maps,
    radial,
)


@pytest.fixture
def maps():
    return birdcage_maps(4, (64, 64))


@pytest.fixture
def shell(tmp_path, capsys):
    """Return the complaint of ``wellposed reconstruct`` about a file of some arrays."""
    return lambda arrays, *options: complaint(tmp_path, capsys, arrays, options)


def complaint(tmp_path, capsys, arrays, options):
    path = tmp_path / "scan.npz"
    np.savez(path, **arrays)
    arguments = ["reconstruct", str(path), "-m", "mri.sense", "-o", str(tmp_path / "out.nii"), *options]
    capsys.readouterr()
    assert main(arguments) in (2, 4)
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert not (tmp_path / "out.nii").exists()
    return " ".join(said.split())


def kspace(head):
    return head[2][0].numpy()


def test_coils_in_the_wrong_place(shell, head):
    last = np.moveaxis(kspace(head), 0, -1)
    with pytest.raises(SpaceError, match=r"64 coils of 64×8 pixels; .*expected.*movedim\(-1, 1\)"):
        ESPIRiT()(torch.from_numpy(last)[None])
    with pytest.raises(SpaceError, match=r"would be 64 coils.*movedim\(-1, 0\)"):
        MultiCoilMRI(torch.from_numpy(last.copy()))
    said = shell({"kspace": last})
    assert "64 coils of 64×8 pixels; (B, coils, …) is expected" in said
    assert "--reader mri.array_reader:axes=hwc" in said


def test_a_mask_that_does_not_broadcast(shell, head, maps):
    with pytest.raises(SpaceError, match=r"mask of shape \(63,\) does not broadcast against.*\(4, 64, 64\)"):
        MultiCoilMRI(maps, torch.ones(63))
    with pytest.raises(SpaceError, match=r"mask of shape \(64, 63\) does not broadcast"):
        CartesianMRI(torch.ones(64, 63), (64, 64))
    said = shell({"kspace": kspace(head), "mask": np.ones(63)})
    assert "mask of shape (63,) does not broadcast against k-space (1, 8, 64, 64)" in said


def test_a_trajectory_in_another_unit(shell, maps):
    spokes = radial(8, 64, 64)
    with pytest.raises(ParameterError, match=r"only ±0.5: that is cycles per pixel.*from_cycles_per_pixel"):
        NonCartesianMRI(maps, spokes / 64)
    with pytest.raises(ParameterError, match=r"±3.14\d*: that is radians per pixel.*from_radians"):
        NonCartesianMRI(maps, spokes * 2 * math.pi / 64)
    with pytest.raises(ParameterError, match=r"reaches ±47.82 cycles/FOV.*64 pixels ends at ±32.*96 pixels"):
        NonCartesianMRI(maps, spokes * 1.5)
    arrays = {"kspace": np.ones((4, 8, 64), np.complex64), "traj": 1.5 * spokes.numpy()}
    said = shell(arrays, "--reader", "mri.array_reader:shape=[64,64]")
    assert "reaches ±48, which is neither cycles per pixel (±0.5)" in said
    # stated to be cycles per pixel, ±0.6 lies outside
    arrays["traj"] = 1.2 / 64 * spokes.numpy()
    option = "mri.array_reader:shape=[64,64],trajectory_unit=cycles/pixel"
    assert "reaches ±0.6, but in cycles per pixel" in shell(arrays, "--reader", option)


def test_no_calibration_region(shell, head):
    outer = kspace(head) * (np.arange(64) % 2)
    with pytest.raises(ParameterError, match="no calibration region: around the centre"):
        ESPIRiT()(torch.from_numpy(outer)[None])
    said = shell({"kspace": outer})
    assert "no calibration region" in said
    assert "maps='none'" in said


def test_coils_of_zeros(shell, head, maps):
    zeros = torch.zeros(1, 4, 64, 64, dtype=torch.complex64)
    with pytest.raises(ParameterError, match="zero everywhere: nothing to reconstruct from"):
        ESPIRiT()(zeros)
    for method in (ZeroFilled(), SENSE(), L1Wavelet()):
        with pytest.raises(ParameterError, match="zero everywhere"):
            method(zeros, MultiCoilMRI(maps))
    with pytest.raises(ParameterError, match="coils that are all zero"):
        SENSE()(torch.ones_like(zeros), MultiCoilMRI(0 * maps))
    assert "zero in every coil" in shell({"kspace": 0 * kspace(head)})


def test_numbers_that_are_none(shell, head, maps):
    data = kspace(head).copy()
    data[3, 10, 10] = np.nan
    y = torch.from_numpy(data)[None]
    with pytest.raises(ParameterError, match=r"k-space of shape .* holds 1 numbers? that are NaN"):
        ESPIRiT()(y)
    for method in (ZeroFilled(), SENSE(), L1Wavelet()):
        with pytest.raises(ParameterError, match=r"y of shape .* NaN or infinite"):
            method(y, MultiCoilMRI(birdcage_maps(8, (64, 64))))
    broken = radial(8, 64, 64)
    broken[0, 0] = torch.nan
    with pytest.raises(ParameterError, match="trajectory holds NaN"):
        NonCartesianMRI(maps, broken)
    assert "holds NaN or infinite numbers" in shell({"kspace": data})
