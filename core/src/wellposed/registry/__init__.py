"""Find components by name: ``wellposed.registry.names("physics")``, ``registry.create("mri.multicoil", …)``.

The functions here ask one process default, discovered on first use. Anything that takes ``registry=``
works with another :class:`Registry` as well.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from wellposed.plugins import Component, Kind
from wellposed.registry._known import KNOWN, install_line
from wellposed.registry._packs import Pack, PackFailure
from wellposed.registry._registry import Description, Registry

__all__ = [
    "KNOWN",
    "Description",
    "Pack",
    "PackFailure",
    "Registry",
    "components",
    "create",
    "default",
    "describe",
    "failures",
    "for_file",
    "get",
    "install_line",
    "isolated",
    "kinds",
    "names",
    "refresh",
]

_default: Registry | None = None
_lock = threading.RLock()


def default() -> Registry:
    """Return the process's registry, discovering the installed packs on the first call."""
    global _default
    with _lock:
        if _default is None:
            _default = Registry.discover()
        return _default


def refresh() -> Registry:
    """Discover again, as after ``%pip install`` in a notebook, and return the new default."""
    global _default
    with _lock:
        _default = Registry.discover()
        return _default


def names(kind: str | None = None) -> list[str]:
    """Return :meth:`Registry.names` of the default."""
    return default().names(kind)


def components(*, pack: str | None = None, kind: str | None = None) -> list[Component]:
    """Return :meth:`Registry.components` of the default."""
    return default().components(pack=pack, kind=kind)


def kinds() -> list[Kind]:
    """Return :meth:`Registry.kinds` of the default."""
    return default().kinds()


def get(name: str) -> Any:
    """Return :meth:`Registry.get` of the default."""
    return default().get(name)


def create(name: str, /, **params: Any) -> Any:
    """Return :meth:`Registry.create` of the default."""
    return default().create(name, **params)


def describe(name: str) -> Description:
    """Return :meth:`Registry.describe` of the default."""
    return default().describe(name)


def for_file(kind: str, path: str | os.PathLike[str]) -> list[str]:
    """Return :meth:`Registry.for_file` of the default."""
    return default().for_file(kind, path)


def failures() -> tuple[PackFailure, ...]:
    """Return what the default could not load."""
    return default().failures


def isolated() -> Registry:
    """Return a copy of the default that may be extended: :meth:`Registry.isolated`."""
    return default().isolated()
