"""Every public name has a docstring and a place in the reference."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest
from doc_pages import ROOT

REFERENCE = ROOT / "docs/reference"
PACKS = sorted(p.parent.name for p in (ROOT / "plugins").glob("*/pyproject.toml"))

# An ``automodule`` line documents what ``__all__`` lists, or else what the module defines.
AUTOMODULE = re.compile(r"^\.\. automodule:: (\S+)$", re.MULTILINE)


def _documented() -> list[str]:
    return [name for page in sorted(REFERENCE.glob("*.md")) for name in AUTOMODULE.findall(page.read_text())]


def _public(module):
    names = getattr(module, "__all__", None)
    if names is None:
        own = (n for n, v in vars(module).items() if getattr(v, "__module__", None) == module.__name__)
        names = [n for n in own if not n.startswith("_")]
    return [n for n in names if not n.startswith("__")]


@pytest.mark.parametrize("name", _documented())
def test_public_names_have_docstrings(name):
    module = importlib.import_module(name)
    values = {n: getattr(module, n) for n in _public(module)}
    explained = {
        n for n, v in values.items() if inspect.isclass(v) or inspect.isroutine(v) or inspect.ismodule(v)
    }
    bare = [n for n in sorted(explained) if not (inspect.getdoc(values[n]) or "").strip()]
    assert not bare, f"{name}: {', '.join(bare)} have no docstring"


def test_names_of_the_core_are_in_the_reference():
    import wellposed

    documented = [importlib.import_module(name) for name in _documented()]
    here = {id(getattr(module, n)) for module in documented for n in _public(module)} | {*map(id, documented)}
    missing = [n for n in _public(wellposed) if id(getattr(wellposed, n)) not in here]
    assert not missing, f"{', '.join(missing)} are in wellposed.__all__ and on no page of docs/reference"


@pytest.mark.parametrize("pack", PACKS)
def test_every_pack_has_its_page(pack):
    assert f"wellposed_{pack}" in _documented(), (
        f"docs/reference/{pack}.md does not document wellposed_{pack}"
    )
    index = (REFERENCE / "index.md").read_text()
    assert f"\n{pack}\n" in index, f"docs/reference/index.md does not list {pack}"


def test_every_page_is_reachable():
    pages = {p.relative_to(ROOT / "docs").with_suffix("").as_posix() for p in (ROOT / "docs").rglob("*.md")}
    listed = {"index"}
    for page in ROOT.joinpath("docs").rglob("*.md"):
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            folder = page.parent.relative_to(ROOT / "docs")
            rows = [row for row in tree.splitlines() if row and not row.startswith(":")]
            listed |= {(folder / row).as_posix() for row in rows if row != "*"}
            listed |= {(folder / p.stem).as_posix() for p in page.parent.glob("*.md") if "*" in rows}
    assert {p for p in pages if not p.startswith("_")} <= listed
