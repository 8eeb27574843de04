"""Folders, requirements-dev.txt, workspace members and versions say the same thing."""

from __future__ import annotations

import importlib
import re
import tomllib

import pytest
from distributions import ROOT, distributions
from packaging.requirements import Requirement

import wellposed

ALL = distributions()
every = pytest.mark.parametrize("dist", ALL, ids=lambda d: d.name)


def test_every_folder_is_installed_for_development():
    lines = (ROOT / "requirements-dev.txt").read_text().splitlines()
    editable = {re.sub(r"\[.*\]", "", line.removeprefix("-e ./")) for line in lines if line.startswith("-e ")}
    assert editable == {str(d.folder.relative_to(ROOT)) for d in ALL}


def test_every_folder_is_a_workspace_member():
    workspace = tomllib.loads((ROOT / "pyproject.toml").read_text())
    members = {p for pattern in workspace["tool"]["uv"]["workspace"]["members"] for p in ROOT.glob(pattern)}
    assert {d.folder for d in ALL} <= members


def test_core_and_plugins_share_one_version():
    versions = {d.metadata["project"]["version"] for d in ALL if d.folder.parent.name != "contrib"}
    assert versions == {wellposed.__version__}


@every
def test_metadata_is_complete(dist):
    project = dist.metadata["project"]
    assert project["license"] == "BSD-3-Clause"
    assert project["requires-python"] == ">=3.11"
    assert (dist.folder / "README.md").stat().st_size > 50
    assert (dist.folder / "src" / dist.package / "py.typed").is_file()
    assert dist.metadata["build-system"]["build-backend"] == "hatchling.build"
    assert "only-include" in dist.metadata["tool"]["hatch"]["build"]["targets"]["sdist"]


@every
def test_dependencies_are_ranges(dist):
    for line in dist.requirements + dist.optional:
        requirement = Requirement(line)
        assert requirement.url is None, f"{dist.name}: {line} is a path or an address"
        assert "==" not in str(requirement.specifier), f"{dist.name}: {line} pins a version"
        if requirement.name.startswith("wellposed-") or (
            requirement.name == "wellposed" and dist.pack != "core"
        ):
            assert requirement.specifier == Requirement("wellposed>=0.1,<0.2").specifier


@every
def test_entry_points_exist_and_offer_what_they_name(dist):
    (name, target), *more = dist.metadata["project"]["entry-points"]["wellposed.plugins"].items()
    assert not more
    assert name == dist.pack
    assert target == f"{dist.package}._plugin"
    importlib.import_module(target)
    assert wellposed.registry.components(pack=name)


def test_every_target_and_example_exists():
    assert not wellposed.registry.failures()
    for component in wellposed.registry.components():
        assert wellposed.registry.get(component.name) is not None
        assert component.examples, f"{component.name} has no examples, so the kit cannot test it"
        module, _, attribute = component.examples.partition(":")
        assert callable(getattr(importlib.import_module(module), attribute))
