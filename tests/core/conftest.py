"""Fake distributions on ``sys.path``: folders with a METADATA and an entry_points.txt, as pip leaves them."""

import itertools
import sys
import textwrap

import pytest

from wellposed.registry import Registry

_count = itertools.count()


class Fakes:
    """Writes distributions below ``folder``, which is on ``sys.path``."""

    def __init__(self, folder):
        self.folder = folder
        self.packs = []

    def add(self, pack, plugin="", *, dist=None, version="1.0", requires=(), entry_points=None, files=None):
        """Write one distribution and return the name of its plugin module."""
        self.packs.append(pack)
        dist = dist or f"wellposed-{pack}"
        module = f"fake_pack_{next(_count)}"
        (self.folder / f"{module}.py").write_text(textwrap.dedent(plugin))
        for name, text in (files or {}).items():
            (self.folder / name).write_text(textwrap.dedent(text))
        info = self.folder / f"{dist.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {dist}", f"Version: {version}"]
        lines += [f"Requires-Dist: {line}" for line in requires]
        (info / "METADATA").write_text("\n".join(lines) + "\n")
        default = f"[wellposed.plugins]\n{pack} = {module}\n"
        (info / "entry_points.txt").write_text(default if entry_points is None else entry_points)
        return module

    def good(self, pack, component="thing", **options):
        """Write a distribution that is in order, with one metric."""
        return self.add(pack, component_source(f"{pack}.{component}"), **options)

    def discover(self, **environ):
        """Discover these packs alone, whatever else is installed here."""
        return Registry.discover({"WELLPOSED_PLUGINS": ",".join(self.packs), **environ})


def component_source(name, target="fractions:Fraction", kind="metric"):
    return f"""
from wellposed.plugins import Component, hookimpl

@hookimpl
def components():
    yield Component(kind={kind!r}, name={name!r}, target={target!r}, summary="A thing.")
"""


@pytest.fixture
def source():
    return component_source


@pytest.fixture
def fakes(tmp_path, monkeypatch):
    before = set(sys.modules)
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield Fakes(folder)
    for name in set(sys.modules) - before:
        if name.startswith("fake_"):
            del sys.modules[name]
