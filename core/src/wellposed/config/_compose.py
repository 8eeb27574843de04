"""From a configuration to objects: validate all of it, then build each object after those it refers to."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from graphlib import TopologicalSorter
from os import PathLike, fspath
from typing import Any

from wellposed import registry as _registry
from wellposed._version import __version__
from wellposed.config._files import load_config
from wellposed.config._problem import Problem
from wellposed.config._validate import RESERVED, Trouble, dependencies, error_of, validate
from wellposed.config._values import build
from wellposed.registry import Registry
from wellposed.registry._targets import signature_of


def compose(config: Mapping[str, Any] | str | PathLike[str], registry: Registry | None = None) -> Problem:
    """Build the objects that ``config`` describes.

    Parameters
    ----------
    config
        ``{key: {"name": component, "params": {…}}}``, or the path of a ``.toml``, ``.yaml`` or ``.json``
        file that holds it. See :mod:`wellposed.config` for the values that ``params`` may hold.
    registry
        Where names are looked up; the process default when not given.

    Returns
    -------
    Problem
        The objects by key; :func:`to_config` gives the configuration back.

    Raises
    ------
    ConfigError
        Lists every problem with its path and, for a misspelt word, the nearest ones.
    """
    registry = _registry.default() if registry is None else registry
    origin = "the configuration"
    if isinstance(config, str | PathLike):
        origin = fspath(config)
        config = load_config(config)
    troubles = validate(config, registry)
    if troubles:
        raise error_of(troubles, origin)
    objects = _build_all(config, registry, origin)
    versions = versions_of(config, registry)
    _warn_of_other_versions(config.get(RESERVED, {}).get("versions", {}), versions, origin)
    entries = {key: config[key] for key in objects}
    return Problem(objects, {**entries, RESERVED: {"versions": versions}})


def _build_all(config: Mapping[str, Any], registry: Registry, origin: str) -> dict[str, Any]:
    """Build in the order of references; what several constructors refuse is reported together."""
    graph = dependencies(config)
    objects: dict[str, Any] = {}
    troubles: list[Trouble] = []
    cause: Exception | None = None
    for key in TopologicalSorter(graph).static_order():
        if any(other not in objects for other in graph[key]):
            continue
        try:
            objects[key] = _build_one(config[key], objects, registry)
        except Exception as error:
            cause = cause or error
            name, text = config[key]["name"], str(error) or type(error).__name__
            own = text.startswith(f"{name} ")
            troubles.append(Trouble(key, text if own else f"{name} refuses its parameters: {text}"))
    if troubles:
        raise error_of(troubles, origin) from cause
    return {key: objects[key] for key in graph}


def _build_one(entry: Mapping[str, Any], objects: Mapping[str, Any], registry: Registry) -> Any:
    name = entry["name"]
    signature = signature_of(registry.get(name))
    hints = {} if signature is None else {p.name: p.annotation for p in signature.parameters.values()}
    params = entry.get("params", {})
    built = {word: build(value, objects, hints.get(word)) for word, value in params.items()}
    return registry.create(name, **built)


def versions_of(config: Mapping[str, Any], registry: Registry) -> dict[str, str]:
    """Return ``{distribution: version}`` of the core and of every component that ``config`` names."""
    packs = (registry.pack_of(entry["name"]) for key, entry in config.items() if key != RESERVED)
    found = {pack.dist: pack.version for pack in packs if pack is not None}
    return dict(sorted({"wellposed": __version__, **found}.items()))


def _warn_of_other_versions(recorded: Mapping[str, str], current: Mapping[str, str], origin: str) -> None:
    changed = [
        f"{dist} {version} (now {current[dist]})"
        for dist, version in recorded.items()
        if dist in current and current[dist] != version
    ]
    if changed:
        text = f"{origin} was made with {', '.join(changed)}; results may differ."
        warnings.warn(text, UserWarning, stacklevel=3)
