"""A run from a configuration: the objects of :func:`wellposed.compose`, each in the role of its kind.

.. code-block:: toml

    [run]                       # optional, like each of its keys
    title = "Motion blur"
    seed = 0

    [image]
    name = "viz.photograph"

    [blur]
    name = "deblurring.blur"    # the image's shape is filled in where the domain is left out
    params.kernel = [[1.0]]

    [shake]
    name = "deblurring.camera_shake"   # a generator draws parameters of the physics

    [noise]
    name = "core.gaussian"
    params.sigma = 0.01

    [tv]
    name = "optim.tv"

Roles are taken by kind, whatever the keys are called: one physics, at most one dataset, generator and noise,
every reconstructor (in order) and every metric that no other object refers to.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wellposed import registry as registries
from wellposed.config import compose, load_config
from wellposed.config._validate import RESERVED, Trouble, dependencies, error_of, validate
from wellposed.errors import ConfigError, RegistryError
from wellposed.nearest import did_you_mean
from wellposed.registry import Registry
from wellposed.registry._targets import argument_problems
from wellposed.runs._simulate import simulate
from wellposed.runs._values import Method, Run, default_metrics

TABLE = "run"
_KEYS: dict[str, type] = {"title": str, "seed": int, "image": object, "output": str}


def planned(
    config: Mapping[str, Any] | str | Path, *, registry: Registry | None = None, **overrides: Any
) -> tuple[Run, dict[str, Any]]:
    """Return the run that ``config`` describes, measured but not executed, and its ``[run]`` table.

    Parameters
    ----------
    config
        A mapping, or the path of a TOML, YAML or JSON file; see this module for what it holds.
    registry
        Where names are looked up.
    overrides
        Keys of the ``[run]`` table that replace the file's.

    Raises
    ------
    ConfigError
        Lists all that is wrong.
    """
    registry = registries.default() if registry is None else registry
    origin = "the configuration" if isinstance(config, Mapping) else str(config)
    data: dict[str, Any] = copy.deepcopy(dict(config)) if isinstance(config, Mapping) else load_config(config)
    given = data.pop(TABLE, {})
    roles = _Roles(data, registry, origin)
    troubles = [*_table_troubles(given), *_object_troubles(data, roles, registry)]
    if troubles:
        raise error_of(troubles, origin)
    table = {**given, **overrides}
    image, source = _image(data, roles, table, origin, registry)
    _fill_in_domain(data, roles.one("physics", required=True), list(image.shape[1:]), registry)
    problem = compose(data, registry)
    seed = int(table.get("seed", 0))
    physics = problem[roles.one("physics", required=True)]
    parts = {kind: problem[key] for kind in ("noise", "generator") if (key := roles.one(kind))}
    measurement = simulate(image, physics, seed=seed, meta={"source": source}, **parts)
    methods = [
        Method(
            data[key]["name"], problem[key], data[key]["name"], expanded(data[key].get("params", {}), data)
        )
        for key in roles.all("reconstructor", required=True)
    ]
    metrics = {key: problem[key] for key in roles.all("metric")} or default_metrics(registry)
    title = table.get("title") or f"{data[roles.one('physics')]['name']}: {source}"
    run = Run(title, measurement, methods, metrics, seed=seed, config={TABLE: table, **problem.config})
    return run, table


def _table_troubles(table: Any) -> Iterator[Trouble]:
    if not isinstance(table, Mapping):
        yield Trouble(TABLE, f"is {table!r:.60}; a table with {', '.join(_KEYS)} is expected.")
        return
    for key, value in table.items():
        if key not in _KEYS:
            yield Trouble(f"{TABLE}.{key}", f"unknown key.{did_you_mean(key, _KEYS)}")
        elif not isinstance(value, _KEYS[key]) or isinstance(value, bool):
            kind = _KEYS[key].__name__
            yield Trouble(f"{TABLE}.{key}", f"is {value!r:.60}; a value of type {kind} is expected.")


def _object_troubles(config: Mapping[str, Any], roles: _Roles, registry: Registry) -> list[Trouble]:
    """Return what is wrong before any image is read; its shape, filled in later, stands as 1 × 1."""
    sized = copy.deepcopy(dict(config))
    for key in roles.all("physics"):
        with contextlib.suppress(RegistryError):  # what cannot be imported is one of the troubles
            _fill_in_domain(sized, key, [1, 1, 1], registry)
    return validate(sized, registry)


class _Roles:
    """Which keys of a configuration are of which kind, objects that others hold left out."""

    def __init__(self, config: Mapping[str, Any], registry: Registry, origin: str) -> None:
        self.origin = origin
        self.keys: dict[str, list[str]] = {}
        tables = {k: e for k, e in config.items() if isinstance(e, Mapping) and k != RESERVED}
        held = {key for keys in dependencies(tables).values() for key in keys}
        for key, entry in tables.items():
            try:
                kind = registry.component(str(entry.get("name"))).kind
            except RegistryError:
                continue  # compose reports it, together with all else that is wrong
            if key not in held:
                self.keys.setdefault(kind, []).append(key)

    def all(self, kind: str, *, required: bool = False) -> list[str]:
        """Return the keys of ``kind`` in the order of the configuration."""
        found = self.keys.get(kind, [])
        if required and not found:
            raise ConfigError(f"{self.origin} has no {kind}; `wellposed list {kind}` shows what there is.")
        return found

    def one(self, kind: str, *, required: bool = False) -> Any:
        """Return the only key of ``kind``, or ``None``."""
        found = self.all(kind, required=required)
        if len(found) > 1:
            raise ConfigError(
                f"{self.origin} has {len(found)} of kind {kind} ({', '.join(found)}); give one."
            )
        return found[0] if found else None


def _image(
    config: Mapping[str, Any], roles: _Roles, table: Mapping[str, Any], origin: str, registry: Registry
) -> tuple[Tensor, str]:
    """Return the truth ``(1, C, H, W)`` and where it is from: a dataset's item, or a file."""
    chosen = table.get("image", 0)
    if isinstance(chosen, str):
        base = Path(".") if origin == "the configuration" else Path(origin).parent
        from wellposed.runs._photos import read_photo

        measured = read_photo(base / chosen, registry)
        assert isinstance(measured.y, Tensor)
        return measured.y, Path(chosen).name
    key = roles.one("dataset", required=True)
    needed = _closure(key, dependencies({k: e for k, e in config.items() if k != RESERVED}))
    dataset = compose({k: config[k] for k in config if k in needed}, registry)[key]
    if not isinstance(chosen, int) or not -len(dataset) <= chosen < len(dataset):
        raise ConfigError(f"{origin}: run.image is {chosen!r}, and {key} has {len(dataset)} images, from 0.")
    item = dataset[chosen]
    if not isinstance(item, Tensor):
        raise ConfigError(f"{origin}: {key}[{chosen}] is a {type(item).__name__}; an image is expected.")
    return item[None], str(getattr(dataset, "name", f"{config[key]['name']}[{chosen}]"))


def _closure(key: str, graph: Mapping[str, list[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [key]
    while waiting:
        found.add(word := waiting.pop())
        waiting += [other for other in graph.get(word, ()) if other not in found and other in graph]
    return found


def _fill_in_domain(config: dict[str, Any], key: str, shape: list[int], registry: Registry) -> None:
    params = config[key].setdefault("params", {})
    if isinstance(params, dict) and "domain" not in params and takes(config[key]["name"], "domain", registry):
        params["domain"] = shape


def takes(name: str, parameter: str, registry: Registry) -> bool:
    """Whether the component ``name`` takes ``parameter``."""
    return not any(
        unknown and word == parameter
        for word, unknown, _ in argument_problems(registry.get(name), {parameter: None})
    )


def expanded(value: Any, config: Mapping[str, Any]) -> Any:
    """Return parameters as plain data, with references replaced by what they refer to."""
    if isinstance(value, str) and value.startswith("@") and not value.startswith("@@"):
        return expanded(dict(config[value[1:]]), config)
    if isinstance(value, Mapping):
        return {key: expanded(child, config) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [expanded(child, config) for child in value]
    if isinstance(value, torch.Tensor):
        return value.tolist()
    return value
