"""Whether a plain value can be what a parameter's annotation asks for.

A configuration and a command line hand over numbers and texts; a wrong one is told apart here, before a
constructor stumbles over it. Only what is certainly wrong is refused: an annotation that cannot be read,
or an object of any other class, is the constructor's business.
"""

from __future__ import annotations

import inspect
import os
import sys
import types
from typing import Any, Literal, Union, get_args, get_origin

_PLAIN = (str, bool, int, float, type(None))
_SIMPLE = frozenset({*_PLAIN, complex})


def misfit_of(value: Any, field: inspect.Parameter, factory: Any) -> str | None:
    """Say what ``field`` of ``factory`` takes instead of ``value``; ``None`` when it may take it."""
    if value is None and field.default is None:
        return None
    wanted = _alternatives(field.annotation, factory)
    if not wanted or any(_fits(value, one, wanted) for one in wanted):
        return None
    names = " or ".join(dict.fromkeys(map(_shown, wanted)))
    hint = _reference_hint(wanted) if isinstance(value, str) else ""
    return f"{names} for {field.name!r}, not {value!r:.60}.{hint}"


def _reference_hint(wanted: list[Any]) -> str:
    if any((one in _SIMPLE and one is not type(None)) or not isinstance(one, type) for one in wanted):
        return ""
    return " An object is referred to by '@' and its name."


def _alternatives(annotation: Any, factory: Any) -> list[Any]:
    """Return the members of a union, a single annotation alone; nothing where it cannot be read."""
    if annotation is inspect.Parameter.empty:
        return []
    if isinstance(annotation, str):
        owner = getattr(factory, "__init__", factory) if isinstance(factory, type) else factory
        module = sys.modules.get(getattr(owner, "__module__", None) or "")
        try:
            annotation = eval(annotation, dict(vars(module)) if module else {})
        except Exception:  # names that only a type checker sees, or a foreign dialect
            return []
    return _members(annotation)


def _members(annotation: Any) -> list[Any]:
    if get_origin(annotation) in (Union, types.UnionType):
        return [member for part in get_args(annotation) for member in _members(part)]
    if isinstance(annotation, str) or annotation is None:
        return [type(None) if annotation is None else Any]
    return [annotation]


def _fits(value: Any, wanted: Any, others: list[Any]) -> bool:
    """Whether ``value`` may be of the one alternative ``wanted``."""
    if type(value) in (list, tuple):
        return not _SIMPLE.issuperset(others)
    if type(value) not in _PLAIN:
        return True
    origin = get_origin(wanted)
    if origin is Literal:
        return value in get_args(wanted)
    kind = origin or wanted
    if not isinstance(kind, type) or kind is object:
        return True
    if issubclass(kind, os.PathLike):
        return isinstance(value, str)
    if type(value) in (int, float) and (kind.__name__ == "Tensor" or issubclass(kind, float | complex)):
        return True
    if type(value) is bool and kind is int:
        return False
    try:
        return isinstance(value, kind)
    except TypeError:  # a protocol that isinstance does not take
        return True


def _shown(wanted: Any) -> str:
    if wanted is type(None):
        return "None"
    if get_origin(wanted) is Literal:
        return " or ".join(map(repr, get_args(wanted)))
    return wanted.__name__ if isinstance(wanted, type) and not get_args(wanted) else str(wanted)
