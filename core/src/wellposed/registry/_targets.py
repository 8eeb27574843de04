"""From ``"module:attribute"`` to the object, and from the object to what its call takes."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping
from functools import reduce
from typing import Any

from wellposed.errors import ParameterError, UnknownParameterError, WellposedError
from wellposed.nearest import did_you_mean
from wellposed.registry._annotations import misfit_of


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


def value_problems(factory: Any, params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return ``(parameter, sentence)`` for each number or text that its parameter's annotation excludes."""
    signature = signature_of(factory)
    problems = []
    for name, value in params.items():
        field = signature.parameters.get(name) if signature else None
        misfit = None if field is None else misfit_of(value, field, factory)
        if misfit:
            problems.append((name, f"takes {misfit}"))
    return problems


def _shown(parameter: inspect.Parameter) -> str:
    if parameter.default is parameter.empty:
        return parameter.name
    return f"{parameter.name}={parameter.default!r}"


def call(name: str, factory: Any, params: Mapping[str, Any]) -> Any:
    """Call ``factory(**params)``; what its arguments do wrong becomes one sentence that names it."""
    problems = argument_problems(factory, params)
    if problems:
        kind = UnknownParameterError if any(unknown for _, unknown, _ in problems) else ParameterError
        raise kind(" ".join(f"{name} {sentence}" for _, _, sentence in problems))
    values = value_problems(factory, params)
    if values:
        raise ParameterError(" ".join(f"{name} {sentence}" for _, sentence in values))
    try:
        return factory(**params)
    except (TypeError, ValueError, AttributeError) as error:
        if isinstance(error, WellposedError):
            error.add_note(f"while creating {name!r}")
            raise
        given = ", ".join(f"{key}={_brief(value)}" for key, value in params.items()) or "no parameters"
        raise ParameterError(f"{name} refuses {given}: {type(error).__name__}: {error}") from error
    except Exception as error:
        error.add_note(f"while creating {name!r}")
        raise


def _brief(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"{type(value).__name__}{tuple(shape)}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
