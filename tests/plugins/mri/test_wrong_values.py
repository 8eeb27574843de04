"""Values that a user gets wrong easily: each ends in one sentence, none in a wrong image."""

from __future__ import annotations

import pytest
import torch

from wellposed.errors import DtypeError, FileFormatError, ParameterError
from wellposed.linalg import gram
from wellposed_mri import (
    FastMRIRandom,
    FieldMapEchoes,
    HDF5Reader,
    MotionMRI,
    MultiCoilMRI,
    MultiEchoT2,
    NonCartesianMRI,
    RecoveryT1,
    VariableFlipAngleT1,
    radial,
)
from wellposed_mri.files.ismrmrd.header import parse_header

XML = """<ismrmrdHeader><encoding>
<encodedSpace><matrixSize><x>{x}</x><y>{y}</y><z>1</z></matrixSize></encodedSpace>
<reconSpace><matrixSize><x>8</x><y>8</y><z>1</z></matrixSize></reconSpace>
</encoding></ismrmrdHeader>"""


def test_times_in_milliseconds_are_refused():
    with pytest.raises(
        ParameterError, match=r"from 10 to 40, but seconds from 0 to 5 .* divide milliseconds"
    ):
        MultiEchoT2(torch.tensor([10.0, 20.0, 40.0]))
    with pytest.raises(ParameterError, match="divide milliseconds by 1000"):
        FieldMapEchoes(torch.tensor([2.3, 4.6]))
    with pytest.raises(ParameterError, match="divide milliseconds by 1000"):
        RecoveryT1(torch.tensor([50.0, 400.0, 3000.0]))
    with pytest.raises(
        ParameterError, match=r"repetition_time = 5, but seconds up to 2 .* divide milliseconds"
    ):
        VariableFlipAngleT1(torch.tensor([0.05, 0.3]), repetition_time=5.0)


@pytest.mark.parametrize("slices", [[1], 3, [1, 2, 3], "12"])
def test_slices_are_a_range(slices):
    with pytest.raises(ParameterError, match=r"slices = .* range \(first, after the last\)"):
        HDF5Reader(slices=slices)


def test_one_fraction_and_one_acceleration_need_no_list():
    alone = FastMRIRandom(320, center_fractions=0.08, accelerations=4)
    assert torch.equal(alone.mask(1), FastMRIRandom(320, center_fractions=[0.08], accelerations=[4]).mask(1))


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ("abc", "8", "header has a wrong value: .*'abc'"),
        ("8", "2.5", "header has a wrong value: .*'2.5'"),
        ("-8", "8", r"matrixSize \(1, 8, -8\) .* in encodedSpace, but sizes are at least 1"),
    ],
)
def test_wrong_values_in_the_header_are_named(x, y, message):
    with pytest.raises(FileFormatError, match=message):
        parse_header("scan.h5", XML.format(x=x, y=y))


def test_complex_trajectories_are_told_apart_whatever_their_shape():
    maps = torch.ones(1, 16, 16, dtype=torch.complex64)
    with pytest.raises(DtypeError, match="view_as_real"):
        NonCartesianMRI(maps, torch.zeros(10, 64, dtype=torch.complex64))


@pytest.mark.parametrize("name", ["maps", "masks", "angles", "shifts"])
def test_numbers_that_are_none_are_seen_when_the_operator_is_made(name):
    given = {
        "maps": torch.ones(2, 8, 8, dtype=torch.complex64),
        "masks": torch.ones(1, 8, 8),
        "angles": torch.zeros(1),
        "shifts": torch.zeros(1, 2),
    }
    MotionMRI(**given)
    given[name].view(-1)[0] = float("nan")
    with pytest.raises(ParameterError, match=rf"{name} of shape .* NaN or infinite"):
        MotionMRI(**given)
    if name == "maps":
        with pytest.raises(ParameterError, match=r"maps of shape .* NaN or infinite"):
            MultiCoilMRI(given["maps"])


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own
def test_the_gram_operator_has_forward_derivatives_by_the_trajectory():
    maps = torch.ones(1, 16, 16, dtype=torch.complex128)
    k = radial(40, 32, 16).double() * 0.9
    x = torch.randn(1, 1, 16, 16, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))

    def value(points):
        return gram(NonCartesianMRI(maps, points, accuracy=1e-12)).A(x)

    slope = torch.func.jvp(value, (k,), (k,))[1]
    wanted = (value(k * (1 + 1e-5)) - value(k * (1 - 1e-5))) / 2e-5
    assert float((slope - wanted).norm() / wanted.norm()) < 1e-6
