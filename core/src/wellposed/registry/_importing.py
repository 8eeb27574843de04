"""Import a pack's plugin module alone, without running the package's ``__init__`` around it.

A package naturally imports its classes in ``__init__``, and they import torch. Asking every author to be
lazy there would make the import budget depend on the least careful one; so the one module that discovery
reads is loaded by itself, under its usual name.
"""

from __future__ import annotations

import sys
from functools import reduce
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import EntryPoint
from importlib.util import find_spec, module_from_spec
from types import ModuleType


def load_plugin(entry: EntryPoint) -> object:
    """Return what ``entry`` points at; raises what its import raises."""
    spec = _spec_inside_package(entry.module)
    if spec is None:
        loaded: object = entry.load()
        return loaded
    return reduce(getattr, filter(None, (entry.attr or "").split(".")), _execute(spec))


def _spec_inside_package(name: str) -> ModuleSpec | None:
    """Return the spec of ``package.module`` if it can be had without importing the package."""
    package, _, _ = name.rpartition(".")
    if not package or "." in package or package in sys.modules or name in sys.modules:
        return None
    around = find_spec(package)
    if around is None or around.submodule_search_locations is None:
        return None
    return PathFinder.find_spec(name, around.submodule_search_locations)


def _execute(spec: ModuleSpec) -> ModuleType:
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        if spec.loader is not None:
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        raise
    return module
