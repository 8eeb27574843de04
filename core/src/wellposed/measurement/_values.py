"""Python values as JSON and back: what JSON lacks is a mapping with one key that starts with ``$``.

``{"$tensor": name}`` refers to a tensor stored beside the document, ``{"$tuple": […]}`` is a tuple, and so
on. Each tensor may be referred to once, so a small document cannot unfold into large memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from wellposed.errors import FileFormatError, ParameterError
from wellposed.spaces import ProductSpace, Space

JSON: TypeAlias = Any

MAX_DEPTH = 64
DTYPES = {
    str(t).removeprefix("torch."): t
    for t in (
        *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex128, torch.complex64),
        *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.uint16, torch.bool),
    )
}


class ValueEncoder:
    """Turns values into JSON, setting tensors aside under readable names."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}

    def value(self, value: Any, where: str, depth: int = 0) -> JSON:
        """Return ``value`` as JSON; :class:`ParameterError` naming ``where`` it cannot be."""
        if depth > MAX_DEPTH:
            raise ParameterError(f"Cannot save {where[:80]}…: it is nested more than {MAX_DEPTH} deep.")
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, (int, float, complex)):
            return _number(value, where)
        if isinstance(value, (list, tuple, torch.nn.ModuleList)):
            items = [self.value(v, f"{where}.{i}", depth + 1) for i, v in enumerate(value)]
            return {"$tuple": items} if isinstance(value, tuple) else items
        if isinstance(value, Mapping):
            return self._mapping(value, where, depth)
        simple = self._simple(value, where)
        return self.other(value, where, depth) if simple is None else simple

    def _mapping(self, value: Mapping[Any, Any], where: str, depth: int) -> JSON:
        for key in value:
            if not isinstance(key, str):
                raise ParameterError(f"Cannot save {where}: its key {key!r} is not text; use str keys.")
        items = {key: self.value(v, f"{where}.{key}", depth + 1) for key, v in value.items()}
        if any(key.startswith("$") for key in items):
            return {"$items": [[key, v] for key, v in items.items()]}
        return items

    def _simple(self, value: Any, where: str) -> JSON | None:
        match value:
            case Tensor():
                return {"$tensor": self._aside(value, where)}
            case np.ndarray():
                return {"$array": self._aside(_from_numpy(value, where), where)}
            case bytes() | bytearray():
                data = torch.from_numpy(np.frombuffer(bytes(value), dtype=np.uint8).copy())
                return {"$bytes": self._aside(data, where)}
            case torch.dtype():
                return {"$dtype": str(value).removeprefix("torch.")}
            case Space():
                dtype = None if value.dtype is None else str(value.dtype).removeprefix("torch.")
                return {"$space": [list(value.shape), dtype]}
            case ProductSpace():
                return {"$spaces": [self._simple(space, where) for space in value.spaces]}
        return None

    def _aside(self, tensor: Tensor, where: str) -> str:
        name, count = where, 1
        while name in self.tensors or name == "__metadata__":
            count += 1
            name = f"{where}#{count}"
        self.tensors[name] = tensor
        return name

    def other(self, value: Any, where: str, depth: int) -> JSON:
        """Return an object as JSON; plain values have none left, so this refuses."""
        raise ParameterError(
            f"Cannot save {where}: it is a {type(value).__name__}; numbers, text, lists, tuples, mappings, "
            "bytes, arrays, tensors and registered physics can be saved: convert it, or leave it out."
        )


class ValueDecoder:
    """Turns JSON back into values, trusting nothing."""

    def __init__(self, path: str | PathLike[str], tensors: Mapping[str, Tensor]) -> None:
        self.path = path
        self._left = dict(tensors)
        self._tags: dict[str, Callable[[JSON, str, int], Any]] = {
            "$tensor": lambda v, where, _: self._take(v, where),
            "$array": lambda v, where, _: self._take(v, where).numpy(),
            "$bytes": self._bytes,
            "$tuple": self._tuple,
            "$items": self._items,
            "$float": self._float,
            "$complex": self._complex,
            "$dtype": self._dtype,
            "$space": self._space,
            "$spaces": self._spaces,
        }

    def damaged(self, where: str, problem: str) -> FileFormatError:
        """Return the error for a document that says something impossible at ``where``."""
        return FileFormatError(f"{self.path}: {where[:80]} {problem}; the file is damaged.")

    def finish(self) -> None:
        """Refuse tensors that nothing refers to: a way to smuggle, or a sign of damage."""
        if self._left:
            raise self.damaged(f"{sorted(self._left)[0]!r}", "is stored, but nothing refers to it")

    def value(self, value: JSON, where: str, depth: int = 0) -> Any:
        """Return what ``value`` stands for."""
        if depth > MAX_DEPTH:
            raise self.damaged(where, "is nested too deeply")
        if isinstance(value, list):
            return [self.value(v, f"{where}.{i}", depth + 1) for i, v in enumerate(value)]
        if not isinstance(value, dict):
            return value
        tags = [key for key in value if key.startswith("$")]
        if not tags:
            return {key: self.value(v, f"{where}.{key}", depth + 1) for key, v in value.items()}
        if len(value) != 1 or tags[0] not in self._tags:
            raise self.damaged(where, f"is {str(value)[:60]!r}, which this version does not know")
        return self._tags[tags[0]](value[tags[0]], where, depth + 1)

    def _take(self, name: JSON, where: str) -> Tensor:
        if not isinstance(name, str) or name not in self._left:
            raise self.damaged(where, f"refers to the tensor {str(name)[:60]!r}, absent or used already")
        return self._left.pop(name)

    def _bytes(self, name: JSON, where: str, _: int) -> bytes:
        data = self._take(name, where)
        if data.dtype != torch.uint8 or data.ndim != 1:
            raise self.damaged(where, "should be bytes, and is not")
        return data.numpy().tobytes()

    def _tuple(self, items: JSON, where: str, depth: int) -> tuple[Any, ...]:
        if not isinstance(items, list):
            raise self.damaged(where, "should be a tuple, and is not")
        return tuple(self.value(items, where, depth))

    def _items(self, items: JSON, where: str, depth: int) -> dict[str, Any]:
        if not isinstance(items, list) or not all(_is_pair(p) and isinstance(p[0], str) for p in items):
            raise self.damaged(where, "should be a mapping, and is not")
        return {key: self.value(v, f"{where}.{key}", depth) for key, v in items}

    def _float(self, text: JSON, where: str, _: int) -> float:
        if text not in ("nan", "inf", "-inf"):
            raise self.damaged(where, "should be a number, and is not")
        return float(text)

    def _complex(self, parts: JSON, where: str, depth: int) -> complex:
        numbers = [self.value(p, where, depth) for p in parts] if _is_pair(parts) else []
        if not numbers or not all(isinstance(n, float) for n in numbers):
            raise self.damaged(where, "should be a complex number, and is not")
        return complex(numbers[0], numbers[1])

    def _dtype(self, name: JSON, where: str, _: int) -> torch.dtype:
        if not isinstance(name, str) or name not in DTYPES:
            raise self.damaged(where, "should be a dtype, and is not")
        return DTYPES[name]

    def _space(self, parts: JSON, where: str, depth: int) -> Space:
        shape, dtype = parts if _is_pair(parts) else (None, None)
        if not isinstance(shape, list) or not all(n is None or _is_size(n) for n in shape):
            raise self.damaged(where, "should be a space, and is not")
        return Space(shape, None if dtype is None else self._dtype(dtype, where, depth))

    def _spaces(self, parts: JSON, where: str, depth: int) -> ProductSpace:
        spaces = self.value(parts, where, depth)
        if not isinstance(spaces, list) or not all(isinstance(s, (Space, ProductSpace)) for s in spaces):
            raise self.damaged(where, "should be a product of spaces, and is not")
        return ProductSpace(spaces)


def _number(value: Any, where: str) -> JSON:
    if isinstance(value, complex):
        return {"$complex": [_number(value.real, where), _number(value.imag, where)]}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": str(value)}
    if isinstance(value, int) and value.bit_length() > 1024:
        raise ParameterError(f"Cannot save {where}: the integer has {value.bit_length()} bits; 1024 fit.")
    # Subclasses (enumerations, NumPy's float64) become plain numbers; bool never arrives here.
    return int(value) if isinstance(value, int) else float(value)


def _from_numpy(array: np.ndarray[Any, Any], where: str) -> Tensor:
    try:
        # torch warns on read-only arrays and refuses negative strides: a copy has neither
        return torch.from_numpy(np.array(array, order="C"))
    except TypeError as error:
        raise ParameterError(f"Cannot save {where}: arrays of {array.dtype} cannot be saved.") from error


def _is_pair(value: JSON) -> bool:
    return isinstance(value, list) and len(value) == 2


def _is_size(value: JSON) -> bool:
    return type(value) is int and 0 <= value < 2**31
