"""Everything that can be wrong with a configuration, found before anything is built."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from wellposed.config._values import plain_problems, references
from wellposed.errors import ConfigError, RegistryError
from wellposed.nearest import did_you_mean
from wellposed.registry import Registry
from wellposed.registry._targets import argument_problems, value_problems

RESERVED = "wellposed"
_KEY = re.compile(r"[A-Za-z][\w-]*")


@attrs.frozen
class Trouble:
    """One problem and where it is."""

    path: str
    text: str


def error_of(troubles: list[Trouble], origin: str) -> ConfigError:
    """Return the one error that lists them all."""
    lines = [f"{t.path}: {t.text}" for t in troubles]
    if len(lines) == 1:
        return ConfigError(f"{origin}: {lines[0]}")
    listed = "\n".join(f"  {line}" for line in lines)
    return ConfigError(f"{origin} has {len(lines)} problems:\n{listed}")


def validate(config: Any, registry: Registry) -> list[Trouble]:
    """Return every problem of ``config``, in the order in which a reader meets them."""
    if not isinstance(config, Mapping):
        return [Trouble("(top)", f"is a {type(config).__name__}; a table of named objects is expected.")]
    crude = [Trouble(path.removeprefix("."), text) for path, text in plain_problems(config, "")]
    if crude:
        return [attrs.evolve(t, path=t.path or "(top)") for t in crude]
    troubles = list(_versions_troubles(config.get(RESERVED, {})))
    for key, entry in config.items():
        if key != RESERVED:
            troubles += _entry_troubles(key, entry, config, registry)
    if not troubles:
        troubles += [Trouble(c[0], f"refers to itself: {' → '.join(c)}.") for c in cycles(config)]
    return troubles


def _versions_troubles(table: Any) -> Iterator[Trouble]:
    if not isinstance(table, Mapping):
        yield Trouble(
            RESERVED, "is reserved for the versions that made the configuration; rename the object."
        )
        return
    for key in table:
        if key != "versions":
            yield Trouble(f"{RESERVED}.{key}", f"unknown key.{did_you_mean(key, ['versions'])}")
    versions = table.get("versions", {})
    if not isinstance(versions, Mapping) or not all(isinstance(v, str) for v in versions.values()):
        yield Trouble(f"{RESERVED}.versions", "a table {distribution = version} is expected.")


def _entry_troubles(key: str, entry: Any, config: Mapping[str, Any], registry: Registry) -> Iterator[Trouble]:
    if not _KEY.fullmatch(key):
        yield Trouble(key or "''", "a key is letters, digits, '_' and '-', and starts with a letter.")
    if not isinstance(entry, Mapping):
        yield Trouble(key, f"is {entry!r:.60}; an object is a table {{name = '…', params = {{…}}}}.")
        return
    for word in entry:
        if word not in ("name", "params"):
            hint = did_you_mean(word, ["name", "params"])
            yield Trouble(f"{key}.{word}", f"unknown key; an object has 'name' and 'params'.{hint}")
    params = entry.get("params", {})
    if not isinstance(params, Mapping):
        yield Trouble(f"{key}.params", f"is {params!r:.60}; a table of parameters is expected.")
        params = None
    yield from _component_troubles(key, entry, params, registry)
    others = [word for word in config if word != RESERVED]
    for path, target in references(params, f"{key}.params"):
        if target not in others:
            yield Trouble(path, f"refers to '@{target}', which is not there.{did_you_mean(target, others)}")


def _component_troubles(
    key: str, entry: Mapping[str, Any], params: Mapping[str, Any] | None, registry: Registry
) -> Iterator[Trouble]:
    name = entry.get("name")
    if not isinstance(name, str):
        seen = "is missing" if name is None else f"is {name!r:.60}"
        yield Trouble(f"{key}.name", f"{seen}; the name of a component is expected.")
        return
    try:
        factory = registry.get(name)
    except RegistryError as error:
        yield Trouble(f"{key}.name", str(error))
        return
    if params is None:
        return
    for parameter, _, sentence in argument_problems(factory, params):
        yield Trouble(f"{key}.params.{parameter}", f"{name} {sentence}")
    literal = {word: value for word, value in params.items() if not next(references(value, ""), None)}
    for parameter, sentence in value_problems(factory, literal):
        yield Trouble(f"{key}.params.{parameter}", f"{name} {sentence}")


def dependencies(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return, for each object, the objects it refers to."""
    return {
        key: list(dict.fromkeys(target for _, target in references(entry.get("params", {}), "")))
        for key, entry in config.items()
        if key != RESERVED
    }


def cycles(config: Mapping[str, Any]) -> list[list[str]]:
    """Return each circle of references once, as ``[a, b, a]``."""
    graph = dependencies(config)
    done: set[str] = set()
    found: list[list[str]] = []
    for start in graph:
        if start in done:
            continue
        path, stack = [start], [(start, iter(graph[start]))]
        while stack:
            node, children = stack[-1]
            child = next(children, None)
            if child is None:
                stack.pop()
                path.pop()
                done.add(node)
            elif child in path:
                found.append([*path[path.index(child) :], child])
            elif child not in done:
                stack.append((child, iter(graph[child])))
                path.append(child)
    return found
