"""Scans as a small text file, so that a stack of pictures knows how it was taken.

A geometry's own arguments under its own names, and ``type``: ``parallel``, ``fan``, and whatever else has a
class in :mod:`wellposed_ct.geometry`. Angles may be written in degrees, as ``angles_deg``.
"""

from __future__ import annotations

import inspect
import math
import re
import tomllib
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from wellposed.atomic import write_text
from wellposed.errors import FileFormatError, ParameterError, WellposedError
from wellposed_ct import geometry as geometries

__all__ = ["read_geometry", "write_geometry"]

MAX_BYTES = 2**26


def known_types() -> dict[str, Any]:
    """Return ``{"parallel": ParallelGeometry, …}``."""
    names = [name for name in geometries.__all__ if name.endswith("Geometry")]
    return {_snake(name.removesuffix("Geometry")): getattr(geometries, name) for name in names}


def read_geometry(path: str | PathLike[str]) -> Any:
    """Return the geometry in a TOML file.

    Raises
    ------
    FileFormatError
        Not TOML, of an unknown type, or with arguments that the type does not have or refuses.
    """
    path = Path(path)
    if path.stat().st_size > MAX_BYTES:
        raise FileFormatError(f"{path}: larger than {MAX_BYTES >> 20} MiB; that is no geometry.")
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path}: not a readable TOML file: {error}") from error
    known = known_types()
    kind = found.pop("type", None)
    if not isinstance(kind, str) or kind not in known:
        raise FileFormatError(f"{path}: type = {kind!r} is none of {', '.join(known)}.")
    try:
        if "angles_deg" in found:
            found["angles"] = np.deg2rad(found.pop("angles_deg")).tolist()
        return known[kind](**found)
    except (WellposedError, TypeError, ValueError) as error:
        raise FileFormatError(f"{path}: {error}") from error


def write_geometry(path: str | PathLike[str], geometry: Any, *, overwrite: bool = False) -> None:
    """Write a geometry to a TOML file, atomically; every digit is kept.

    Raises
    ------
    ParameterError
        It is none of this pack's.
    OutputExistsError
        The file exists and ``overwrite`` is false.
    """
    kind = next((name for name, known in known_types().items() if type(geometry) is known), None)
    if kind is None:
        raise ParameterError(f"Cannot write {fspath(path)}: {type(geometry).__name__} is no geometry of CT.")
    lines = ["# lengths in millimetres, angles in radians", f'type = "{kind}"']
    for name in list(inspect.signature(type(geometry).__init__).parameters)[1:]:
        value = getattr(geometry, name)
        lines.append(f"{name} = {_toml(value() if callable(value) else value)}")
    write_text(path, "\n".join(lines) + "\n", overwrite=overwrite)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return repr(float(value)) if math.isfinite(value) else str(float(value))
    values = value.tolist() if hasattr(value, "tolist") else value
    return "[" + ", ".join(_toml(v) for v in values) + "]"


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
