"""One module per group of benchmarks, found by its file name; each has ``cases() -> list[Case]``."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from bench.case import Case


def names() -> list[str]:
    """Return the groups there are."""
    return sorted(p.stem for p in Path(__file__).parent.glob("*.py") if p.stem != "__init__")


def cases(group: str) -> list[Case]:
    """Return the cases of a group."""
    if group not in names():
        raise SystemExit(f"there is no group {group!r}; there are: {', '.join(names())}")
    found: list[Case] = import_module(f"bench.groups.{group}").cases()
    twice = {c.name for c in found if [d.name for d in found].count(c.name) > 1}
    if twice:
        raise SystemExit(f"group {group} names these cases twice: {', '.join(sorted(twice))}")
    return found
