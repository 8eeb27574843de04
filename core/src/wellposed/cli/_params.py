"""Parameters on the command line: ``key=value``, values as in JSON, plain text, or ``@name`` for an object.

``@optim.tv_denoiser`` is that component, made with its defaults, as a reference in a configuration is an
object; a text that starts with ``@`` is written with ``@@``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import click

from wellposed.config._compose import _build_one
from wellposed.config._values import references
from wellposed.errors import ConfigError, ParameterError
from wellposed.registry import Registry
from wellposed.runs import Method
from wellposed.runs._values import require_kind

_WORDS = {"True": True, "False": False, "None": None}


def parse_value(text: str) -> Any:
    """Return a number, boolean, list or text: ``0.1``, ``true``, ``[1, 2]``, ``valid``."""
    if text in _WORDS:
        return _WORDS[text]
    try:
        return json.loads(text)
    except ValueError:
        return text


def parse_params(texts: Iterable[str], option: str = "--param") -> dict[str, Any]:
    """Return ``{key: value}`` of ``key=value`` texts; :class:`click.UsageError` for anything else."""
    params: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip().isidentifier():
            raise click.UsageError(f"{option} {text!r}: key=value is expected, such as weight=0.01.")
        if key.strip() in params:
            raise click.UsageError(f"{option} {key.strip()!r} is given twice.")
        params[key.strip()] = parse_value(value.strip())
    return params


def parse_method(text: str, option: str = "--method") -> tuple[str, dict[str, Any]]:
    """Return name and parameters of ``NAME`` or ``NAME:key=value,key=value``."""
    name, _, rest = text.partition(":")
    return name, parse_params(_split(rest), f"{option} {name}:") if rest else {}


def _split(text: str) -> list[str]:
    """Split at commas outside brackets and quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for i, c in enumerate(text):
        quoted ^= c == '"'
        depth += 0 if quoted else (c in "[{") - (c in "]}")
        if c == "," and depth == 0 and not quoted:
            parts.append(text[start:i])
            start = i + 1
    return [*parts, text[start:]]


def create(name: str, kind: str, params: dict[str, Any], registry: Registry) -> Any:
    """Return the component ``name``, which must be of ``kind``, made with ``params``.

    Lists become tensors where the component asks for one, and ``"@name"`` the component of that name, as
    in a configuration.
    """
    require_kind(name, kind, registry)
    objects = {other: registry.create(other) for _, other in references(params, "")}
    try:
        return _build_one({"name": name, "params": params}, objects, registry)
    except ConfigError as error:
        raise ParameterError(str(error)) from error


def create_method(text: str, extra: dict[str, Any], registry: Registry) -> Method:
    """Return the method that ``NAME:key=value,…`` and ``extra`` parameters describe."""
    name, params = parse_method(text)
    params |= extra
    return Method(name, create(name, "reconstructor", params, registry), name, params)
