"""From objects back to a configuration, by the rule that a constructor's arguments are attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from wellposed import registry as _registry
from wellposed.config._compose import versions_of
from wellposed.config._problem import Problem
from wellposed.config._validate import RESERVED
from wellposed.config._values import unbuild
from wellposed.errors import ConfigError
from wellposed.registry import Registry
from wellposed.registry._targets import resolve, signature_of


def to_config(problem: Problem | Mapping[str, Any], registry: Registry | None = None) -> dict[str, Any]:
    """Return the configuration that :func:`compose` turns into the same objects.

    Parameters
    ----------
    problem
        A composed :class:`Problem`, or a dict of objects made by hand: each must be an instance of a
        registered class, whose arguments are read back from its attributes. An object that another one
        holds is written ``"@key"``, and gets a key of its own where it has none.

    Raises
    ------
    ConfigError
        When an object is not of a registered class, or holds what a configuration cannot say.
    """
    if isinstance(problem, Problem):
        return problem.config
    registry = _registry.default() if registry is None else registry
    entries = _Writer(dict(problem), registry).entries()
    return {**entries, RESERVED: {"versions": versions_of(entries, registry)}}


class _Writer:
    def __init__(self, objects: dict[str, Any], registry: Registry) -> None:
        self.registry = registry
        self.objects = objects
        self.names = {id(value): key for key, value in objects.items()}
        self.written: dict[str, Any] = {}

    def entries(self) -> dict[str, Any]:
        waiting = list(self.objects)
        while waiting:
            key = waiting.pop(0)
            before = len(self.objects)
            self.written[key] = self._entry(key, self.objects[key])
            waiting += list(self.objects)[before:]
        return self.written

    def _entry(self, key: str, value: Any) -> dict[str, Any]:
        name = self._component(value)
        if name is None:
            kind = type(value).__qualname__
            raise ConfigError(f"{key}: {kind} is no registered component; only those have a name to write.")
        params = {}
        signature = signature_of(type(value))
        for parameter in [] if signature is None else signature.parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            argument = self._attribute(key, value, parameter.name)
            if not _same(argument, parameter.default):
                params[parameter.name] = self._plain(key, parameter.name, argument)
        return {"name": name} | ({"params": params} if params else {})

    def _attribute(self, key: str, value: Any, name: str) -> Any:
        try:
            return getattr(value, name)
        except AttributeError as error:
            kind = type(value).__qualname__
            text = (
                f"{key}: {kind} does not keep its argument {name!r} as an attribute, so it cannot be written."
            )
            raise ConfigError(text) from error

    def _plain(self, key: str, name: str, argument: Any) -> Any:
        for part in _parts(argument):
            if id(part) not in self.names and self._component(part) is not None:
                self._adopt(part, f"{key}_{name}")
        try:
            return unbuild(argument, self.names)
        except ConfigError as error:
            raise ConfigError(f"{key}.params.{name}: {error}") from error

    def _adopt(self, part: Any, base: str) -> None:
        key, count = base, 2
        while key in self.objects:
            key, count = f"{base}_{count}", count + 1
        self.objects[key] = part
        self.names[id(part)] = key

    def _component(self, value: Any) -> str | None:
        """Return the name under which the class of ``value`` is registered."""
        kind = type(value)
        spelt = f"{kind.__module__}:{kind.__qualname__}"
        tail = kind.__qualname__.rpartition(".")[2]
        for component in self.registry.components():
            if component.target == spelt or self.registry.is_local(component.name, kind):
                return component.name
            same_package = component.target.partition(".")[0] == kind.__module__.partition(".")[0]
            if same_package and component.target.endswith(f":{tail}") and resolve(component.target) is kind:
                return component.name
        return None


def _parts(argument: Any) -> list[Any]:
    if isinstance(argument, Mapping):
        return [part for child in argument.values() for part in _parts(child)]
    if isinstance(argument, list | tuple):
        return [part for child in argument for part in _parts(child)]
    return [argument]


def _same(argument: Any, default: Any) -> bool:
    if isinstance(argument, torch.Tensor) or isinstance(default, torch.Tensor):
        return argument is default
    return type(argument) is type(default) and bool(argument == default)
