"""Records refuse what would only be noticed later, and say what they want instead."""

import attrs
import pytest

from wellposed.errors import ParameterError
from wellposed.plugins import Command, Component, Kind, ReportSection

GOOD = {"kind": "metric", "name": "lab.bias", "target": "lab.metrics:Bias", "summary": "Mean error."}


def test_a_record_knows_its_pack():
    assert Component(**GOOD).pack == "lab"


def test_records_are_values():
    assert Component(**GOOD) == Component(**GOOD)
    assert len({Component(**GOOD), Component(**GOOD)}) == 1
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Component(**GOOD).name = "lab.other"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "bias", r"name='bias'.*expected '<pack>.<snake_case>'"),
        ("name", "lab.Bias", r"name='lab.Bias'"),
        ("name", "lab.", r"name='lab.'"),
        ("name", "lab..bias", r"name='lab..bias'"),
        ("name", None, r"name=None"),
        ("kind", "Metric", r"kind='Metric'.*a lower-case word such as 'physics'"),
        ("target", "lab.metrics.Bias", r"target='lab.metrics.Bias'.*'module:attribute'"),
        ("target", "lab:", r"target='lab:'"),
        ("target", "lab:a b", r"target='lab:a b'"),
        ("target", object(), r"target=<object"),
        ("examples", "lab", r"examples='lab'.*'module:attribute'"),
        ("summary", "", r"summary=''.*one line"),
        ("summary", "two\nlines", r"expected one line of text"),
        ("suffixes", ".h5", r"expected a tuple such as \('.h5', '.hdf5'\)"),
        ("suffixes", ("h5",), r"'h5' must start with a dot"),
    ],
)
def test_component_refuses(field, value, message):
    with pytest.raises(ParameterError, match=message):
        Component(**(GOOD | {field: value}))


def test_suffixes_are_lower_case():
    assert Component(**GOOD, suffixes=[".H5"]).suffixes == (".h5",)


def test_other_records_refuse_too():
    with pytest.raises(ParameterError, match=r"Kind.name='Prior'"):
        Kind("Prior", "A penalty.")
    with pytest.raises(ParameterError, match=r"Command.name='Train it'"):
        Command("Train it", "a:b", "Train.")
    with pytest.raises(ParameterError, match=r"ReportSection.name='angles'"):
        ReportSection("angles", "a:b", "Angles.")
