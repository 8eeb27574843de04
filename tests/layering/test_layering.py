"""The one direction of dependency, read from the imports themselves.

A pack imports wellposed's public names, itself, and the packs it declares; the core imports no pack; nothing
imports a private module of somebody else.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributions import Distribution, distributions
from packaging.requirements import Requirement

ALL = distributions()


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of everything a file imports, names taken from packages included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute in this project"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def trespasses(dist: Distribution) -> Iterator[str]:
    ours = {d.package for d in ALL}
    declared = {Requirement(line).name.replace("-", "_") for line in dist.requirements}
    for path in dist.sources:
        for line, name in imported(path):
            root, *rest = name.split(".")
            if root not in ours or root == dist.package:
                continue
            if root not in declared:
                yield f"{path}:{line} imports {name}, but {dist.name} does not depend on {root}"
            if any(part.startswith("_") and not part.startswith("__") for part in rest):
                yield f"{path}:{line} imports {name}, which is private to {root}"


@pytest.mark.parametrize("dist", ALL, ids=lambda d: d.name)
def test_imports_follow_the_declared_dependencies(dist):
    assert not list(trespasses(dist))


def test_core_depends_on_no_pack():
    core = next(d for d in ALL if d.name == "wellposed")
    assert not [line for line in core.requirements if line.startswith("wellposed")]


MATHEMATICS = ("errors", "spaces", "structure", "vectors", "solvers", "linalg", "operators", "forward")
"""The core's own layers, lowest first."""


def upward(core: Path) -> Iterator[str]:
    """Yield the imports of a higher layer of the core, those inside functions included."""
    for height, layer in enumerate(MATHEMATICS):
        for path in (*core.glob(f"{layer}.py"), *core.glob(f"{layer}/**/*.py")):
            for line, name in imported(path):
                root, part, *_ = *name.split("."), ""
                if root == "wellposed" and part in MATHEMATICS[height + 1 :]:
                    yield f"{path}:{line} imports {name}, which lies above {layer}"


def test_the_layers_of_the_core_import_downwards_only():
    core = next(d for d in ALL if d.name == "wellposed").folder / "src" / "wellposed"
    assert all((core / layer).is_dir() or (core / f"{layer}.py").is_file() for layer in MATHEMATICS)
    assert not list(upward(core))


def test_an_import_upwards_is_seen(tmp_path):
    (tmp_path / "linalg").mkdir()
    (tmp_path / "linalg" / "bad.py").write_text(
        "def f():\n    from wellposed.operators import Mask\n    from wellposed import forward\n"
    )
    mask, forward = upward(tmp_path)
    assert "wellposed.operators.Mask, which lies above linalg" in mask
    assert "wellposed.forward, which lies above linalg" in forward


@pytest.mark.parametrize("dist", ALL, ids=lambda d: d.name)
def test_discovery_imports_only_the_hooks(dist):
    for line, name in imported(dist.folder / "src" / dist.package / "_plugin.py"):
        root = name.split(".")[0]
        light = name.startswith("wellposed.plugins") or root in {
            "__future__",
            "collections",
            "typing",
            "functools",
        }
        assert light, f"{dist.package}/_plugin.py:{line} imports {name}; discovery would pay for it"


@pytest.mark.parametrize("dist", ALL, ids=lambda d: d.name)
def test_files_stay_readable(dist):
    for path in dist.sources:
        lines = len(path.read_text().splitlines())
        assert lines <= 500, f"{path} has {lines} lines"
        assert ast.get_docstring(ast.parse(path.read_text())), f"{path} does not say why it exists"


def test_a_trespass_is_seen(tmp_path):
    source = tmp_path / "src" / "wellposed_x"
    source.mkdir(parents=True)
    (source / "bad.py").write_text("from wellposed.config._compose import compose\nimport wellposed_optim\n")
    bad = Distribution(tmp_path, {"project": {"name": "wellposed-x", "dependencies": ["wellposed>=0.1"]}})
    private, undeclared = trespasses(bad)
    assert "is private to wellposed" in private
    assert "does not depend on wellposed_optim" in undeclared
