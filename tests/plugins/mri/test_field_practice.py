"""What people do to files, maps and trajectories by mistake, and the sentence that says so."""

from __future__ import annotations

import pytest
import torch

from wellposed.cli import main
from wellposed.errors import ParameterError, SpaceError
from wellposed_mri import (
    ArrayReader,
    MultiCoilMRI,
    birdcage_maps,
    from_cycles_per_pixel,
    from_mrinufft,
    from_radians,
    radial,
    to_cycles_per_pixel,
)


@pytest.mark.parametrize(
    ("convert", "value", "unit"),
    [
        (from_cycles_per_pixel, 0.7, "cycles per pixel k-space ends at ±0.5"),
        (from_mrinufft, 3.5, "cycles per pixel k-space ends at ±0.5"),
        (from_radians, 7.0, "radians per pixel k-space ends at ±3.142"),
    ],
)
def test_trajectories_that_leave_kspace_in_their_unit(convert, value, unit):
    with pytest.raises(ParameterError, match=rf"reaches ±{value:g}, but in {unit}"):
        convert(torch.full((4, 8, 2), value), (64, 64))


def test_trajectories_within_their_unit_pass():
    lines = radial(5, 32, 32)
    there = to_cycles_per_pixel(lines, (32, 32))
    torch.testing.assert_close(from_cycles_per_pixel(there, (32, 32)), lines)


def test_maps_with_coils_last_are_told_by_what_only_coils_have():
    maps = birdcage_maps(8, (32, 48))
    maps = maps / torch.linalg.vector_norm(maps, dim=0)
    last = maps.permute(1, 2, 0)
    with pytest.raises(SpaceError, match=r"coils? .*movedim\(-1, 0\)"):
        MultiCoilMRI(last)
    mask = torch.arange(48) % 2
    with pytest.raises(SpaceError, match=r"maps .*movedim\(-1, 0\)"):
        MultiCoilMRI(maps[:, :20].permute(1, 2, 0) * 3, mask)
    assert MultiCoilMRI(maps, mask).domain.shape == (1, 32, 48)


def test_coils_and_masks_that_are_all_zero():
    maps = birdcage_maps(4, (16, 16))
    with pytest.raises(ParameterError, match="coils that are all zero"):
        MultiCoilMRI(0 * maps)
    with pytest.raises(ParameterError, match=r"mask .*is zero everywhere: nothing is sampled"):
        MultiCoilMRI(maps, torch.zeros(16))


def test_a_single_number_is_no_size():
    with pytest.raises(ParameterError, match=r"shape = 48, but rows and columns"):
        ArrayReader(shape=48)


def test_a_missing_file_is_told_by_its_own_exit_code(tmp_path, capsys):
    assert main(["mri", "info", str(tmp_path / "nosuch.h5")]) == 4
    assert "No such file" in capsys.readouterr().err
