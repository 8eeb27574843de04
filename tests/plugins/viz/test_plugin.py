from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import wellposed_viz
from wellposed_viz import _plugin


@pytest.mark.parametrize("record", list(_plugin.components()), ids=lambda r: r.name)
def test_targets_and_examples_exist_and_fit(record):
    from hypothesis import find

    def resolve(target):
        module, _, name = target.partition(":")
        return getattr(import_module(module), name)

    arguments = find(resolve(record.examples)(), lambda _: True)
    made = resolve(record.target)(**arguments)
    method = {"reader": "read", "writer": "write", "dataset": "__getitem__"}.get(record.kind, "__call__")
    assert hasattr(made, method)


def test_the_suffixes_are_those_that_the_reader_and_the_writer_know():
    from wellposed_viz.photo.reader import SUFFIXES
    from wellposed_viz.photo.writer import FORMATS

    assert set(_plugin._PHOTOS) == set(SUFFIXES) == set(FORMATS)


def test_every_public_name_resolves_and_no_other():
    assert dir(wellposed_viz) == wellposed_viz.__all__ == sorted(wellposed_viz._HOMES)
    for name in wellposed_viz.__all__:
        assert getattr(wellposed_viz, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = wellposed_viz.nothing


def test_discovery_imports_nothing_heavy():
    code = "import sys, wellposed_viz._plugin as p; list(p.components()); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "wellposed_viz._plugin" in done.stdout.split()
    assert not {"torch", "matplotlib", "numpy", "PIL", "jinja2"} & set(done.stdout.split())
