from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wellposed_train
from wellposed.testing.example import Example
from wellposed_train import _plugin

COMPONENTS = list(_plugin.components())


def resolve(target: str) -> object:
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda c: c.name)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_component_is_built_from_its_examples(component: object, data: st.DataObject) -> None:
    build, examples = resolve(component.target), resolve(component.examples)
    example = Example.of(data.draw(examples()))
    built = build(**example.arguments)
    assert all(getattr(built, name) == value for name, value in example.arguments.items())
    assert build.__name__ in wellposed_train.__all__


def test_names_are_unique_and_carry_the_prefix() -> None:
    names = [c.name for c in COMPONENTS]
    assert len(set(names)) == len(names) == 12
    assert all(name.startswith("train.") for name in names)


def test_discovery_imports_no_torch() -> None:
    code = "import sys, wellposed_train._plugin as p; list(p.components()); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names_are_what_the_module_says() -> None:
    assert sorted(wellposed_train._HOMES) == sorted(wellposed_train.__all__) == dir(wellposed_train)
    assert all(getattr(wellposed_train, name).__name__ == name for name in wellposed_train.__all__)
    with pytest.raises(AttributeError, match="has no 'LPIPS'; it offers MAE"):
        _ = wellposed_train.LPIPS
