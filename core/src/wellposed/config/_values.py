"""The values of a configuration, and the few tables that stand for a tensor, a space or a dtype."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from wellposed.errors import ConfigError
from wellposed.nearest import did_you_mean
from wellposed.spaces import AnySpace, ProductSpace, Space

MAX_DEPTH = 32
MAX_VALUES = 1_000_000

DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
        torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128,
    )
}  # fmt: skip

_LITERALS = ({"tensor"}, {"tensor", "dtype"}, {"space"}, {"space", "dtype"}, {"spaces"}, {"dtype"})


def plain_problems(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield ``(path, sentence)`` for all in ``value`` that is not plain data, or is too deep or too much.

    The bounds are what makes YAML's aliases harmless: they can write a terabyte in ten lines.
    """
    stack, seen = [(value, path, 0)], 0
    while stack:
        item, where, depth = stack.pop()
        seen += 1
        if seen > MAX_VALUES:
            yield path, f"holds more than {MAX_VALUES} values; keep data in files, not in a configuration."
            return
        if depth > MAX_DEPTH:
            yield path, f"is nested deeper than {MAX_DEPTH} levels."
            return
        if isinstance(item, Mapping):
            for key in item:
                if not isinstance(key, str):
                    yield where, f"has the key {key!r} ({type(key).__name__}); keys are texts."
            stack += [(child, f"{where}.{key}", depth + 1) for key, child in item.items()]
        elif isinstance(item, list | tuple):
            stack += [(child, f"{where}[{i}]", depth + 1) for i, child in enumerate(item)]
        elif item is not None and not isinstance(item, str | bool | int | float):
            yield where, f"is a {type(item).__name__}; a value is a number, a text, a list or a table."


def references(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield ``(path, key)`` for every ``"@key"`` within plain ``value``."""
    if isinstance(value, str):
        if value.startswith("@") and not value.startswith("@@"):
            yield path, value[1:]
    elif isinstance(value, Mapping):
        for key, child in value.items():
            yield from references(child, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for i, child in enumerate(value):
            yield from references(child, f"{path}[{i}]")


def build(value: Any, objects: Mapping[str, Any], annotation: object = None) -> Any:
    """Turn plain ``value`` into what a constructor takes; :class:`ConfigError` for a wrong literal."""
    if isinstance(value, str) and value.startswith("@"):
        return value[1:] if value.startswith("@@") else objects[value[1:]]
    if isinstance(value, Mapping):
        if set(value) in _LITERALS:
            return _literal(value)
        return {key: build(child, objects) for key, child in value.items()}
    if isinstance(value, list | tuple):
        if _wants_tensor(annotation) and _is_numeric(value):
            return _tensor(value, None)
        return [build(child, objects) for child in value]
    return value


def _wants_tensor(annotation: object) -> bool:
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    return re.search(r"\bTensor\b", text) is not None


def _is_numeric(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(_is_numeric(child) for child in value)
    return isinstance(value, int | float)


def _literal(table: Mapping[str, Any]) -> Any:
    dtype = _dtype(table["dtype"]) if "dtype" in table else None
    if "tensor" in table:
        return _tensor(table["tensor"], dtype)
    if "space" in table:
        return Space(_sizes(table["space"]), dtype)
    if "spaces" in table:
        if not isinstance(table["spaces"], list | tuple):
            raise ConfigError(f"{{spaces = {table['spaces']!r}}}: a list of spaces is expected.")
        factors: Any = [_space(part) for part in table["spaces"]]
        return ProductSpace(factors)
    return dtype


def _space(table: Any) -> AnySpace:
    if not isinstance(table, Mapping) or set(table) not in ({"space"}, {"space", "dtype"}, {"spaces"}):
        raise ConfigError(f"{table!r} is not a space; write {{space = [1, 64, 64], dtype = 'float32'}}.")
    space: AnySpace = _literal(table)
    return space


def _sizes(shape: Any) -> list[int | None]:
    if not isinstance(shape, list | tuple) or not all(n == "*" or type(n) is int for n in shape):
        raise ConfigError(f"{{space = {shape!r}}}: a list of sizes is expected, with '*' for a free axis.")
    return [None if n == "*" else n for n in shape]


def _dtype(name: Any) -> torch.dtype:
    if not isinstance(name, str) or name not in DTYPES:
        raise ConfigError(f"{name!r} is not a dtype.{did_you_mean(str(name), DTYPES)}")
    return DTYPES[name]


def _tensor(rows: Any, dtype: torch.dtype | None) -> Tensor:
    """Numbers become a tensor of ``dtype``: the default float when not said, booleans stay booleans."""
    try:
        value = torch.tensor(rows, dtype=torch.float64 if dtype is not None and dtype.is_complex else dtype)
        if dtype is None:
            return value if value.dtype == torch.bool else value.to(torch.get_default_dtype())
        return torch.view_as_complex(value).to(dtype) if dtype.is_complex else value
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        pairs = ", with [real, imaginary] pairs innermost" if dtype is not None and dtype.is_complex else ""
        text = f"a tensor is nested lists of numbers of equal lengths{pairs}; {error}"
        raise ConfigError(text) from error


def unbuild(value: Any, names: Mapping[int, str]) -> Any:
    """Turn a constructor argument into plain data; ``names`` maps ``id(object)`` to its key."""
    if id(value) in names:
        return f"@{names[id(value)]}"
    if isinstance(value, str):
        return f"@{value}" if value.startswith("@") else value
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Tensor):
        return _tensor_table(value)
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if isinstance(value, Space):
        sizes = ["*" if n is None else n for n in value.shape]
        return {"space": sizes} | ({} if value.dtype is None else unbuild(value.dtype, {}))
    if isinstance(value, ProductSpace):
        return {"spaces": [unbuild(part, {}) for part in value.spaces]}
    if isinstance(value, Mapping):
        return {key: unbuild(child, names) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [unbuild(child, names) for child in value]
    raise ConfigError(
        f"a {type(value).__name__} has no form in a configuration; give it a key of its own and refer to it."
    )


def _tensor_table(value: Tensor) -> dict[str, Any]:
    value = value.detach().cpu()
    if value.numel() > MAX_VALUES // 10:
        raise ConfigError(
            f"a tensor of {value.numel()} numbers is too big for a configuration; save it in a file."
        )
    rows = torch.view_as_real(value.resolve_conj()) if value.is_complex() else value
    return {"tensor": rows.tolist(), "dtype": str(value.dtype).removeprefix("torch.")}
