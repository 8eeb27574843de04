"""Physics as a registered name and constructor arguments, never as code.

Saving looks a class up among the registered components; loading asks the registry for the name. So a file
can only ever build what is installed, and only kinds that a forward model is made of.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from wellposed.errors import FileFormatError, ParameterError, RegistryError
from wellposed.measurement._values import JSON, ValueDecoder, ValueEncoder

if TYPE_CHECKING:
    from wellposed.registry import Registry

KINDS = ("physics", "noise", "transform")
"""What a physics is made of. A file that names a component of another kind is refused."""

ALGEBRA = {
    "algebra.forward_model": "wellposed.forward:ForwardModel",
    "algebra.composition": "wellposed.operators:Composition",
    "algebra.sum": "wellposed.operators:Sum",
    "algebra.scaled": "wellposed.operators:Scaled",
    "algebra.adjoint": "wellposed.operators:Adjoint",
    "algebra.stack": "wellposed.operators:Stack",
    "algebra.block_diagonal": "wellposed.operators:BlockDiagonal",
}
"""How parts are put together: not components, since nobody looks them up, but as safe to build."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}(\.[a-z][a-z0-9_]{0,63}){1,3}")


class Encoder(ValueEncoder):
    """Encodes values, and objects of registered classes by name and arguments."""

    def __init__(self, registry: Registry | None) -> None:
        super().__init__()
        self._registry = registry

    def other(self, value: Any, where: str, depth: int) -> JSON:
        """Return ``{"$object": {"name": …, "params": …}}``."""
        name = self._name_of(value, where)
        params = {key: self.value(v, f"{where}.{key}", depth + 1) for key, v in _arguments(value, where)}
        return {"$object": {"name": name, "params": params}}

    def _name_of(self, value: object, where: str) -> str:
        kind = type(value)
        for name, target in ALGEBRA.items():
            if target.endswith(f":{kind.__name__}") and resolve(target) is kind:
                return name
        registry = _registry(self._registry)
        for component in registry.components():
            # comparing the text first imports nothing that cannot be the one
            if component.kind in KINDS and component.target.endswith(
                (f":{kind.__name__}", f".{kind.__name__}")
            ):
                try:
                    found = registry.get(component.name)
                except RegistryError:
                    continue
                if found is kind:
                    return component.name
        if not where.startswith("physics"):
            super().other(value, where, 0)
        raise ParameterError(
            f"Cannot save {where}: {kind.__module__}.{kind.__qualname__} is not a registered component of "
            f"kind {', '.join(KINDS)}, so no file could rebuild it. Register it in a pack, or pass it by "
            "registry=, or save without it: measurement.replace(physics=None)."
        )


class Decoder(ValueDecoder):
    """Decodes values, and builds objects through the registry."""

    def __init__(
        self, path: str | PathLike[str], tensors: Mapping[str, Tensor], registry: Registry | None
    ) -> None:
        super().__init__(path, tensors)
        self._registry = registry
        self._tags["$object"] = self._object

    def _object(self, record: JSON, where: str, depth: int) -> Any:
        if not isinstance(record, dict) or record.keys() != {"name", "params"}:
            raise self.damaged(where, "should be a component, and is not")
        name, params = record["name"], self.value(record["params"], where, depth)
        if not isinstance(name, str) or not _NAME.fullmatch(name) or not isinstance(params, dict):
            raise self.damaged(where, f"names the component {str(name)[:60]!r}, which is no name")
        try:
            return self._build(name, params, where)
        except (RegistryError, FileFormatError):
            raise
        except Exception as error:  # a stranger's arguments in a stranger's constructor: anything comes
            raise FileFormatError(
                f"{self.path}: {where[:80]} cannot be rebuilt: {name!r} refuses its arguments ("
                f"{type(error).__name__}: {str(error)[:200]}); the file is damaged, or {name!r} has changed."
            ) from error

    def _build(self, name: str, params: dict[str, Any], where: str) -> Any:
        if name in ALGEBRA:
            return resolve(ALGEBRA[name])(**params)
        registry = _registry(self._registry)
        kind = registry.component(name).kind
        if kind not in KINDS:
            raise FileFormatError(
                f"{self.path}: {where[:80]} asks for {name!r}, a {kind}; only components of kind "
                f"{', '.join(KINDS)} are built from a file."
            )
        return registry.create(name, **params)


def resolve(target: str) -> Any:
    """Return a class of :data:`ALGEBRA`; only ever called with its values."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def _registry(registry: Registry | None) -> Registry:
    if registry is not None:
        return registry
    from wellposed.registry import default

    return default()


def _arguments(value: object, where: str) -> list[tuple[str, Any]]:
    """Return constructor arguments, read back by the rule that each is an attribute of its name."""
    found = []
    # of __init__, not of the class: a metaclass with its own __call__ would hide the arguments
    for parameter in list(inspect.signature(type(value).__init__).parameters.values())[1:]:
        name = parameter.name
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ParameterError(
                f"Cannot save {where}: {type(value).__name__} takes {parameter}, which has no attribute to "
                "read back; give its constructor named arguments only."
            )
        if not hasattr(value, name):
            raise ParameterError(
                f"Cannot save {where}: {type(value).__name__} has no attribute {name!r}, though its "
                "constructor takes it; keep every constructor argument as an attribute of the same name."
            )
        argument = getattr(value, name)
        if isinstance(argument, nn.Parameter):
            argument = argument.detach()
        found.append((name, argument))
    return found
