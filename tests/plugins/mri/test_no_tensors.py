"""Arrays, lists and None where tensors belong: one sentence each, with the line that repairs it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wellposed.errors import DtypeError, ParameterError, SpaceError, WellposedError
from wellposed.registry import default
from wellposed_mri import (
    NMSE,
    PSNR,
    SENSE,
    CartesianMRI,
    DynamicMRI,
    ESPIRiT,
    Gridding,
    MultiCoilMRI,
    NonCartesianMRI,
    SimultaneousMultiSliceMRI,
    birdcage_maps,
    centred_fft,
    from_bart,
    from_cycles_per_pixel,
    noise_covariance,
    pipe_menon,
    radial,
    voronoi,
)

MAPS = birdcage_maps(3, (16, 16))
SPOKES = radial(9, 32, 16)
MASK = torch.ones(16)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: MultiCoilMRI(MAPS.numpy()), "maps"),
        (lambda: NonCartesianMRI(MAPS.numpy(), SPOKES), "maps"),
        (lambda: SimultaneousMultiSliceMRI(MAPS[:, None].numpy()), "maps"),
        (lambda: MultiCoilMRI(MAPS, MASK.numpy()), "mask"),
        (lambda: MultiCoilMRI(MAPS).replace(maps=MAPS.numpy()), "maps"),
        (lambda: CartesianMRI(MASK.numpy(), (16, 16)), "mask"),
        (lambda: DynamicMRI(MAPS, np.ones((4, 16, 16))), "mask"),
        (lambda: NonCartesianMRI(MAPS, SPOKES.numpy()), "trajectory"),
        (lambda: pipe_menon(SPOKES.numpy(), (16, 16)), "trajectory"),
        (lambda: from_cycles_per_pixel(SPOKES.numpy(), (16, 16)), "trajectory"),
        (lambda: from_bart(SPOKES.numpy()), "trajectory"),
        (lambda: ESPIRiT()(MAPS[None].numpy()), "kspace"),
        (lambda: SENSE()(MAPS[None].numpy(), MultiCoilMRI(MAPS)), "y"),
        (lambda: noise_covariance(np.ones((3, 50), np.complex64)), "noise"),
        (lambda: centred_fft(MAPS.numpy()), "the data"),
        (lambda: PSNR()(MAPS.abs()[None], MAPS.abs()[None].numpy()), "x"),
    ],
)
def test_arrays_are_told_how_to_become_tensors(make, name):
    with pytest.raises(DtypeError, match=rf"{name} is a NumPy array of shape \(.*from_numpy\({name}\)"):
        make()


def test_lists_numbers_and_none():
    with pytest.raises(DtypeError, match=r"maps is None, but a tensor is expected\."):
        MultiCoilMRI(None)
    with pytest.raises(DtypeError, match=r"mask is a list.*torch\.tensor\(mask\)"):
        MultiCoilMRI(MAPS, [1.0] * 16)
    with pytest.raises(DtypeError, match=r"maps is a str, but a tensor is expected\."):
        NonCartesianMRI("maps.npy", SPOKES)
    with pytest.raises(DtypeError, match="x_hat is int64 and x float32, but magnitudes"):
        NMSE()(torch.ones(1, 1, 8, 8).long(), torch.ones(1, 1, 8, 8))


def test_nothing_at_all():
    with pytest.raises(SpaceError, match=r"\(0, 16, 16\), but at least one coil"):
        MultiCoilMRI(MAPS[:0])
    with pytest.raises(SpaceError, match=r"\(0, 32, 2\) holds no samples"):
        NonCartesianMRI(MAPS, SPOKES[:0])
    with pytest.raises(ParameterError, match=r"16 places on a line.*pipe_menon"):
        voronoi(radial(1, 16, 16), (16, 16))


def test_axes_of_data_that_do_not_fit_their_weights():
    scan = NonCartesianMRI(MAPS, SPOKES)
    with pytest.raises(SpaceError, match=r"y has shape \(1, 9, 32, 3\), but \(B, 3, 9, 32\)"):
        Gridding()(torch.ones(1, 9, 32, 3, dtype=torch.complex64), scan)


METHODS = [n for n in default().names("reconstructor") if n.startswith("mri.")]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_says_what_is_no_data_and_what_is_no_physics(name):
    method, physics = default().create(name), MultiCoilMRI(MAPS)
    y = physics(torch.ones(1, 1, 16, 16, dtype=torch.complex64))
    for data, operator in ((None, physics), (y.numpy(), physics), (physics, y), (y, None), (y, "scan")):
        with pytest.raises(WellposedError) as found:
            method(data, operator)
        assert "\n" not in str(found.value)
        assert "method(y, physics)" in str(found.value) or "does not" in str(found.value)
