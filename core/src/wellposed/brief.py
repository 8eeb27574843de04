"""How values read in one line: tensors by their shapes, long lists by their beginning and length."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import attrs
import numpy as np
from torch import Tensor

from wellposed.spaces import Space

_ITEMS = 6
_LETTERS = 100


def brief(value: object) -> str:
    """Return ``value`` for a line of a page; what is larger than that is told by its size."""
    if isinstance(value, Tensor | np.ndarray):
        number = value.size == 1 if isinstance(value, np.ndarray) else value.numel() == 1
        real = not (np.iscomplexobj(value) if isinstance(value, np.ndarray) else value.is_complex())
        return f"{value.item():.4g}" if number and real else str(tuple(value.shape))
    if isinstance(value, Space):
        return str(value)
    if isinstance(value, tuple | list):
        return _sequence(value)
    kind: type = type(value)
    if attrs.has(kind):
        return _record(value, [f.name for f in attrs.fields(kind) if f.repr])
    if is_dataclass(value) and not isinstance(value, type):
        return _record(value, [f.name for f in fields(value) if f.repr])
    text: str = getattr(value, "__name__", repr(value))
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"


def _sequence(values: tuple[object, ...] | list[object]) -> str:
    left, right = "()" if isinstance(values, tuple) else "[]"
    shown = ", ".join(map(brief, values[:_ITEMS]))
    if len(values) > _ITEMS:
        return f"{left}{shown}, … {len(values)} in all{right}"
    alone = "," if isinstance(values, tuple) and len(values) == 1 else ""
    return f"{left}{shown}{alone}{right}"


def _record(value: object, names: list[str]) -> str:
    listed = ", ".join(f"{name}={brief(getattr(value, name))}" for name in names)
    return f"{type(value).__name__}({listed})"
