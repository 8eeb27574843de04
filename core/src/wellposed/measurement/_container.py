"""Tensors and one JSON document in a safetensors file, read as if a stranger had written it.

Every size is compared with the file's real length before anything is allocated, so the memory used is
bounded by the file. Checksums find damage that keeps the sizes right. The safetensors library still does
the reading; the checks here come first, because they can say in one sentence what is wrong.
"""

from __future__ import annotations

import json
import math
import os
import stat
import zlib
from collections.abc import Mapping
from os import PathLike
from typing import Any, NoReturn, TypeAlias

import torch
from torch import Tensor

from wellposed.atomic import atomic_path
from wellposed.errors import FileFormatError, ParameterError

Path: TypeAlias = "str | PathLike[str]"

MAX_HEADER = 4 * 2**20  # a parsed JSON document takes up to 20 times its length
MAX_AXES = 64  # torch itself stops there
PAYLOAD, CHECKSUM = "wellposed", "wellposed.crc32"

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U16": torch.uint16,
    "U8": torch.uint8,
}
# What is stored as something else: safetensors knows no complex128, and old versions no complex at all;
# and a damaged byte in a boolean tensor would be neither true nor false.
STORED_AS = {"complex64": torch.float32, "complex128": torch.float64, "bool": torch.uint8}


def write_container(
    path: Path, payload: Mapping[str, Any], tensors: Mapping[str, Tensor], *, overwrite: bool
) -> None:
    """Write ``payload`` (JSON) and ``tensors`` to ``path``, atomically."""
    from safetensors.torch import save_file

    stored = {name: _storable(name, t) for name, t in tensors.items()}
    dtypes = {name: str(t.dtype).removeprefix("torch.") for name, t in tensors.items()}
    sums = {name: _checksum(t) for name, t in stored.items()}
    document = {**payload, "dtypes": dtypes, "crc32": sums}
    text = json.dumps(document, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    # The header also holds some 150 characters per tensor, and the text once more escaped.
    if len(json.dumps(text)) + sum(len(name) + 200 for name in stored) > MAX_HEADER:
        raise ParameterError(
            f"Cannot save {path}: its meta and configuration take {len(text)} characters as JSON, more than "
            f"the {MAX_HEADER} that are read back; put large values into tensors."
        )
    metadata = {PAYLOAD: text, CHECKSUM: str(zlib.crc32(text.encode()))}
    with atomic_path(path, overwrite=overwrite) as temporary:
        mode = temporary.stat().st_mode
        save_file(stored, temporary, metadata)
        temporary.chmod(mode)  # safetensors makes a file of its own, which nobody else may read


def read_container(path: Path, max_bytes: int) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the JSON document and the tensors of ``path``; :class:`FileFormatError` on any doubt."""
    size = _file_size(path, max_bytes)
    header, start = _read_header(path, size)
    metadata = header.pop("__metadata__", None)
    payload = _payload(path, metadata)
    _check_entries(path, header, size - start)
    tensors = _read_tensors(path, header)
    _check_sums(path, payload, tensors)
    return payload, _restored(path, payload, tensors)


def parse_json(path: Path, text: str, what: str) -> Any:
    """Parse strict JSON: no NaN, no duplicate keys, bounded nesting."""

    def no_constants(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            raise ValueError("a key appears twice")
        return result

    try:
        return json.loads(text, parse_constant=no_constants, object_pairs_hook=no_duplicates)
    except RecursionError:
        problem = "it is nested too deeply"
    except ValueError as error:
        problem = str(error)[:100]
    raise FileFormatError(f"{path}: {what} is not valid JSON ({problem}); the file is damaged.")


def _file_size(path: Path, max_bytes: int) -> int:
    try:
        status = os.stat(path)
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be opened ({error.strerror}); check the name.") from error
    if not stat.S_ISREG(status.st_mode):
        raise FileFormatError(f"{path}: is not a regular file but a folder, pipe or device; give a file.")
    if status.st_size > max_bytes:
        raise FileFormatError(
            f"{path}: has {status.st_size} bytes, more than max_bytes={max_bytes}; "
            "raise max_bytes if the file is yours and the memory suffices."
        )
    return status.st_size


def _read_header(path: Path, size: int) -> tuple[dict[str, Any], int]:
    with open(path, "rb") as file:
        first = file.read(8)
        length = int.from_bytes(first, "little")
        if len(first) < 8 or not 2 <= length <= min(MAX_HEADER, size - 8):
            raise FileFormatError(
                f"{path}: is not a measurement file, or is truncated: its first 8 bytes promise a header of "
                f"{length} bytes, and the file has {size} in all (at most {MAX_HEADER} are read as header)."
            )
        raw = file.read(length)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path}: its header is not text; it is no measurement file.") from error
    header = parse_json(path, text, "its header")
    if not isinstance(header, dict):
        raise FileFormatError(f"{path}: its header is not a mapping; the file is damaged.")
    return header, 8 + length


def _payload(path: Path, metadata: object) -> dict[str, Any]:
    text = metadata.get(PAYLOAD) if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(text, str):
        raise FileFormatError(
            f"{path}: is a safetensors file without wellposed's own header, so not a measurement; "
            "weights are loaded elsewhere."
        )
    if metadata.get(CHECKSUM) != str(zlib.crc32(text.encode("utf-8", "surrogatepass"))):
        raise FileFormatError(f"{path}: its description fails its checksum; the file is damaged.")
    payload = parse_json(path, text, "its description")
    if not isinstance(payload, dict):
        raise FileFormatError(f"{path}: its description is not a mapping; the file is damaged.")
    return payload


def _check_entries(path: Path, header: Mapping[str, Any], data_size: int) -> None:
    spans = sorted(_entry_span(path, name, entry) for name, entry in header.items())
    position = 0
    for begin, end in spans:
        if begin != position:
            raise FileFormatError(f"{path}: its tensors overlap or leave gaps at byte {begin}; damaged.")
        position = end
    if position != data_size:
        raise FileFormatError(
            f"{path}: its tensors need {position} bytes and the file holds {data_size}; "
            "it is truncated or damaged: copy it again."
        )


def _entry_span(path: Path, name: str, entry: object) -> tuple[int, int]:
    """Return a tensor's byte range after checking that dtype, shape and range agree."""
    if isinstance(entry, dict) and entry.keys() == {"dtype", "shape", "data_offsets"}:
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if isinstance(dtype, str) and dtype in DTYPES and _sizes(shape) and _sizes(offsets):
            nbytes = math.prod(shape) * DTYPES[dtype].itemsize
            if len(shape) <= MAX_AXES and len(offsets) == 2 and offsets[1] - offsets[0] == nbytes:
                return offsets[0], offsets[1]
    raise FileFormatError(
        f"{path}: the tensor {name[:60]!r} is declared as {str(entry)[:120]}, which is impossible; "
        "the file is damaged."
    )


def _sizes(value: object) -> bool:
    # type() and not isinstance: True is an int, but no size.
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 2**62 for n in value)


def _read_tensors(path: Path, header: Mapping[str, Any]) -> dict[str, Tensor]:
    from safetensors import SafetensorError, safe_open

    tensors = {}
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            for name in header:
                # clone: else the tensor is a window into the file, and changes or crashes with it
                tensors[name] = file.get_tensor(name).clone()
    except (SafetensorError, RuntimeError, ValueError, TypeError, OSError, OverflowError) as error:
        raise FileFormatError(f"{path}: cannot be read ({str(error)[:120]}); the file is damaged.") from error
    return tensors


def _check_sums(path: Path, payload: dict[str, Any], tensors: Mapping[str, Tensor]) -> None:
    sums = payload.pop("crc32", None)
    if not isinstance(sums, dict) or sums.keys() != tensors.keys():
        raise FileFormatError(f"{path}: its checksums do not belong to its tensors; the file is damaged.")
    for name, tensor in tensors.items():
        if sums[name] != _checksum(tensor):
            raise FileFormatError(
                f"{path}: the tensor {name[:60]!r} fails its checksum; copy the file again."
            )


def _restored(path: Path, payload: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors in the dtypes that they were saved from."""
    dtypes = payload.pop("dtypes", None)
    if not isinstance(dtypes, dict) or dtypes.keys() != tensors.keys():
        raise FileFormatError(f"{path}: its list of dtypes does not belong to its tensors; damaged.")
    return {name: _restore(path, name, tensor, dtypes[name]) for name, tensor in tensors.items()}


def _restore(path: Path, name: str, tensor: Tensor, dtype: object) -> Tensor:
    if dtype == str(tensor.dtype).removeprefix("torch."):
        return tensor
    if isinstance(dtype, str) and STORED_AS.get(dtype) == tensor.dtype:
        if dtype == "bool" and not bool((tensor > 1).any()):
            return tensor.bool()
        if dtype != "bool" and tensor.shape[-1:] == (2,):
            return torch.view_as_complex(tensor)
    raise FileFormatError(
        f"{path}: the tensor {name[:60]!r} is said to be {str(dtype)[:20]!r}, but is stored as "
        f"{tensor.dtype} {tuple(tensor.shape)} with values that cannot be it; the file is damaged."
    )


def _storable(name: str, tensor: Tensor) -> Tensor:
    plain = tensor.detach().cpu().resolve_conj().resolve_neg()
    if plain.is_complex():
        plain = torch.view_as_real(plain)
    elif plain.dtype == torch.bool:
        plain = plain.to(torch.uint8)
    if plain.dtype not in DTYPES.values() or plain.layout != torch.strided:
        raise ParameterError(
            f"Cannot save {name}: {plain.layout} tensors of {tensor.dtype} have no place in the file; "
            "convert it to a dense tensor of a common dtype."
        )
    return plain.contiguous().clone()  # safetensors refuses tensors that share memory


def _checksum(tensor: Tensor) -> int:
    head = zlib.crc32(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
    flat = tensor.reshape(-1).view(torch.uint8)
    return zlib.crc32(flat.numpy().data, head) if flat.numel() else head
