"""Data that no method can use end in a sentence, not in a picture of NaN."""

import numpy as np
import pytest
import torch

from wellposed.errors import ParameterError, StructureError
from wellposed_ct import (
    ASDPOCS,
    CGLS,
    FBP,
    FDK,
    LSQR,
    PWLS,
    SART,
    SIRT,
    TV,
    ConeBeam,
    ConeGeometry,
    ParallelBeam,
    ParallelGeometry,
    disc,
)
from wellposed_ct.corrections import find_centre, remove_zingers
from wellposed_ct.projectors.fourier import FourierSlice

HALF = ParallelGeometry(np.arange(60) * np.pi / 60, (32, 32), 32)
PHYSICS = ParallelBeam.from_geometry(HALF)


def spoiled(value=torch.nan):
    y = disc(9.0).sinogram(HALF).float()
    y[0, 0, 3, 4] = value
    return y


@pytest.mark.parametrize(
    "method", [FBP(), TV(), SIRT(3), SART(3), PWLS(), ASDPOCS(3), CGLS(3), LSQR(3)], ids=repr
)
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_values_that_are_not_finite_are_named(method, value):
    with pytest.raises(ParameterError, match=r"1 of \d+ values of y are NaN or infinite"):
        method(spoiled(value), PHYSICS)


def test_a_cone_beam_too():
    g = ConeGeometry([0.0, 0.1], (4, 4, 4), 100.0, 200.0, (4, 4), 1.0)
    with pytest.raises(ParameterError, match="FDK: 32 of 32 values"):
        FDK()(torch.full((1, 1, 2, 4, 4), torch.nan), ConeBeam.from_geometry(g))


def test_corrections_too():
    with pytest.raises(ParameterError, match="zingers: 1 of"):
        remove_zingers(spoiled())
    with pytest.raises(ParameterError, match="find_centre: 1 of"):
        find_centre(spoiled(), PHYSICS)
    with pytest.raises(ParameterError, match="all zero"):
        find_centre(torch.zeros(1, 1, 60, 32), PHYSICS)


def test_sharpness_needs_a_full_turn():
    y = disc(9.0, 1.0, (3.0, 0.0)).sinogram(HALF).float()
    with pytest.raises(ParameterError, match="half a turn; use mass, fourier or negativity"):
        find_centre(y, PHYSICS, "sharpness")


@pytest.mark.parametrize("method", [SIRT(3), SART(3, subsets=1)], ids=repr)
def test_negative_entries_are_refused(method):
    physics = FourierSlice(HALF.angles, (1, 32, 32), 64)
    with pytest.raises(StructureError, match=r"without negative entries.*ct\.cgls or ct\.lsqr"):
        method(torch.ones(1, 1, 60, 64), physics)


def test_an_empty_batch_gives_an_empty_one():
    assert FBP()(torch.ones(0, 1, 60, 32), PHYSICS).shape == (0, 1, 32, 32)
