"""From ``"module:attribute"`` to the object, and from the object to what its call takes."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping
from functools import reduce
from typing import Any

from wellposed.errors import ParameterError, UnknownParameterError
from wellposed.nearest import did_you_mean


def resolve(target: str) -> Any:
    """Import the module and walk to the attribute; raises what Python raises."""
    module, _, path = target.partition(":")
    return reduce(getattr, path.split("."), importlib.import_module(module))


def signature_of(factory: Any) -> inspect.Signature | None:
    """Return the call signature, or ``None`` for a callable that has none to read.

    A class whose metaclass wraps construction (as our immutable modules do) is read by its ``__init__``.
    """
    try:
        if isinstance(factory, type) and type(factory).__call__ is not type.__call__:
            signature = inspect.signature(factory.__init__)  # type: ignore[misc]
            return signature.replace(parameters=list(signature.parameters.values())[1:])
        return inspect.signature(factory)
    except (TypeError, ValueError):
        return None


def shown(signature: inspect.Signature | None) -> str:
    """Return the signature as a reader would write it: no quotes around annotations, no return type."""
    if signature is None:
        return "(…)"
    text = str(signature.replace(return_annotation=signature.empty))
    return re.sub(r": '([^']*)'", r": \1", text)


def argument_problems(factory: Any, params: Mapping[str, Any]) -> list[tuple[str, bool, str]]:
    """Return ``(parameter, is_unknown, sentence)`` for each unknown or missing parameter."""
    signature = signature_of(factory)
    if signature is None:
        return []
    fields = signature.parameters.values()
    named = {p.name: p for p in fields if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in fields)
    listed = ", ".join(_shown(p) for p in named.values()) or "nothing"
    problems = [
        (name, True, f"has no parameter {name!r}; it takes {listed}.{did_you_mean(name, named)}")
        for name in params
        if name not in named and not open_ended
    ]
    problems += [
        (name, False, f"needs the parameter {name!r}; it takes {listed}.")
        for name, p in named.items()
        if p.default is p.empty and name not in params
    ]
    return problems


def _shown(parameter: inspect.Parameter) -> str:
    if parameter.default is parameter.empty:
        return parameter.name
    return f"{parameter.name}={parameter.default!r}"


def call(name: str, factory: Any, params: Mapping[str, Any]) -> Any:
    """Call ``factory(**params)``; a signature error becomes one sentence that names the component."""
    problems = argument_problems(factory, params)
    if problems:
        kind = UnknownParameterError if any(unknown for _, unknown, _ in problems) else ParameterError
        raise kind(" ".join(f"{name} {sentence}" for _, _, sentence in problems))
    try:
        return factory(**params)
    except Exception as error:
        error.add_note(f"while creating {name!r}")
        raise
