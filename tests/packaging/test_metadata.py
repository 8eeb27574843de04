"""Folders, requirements-dev.txt, workspace members and versions say the same thing."""

from __future__ import annotations

import ast
import importlib
import re
import sys
import tomllib

import pytest
from distributions import ROOT, distributions
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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
    assert project["license-files"] == ["LICENSE"]
    terms = "Redistribution and use in source and binary forms"
    assert terms in (dist.folder / "LICENSE").read_text()
    if dist.folder.parent.name != "contrib":  # those have authors of their own
        assert (dist.folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert project["description"]
    assert project["requires-python"] == ">=3.11"
    assert (dist.folder / "README.md").stat().st_size > 50
    assert (dist.folder / "src" / dist.package / "py.typed").is_file()
    assert dist.metadata["build-system"]["build-backend"] == "hatchling.build"
    packed = dist.metadata["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    assert {"src", "README.md", "LICENSE", "pyproject.toml"} <= set(packed)


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


_NAMES = {"PIL": "pillow", "pywt": "pywavelets", "skimage": "scikit-image", "yaml": "pyyaml"}
_OPTIONAL = {"IPython", "hatchling", "triton"}  # notebooks, builds, and what torch brings for CUDA


@every
def test_every_import_is_declared(dist):
    """Those inside functions, too: an installation alone would find them missing at the worst moment."""
    declared = {canonicalize_name(Requirement(line).name) for line in dist.requirements + dist.optional}
    examples = (p for p in dist.sources if any(part.startswith("_examples") for part in p.parts))
    for path in set(dist.sources) - set(examples):  # those are for the kit, of wellposed[testing]
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for root in {name.partition(".")[0] for name in names} - _OPTIONAL:
                if root not in sys.stdlib_module_names and root != dist.package:
                    assert canonicalize_name(_NAMES.get(root, root)) in declared, f"{path} imports {root}"


def test_every_pack_is_an_extra_of_the_core():
    extras = next(d for d in ALL if d.pack == "core").metadata["project"]["optional-dependencies"]
    packs = {d.pack: d for d in ALL if d.folder.parent.name == "plugins"}
    assert {name: extras.get(name) for name in packs} == {
        name: [f"{d.name}>=0.1,<0.2"] for name, d in packs.items()
    }
    (everything,) = (Requirement(line) for line in extras["all"])
    assert packs.keys() <= everything.extras


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
