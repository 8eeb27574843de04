"""A value that a constructor cannot take: one sentence with the component, the values and the cause."""

from __future__ import annotations

from typing import Literal

import pytest
import torch

from wellposed import compose
from wellposed.errors import ConfigError, ParameterError, UnknownParameterError
from wellposed.plugins import Component, Kind
from wellposed.protocols import Denoiser
from wellposed.registry import Registry


class Method:
    def __init__(
        self,
        iterations: int = 3,
        weight: float | torch.Tensor = 0.1,
        label: str | None = None,
        denoiser: Denoiser | None = None,
        rule: Literal["first", "last"] = "first",
        strict: bool = True,
        anything: Unreadable = 0,  # noqa: F821
        plain=0,
    ) -> None:
        self.iterations, self.weight, self.denoiser = iterations, weight, denoiser
        if plain == "attribute":
            plain.nothing  # noqa: B018
        if plain == "type":
            len(3)
        if plain == "ours":
            raise ParameterError("it is forbidden.")
        if plain == "system":
            raise RuntimeError("the machine is on fire")


@pytest.fixture(scope="module")
def lab() -> Registry:
    table = Registry().isolated().add(Kind("reconstructor", "A method."))
    return table.add(Component("reconstructor", "lab.method", "lab:Method", "For the test."), target=Method)


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"iterations": "many"}, r"lab\.method takes int for 'iterations', not 'many'\.$"),
        ({"iterations": 2.5}, r"takes int for 'iterations', not 2\.5"),
        ({"iterations": True}, r"takes int for 'iterations', not True"),
        ({"iterations": None}, r"takes int for 'iterations', not None"),
        ({"iterations": [1]}, r"takes int for 'iterations', not \[1\]"),
        ({"weight": "abc"}, r"takes float or Tensor for 'weight', not 'abc'\.$"),
        ({"label": 3}, r"takes str or None for 'label', not 3\.$"),
        (
            {"denoiser": "lab.smooth"},
            r"takes Denoiser or None for 'denoiser', not 'lab.smooth'\. An object is",
        ),
        ({"rule": "middle"}, r"takes 'first' or 'last' for 'rule', not 'middle'"),
        ({"strict": 1}, r"takes bool for 'strict', not 1"),
        ({"plain": "attribute"}, r"refuses plain='attribute': AttributeError: 'str' object has no"),
        ({"plain": "type", "weight": torch.ones(2)}, r"refuses plain='type', weight=Tensor\(2,\): TypeError"),
        ({"plain": "ours"}, r"^it is forbidden\."),
    ],
)
def test_a_wrong_value_is_one_sentence(lab, params, sentence):
    with pytest.raises(ParameterError, match=sentence) as caught:
        lab.create("lab.method", **params)
    if "refuses" in sentence:
        assert isinstance(caught.value.__cause__, (AttributeError, TypeError))


@pytest.mark.parametrize(
    "params",
    [
        {"iterations": 1, "weight": 2, "label": "x", "denoiser": torch.add, "rule": "last", "strict": False},
        {"weight": torch.ones(3), "denoiser": None, "label": None, "anything": "goes", "plain": object()},
        {"weight": [0.1, 0.2]},
    ],
)
def test_what_may_be_right_is_let_through(lab, params):
    assert isinstance(lab.create("lab.method", **params), Method)


def test_failures_of_the_machine_are_not_blamed_on_parameters(lab):
    with pytest.raises(RuntimeError, match="on fire") as caught:
        lab.create("lab.method", plain="system")
    assert caught.value.__notes__ == ["while creating 'lab.method'"]


def test_unknown_names_come_before_wrong_values(lab):
    with pytest.raises(UnknownParameterError, match=r"has no parameter 'iteratons'.*mean 'iterations'"):
        lab.create("lab.method", iteratons="many")


def test_a_configuration_lists_values_with_names_and_their_paths(lab):
    config = {
        "good": {"name": "lab.method"},
        "bad": {
            "name": "lab.method",
            "params": {"iterations": "many", "wieght": 1, "denoiser": "@good", "label": "@@x"},
        },
    }
    with pytest.raises(ConfigError) as caught:
        compose(config, lab)
    text = str(caught.value)
    assert "has 2 problems" in text
    assert "bad.params.iterations: lab.method takes int for 'iterations', not 'many'." in text
    assert "bad.params.wieght: lab.method has no parameter 'wieght'" in text
    assert "denoiser:" not in text


def test_a_constructor_that_refuses_is_named_once(lab):
    with pytest.raises(ConfigError, match=r"configuration: a: lab\.method refuses plain='type': Type"):
        compose({"a": {"name": "lab.method", "params": {"plain": "type"}}}, lab)
