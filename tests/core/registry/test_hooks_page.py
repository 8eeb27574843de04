"""The page about hooks names every hook with its arguments, and its examples run."""

import inspect
import re
from pathlib import Path

import pytest

from wellposed.plugins import RECORDS, Hooks

PAGE = (Path(__file__).parents[3] / "docs/reference/hooks.md").read_text(encoding="utf-8")
HOOKS = {name: value for name, value in vars(Hooks).items() if hasattr(value, "wellposed_spec")}
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_every_hook_has_its_section_and_nothing_else_has():
    sections = re.findall(r"^## ([a-z_]+)$", PAGE, re.MULTILINE)
    assert sections == list(HOOKS)
    assert list(RECORDS) == sections[: len(RECORDS)]


@pytest.mark.parametrize("name", HOOKS)
def test_signature(name):
    arguments = ", ".join(list(inspect.signature(HOOKS[name]).parameters)[1:])
    assert f"`{name}({arguments})`" in PAGE


@pytest.mark.parametrize("name", HOOKS)
def test_an_example_implements_it(name):
    assert any(f"def {name}(" in example for example in EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_examples_run(example):
    exec(compile(example, "hooks.md", "exec"), {"__name__": "hooks_page"})


def test_all_switches_and_stages_are_named():
    from typing import get_args

    from wellposed.registry._packs import CURES, Stage

    assert set(get_args(Stage)) == set(CURES)
    for word in (*CURES, "WELLPOSED_PLUGINS", "WELLPOSED_DISABLE_PLUGINS", "WELLPOSED_STRICT_PLUGINS"):
        assert f"`{word}" in PAGE
