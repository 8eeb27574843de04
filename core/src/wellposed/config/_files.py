"""Configuration files: TOML, YAML and JSON in, TOML and JSON out."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from wellposed.atomic import write_text
from wellposed.errors import ConfigError

MAX_BYTES = 16 * 2**20


def load_config(path: str | PathLike[str]) -> dict[str, Any]:
    """Read a ``.toml``, ``.yaml``, ``.yml`` or ``.json`` file as plain data; nothing is built.

    Raises :class:`~wellposed.errors.ConfigError` for a missing, damaged, oversized or strange file.
    """
    path = Path(path)
    parsers: dict[str, Callable[[str], Any]]
    parsers = {".toml": tomllib.loads, ".yaml": _yaml, ".yml": _yaml, ".json": json.loads}
    parse = parsers.get(path.suffix.lower())
    if parse is None:
        raise ConfigError(f"{path}: a configuration ends in .toml, .yaml, .yml or .json.")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(
                f"{path} is larger than {MAX_BYTES >> 20} MiB; keep data in files of their own."
            )
        data = parse(path.read_text(encoding="utf-8"))
    except ConfigError:
        raise
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid {path.suffix[1:].upper()}: {_short(error)}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path} holds a {type(data).__name__}; a table of named objects is expected.")
    return data


def _short(error: BaseException) -> str:
    return "it is nested too deeply." if isinstance(error, RecursionError) else " ".join(str(error).split())


def _yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise ConfigError(
            'YAML files need PyYAML: pip install "wellposed[yaml]"; TOML needs nothing.'
        ) from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def save_config(config: Mapping[str, Any], path: str | PathLike[str], *, overwrite: bool = False) -> None:
    """Write ``config`` as TOML or JSON, by the ending of ``path``, atomically.

    Raises :class:`~wellposed.errors.OutputExistsError` when ``path`` exists and ``overwrite`` is not set.
    """
    path = Path(path)
    write = {".toml": dump_toml, ".json": _dump_json}.get(path.suffix.lower())
    if write is None:
        raise ConfigError(f"{path}: a configuration is written to .toml or .json.")
    write_text(path, write(config), overwrite=overwrite)


def _dump_json(config: Mapping[str, Any]) -> str:
    return json.dumps(config, indent=2) + "\n"


def dump_toml(config: Mapping[str, Any]) -> str:
    """Return ``config`` as TOML: one table an object, its parameters one a line."""
    blocks = []
    for key, entry in config.items():
        head = {word: value for word, value in entry.items() if word != "params"}
        lines = [f"[{_key(key)}]", *(f"{_key(word)} = {_value(value)}" for word, value in head.items())]
        if entry.get("params"):
            lines += [f"params.{_key(word)} = {_value(value)}" for word, value in entry["params"].items()]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _key(word: str) -> str:
    return word if re.fullmatch(r"[A-Za-z0-9_-]+", word) else _text(word)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(word)} = {_value(child)}" for word, child in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    raise ConfigError(f"TOML has no {type(value).__name__}; leave the key out, or save as .json.")
