"""Thousands of damaged and hostile files: each loads or is refused in one sentence, in bounded memory."""

from __future__ import annotations

import copy
import json
import os
import random
import resource
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from wellposed.errors import FileFormatError, RegistryError
from wellposed.immutable import Immutable
from wellposed.measurement import Measurement
from wellposed.measurement._container import read_container
from wellposed.plugins import Component, Kind
from wellposed.registry import Registry
from wellposed.spaces import Space

CREATED: list[str] = []


class Blur(Immutable):
    def __init__(self, kernel: Tensor, domain: Space | None = None, scale: complex = 1) -> None:
        super().__init__()
        if not isinstance(kernel, Tensor):
            raise TypeError(f"kernel is a {type(kernel).__name__}")
        self.register_buffer("kernel", kernel)
        self.domain, self.scale = domain, scale


class Weapon:
    def __init__(self, **anything: object) -> None:
        CREATED.append("weapon")


@pytest.fixture(scope="module")
def registry() -> Registry:
    table = Registry().isolated().add(Kind("physics", "A physics.")).add(Kind("writer", "A writer."))
    table.add(Component("physics", "lab.blur", "lab:Blur", "For the test."), target=Blur)
    return table.add(Component("writer", "lab.weapon", "lab:Weapon", "Must not be built."), target=Weapon)


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> bytes:
    path = tmp_path_factory.mktemp("seed") / "m"
    physics = Blur(torch.rand(1, 1, 3, 3), Space((1, None), torch.float32), 1 + 2j)
    y = (torch.randn(2, 4, dtype=torch.complex64), (torch.ones(2, 3, dtype=torch.bool),))
    meta = {"text": "ü", "n": [1.5, float("nan"), None], "bytes": b"abc", "$x": (1,), "t": torch.arange(4)}
    Measurement(y, physics, torch.rand(2, 1, 4), meta).save(path, registry=registry)
    return path.read_bytes()


@contextmanager
def _bounded(mebibytes: int) -> Iterator[None]:
    """Make a lie about sizes fail loudly: at most so much more address space, and so much Python memory."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + mebibytes * 2**20, hard))
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < mebibytes * 2**20
    finally:
        tracemalloc.stop()
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _try(path: Path, data: bytes, registry: Registry) -> bool:
    path.write_bytes(data)
    try:
        Measurement.load(path, registry=registry)
    except (FileFormatError, RegistryError) as error:
        message = str(error)
    else:
        return True
    assert 0 < len(message) < 1200
    return False


def _header(data: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack_from("<Q", data)
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def _assemble(header: object, body: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def _with_payload(data: bytes, payload: object) -> bytes:
    """Return the file with another description, its checksum right: what an attacker would send."""
    header, body = _header(data)
    text = payload if isinstance(payload, str) else json.dumps(payload)
    header["__metadata__"] = {
        "wellposed": text,
        "wellposed.crc32": str(zlib.crc32(text.encode("utf-8", "surrogatepass"))),
    }
    return _assemble(header, body)


def _payload(data: bytes) -> dict[str, Any]:
    return json.loads(_header(data)[0]["__metadata__"]["wellposed"])


def test_the_seed_itself_loads(tmp_path: Path, seed: bytes, registry: Registry) -> None:
    assert _try(tmp_path / "m", seed, registry)
    assert _try(tmp_path / "m", _with_payload(seed, _payload(seed)), registry)


def test_every_single_bit_counts(tmp_path: Path, seed: bytes, registry: Registry) -> None:
    """A flip anywhere is noticed, but where JSON ignores it: in the padding behind the header."""
    rng = random.Random(1)
    end = 8 + struct.unpack_from("<Q", seed)[0]
    padding = range(8 + len(seed[8:end].rstrip()), end)
    with _bounded(512):
        for position in range(len(seed)):
            if position in padding:
                continue
            data = bytearray(seed)
            data[position] ^= 1 << rng.randrange(8)
            assert not _try(tmp_path / "m", bytes(data), registry), position


def test_every_truncation_is_noticed(tmp_path: Path, seed: bytes, registry: Registry) -> None:
    for length in range(len(seed)):
        assert not _try(tmp_path / "m", seed[:length], registry), length
    assert not _try(tmp_path / "m", seed + b"\0", registry)


def test_random_damage(tmp_path: Path, seed: bytes, registry: Registry) -> None:
    rng = random.Random(2)
    with _bounded(512):
        for _ in range(1500):
            data = bytearray(seed)
            for _ in range(rng.randint(1, 5)):
                start = rng.randrange(len(data))
                stop = min(len(data), start + rng.randint(0, 30))
                data[start:stop] = rng.choice([rng.randbytes(rng.randint(0, 30)), b"9" * 20, b"[" * 30, b""])
            _try(tmp_path / "m", bytes(data), registry)


@pytest.mark.parametrize("length", [0, 1, 2, 7, 2**22, 2**22 + 1, 2**31, 2**32 + 5, 2**63, 2**64 - 1])
def test_header_lengths_that_lie(tmp_path: Path, seed: bytes, registry: Registry, length: int) -> None:
    with _bounded(256):
        assert not _try(tmp_path / "m", struct.pack("<Q", length) + seed[8:], registry)


STRANGE = [
    *(None, True, False, 0, -1, 1.5, 2**62, 2**70, -(2**70), 1e308, "", "y", "$tensor", "\ud800", "a" * 5000),
    *(
        [],
        {},
        [[]],
        [None],
        ["y", "y"],
        {"$tensor": "y.0"},
        {"$tensor": None},
        {"$tensor": ["y"]},
        {"$bytes": "meta.t"},
    ),
    *(
        {"$float": "1e999"},
        {"$complex": [1]},
        {"$complex": ["a", "b"]},
        {"$dtype": "os"},
        {"$space": [[-1], None]},
    ),
    *(
        {"$space": [[2**80], "float32"]},
        {"$spaces": [1]},
        {"$tuple": {}},
        {"$items": [[1, 2]]},
        {"$items": [["a"]]},
    ),
    *({"$object": {"name": "lab.weapon", "params": {}}}, {"$object": {"name": "os.system", "params": {}}}),
    *(
        {"$object": {"name": "lab.blur", "params": {"kernel": 1}}},
        {"$object": {"name": "lab.blur", "params": {}}},
    ),
    *({"$object": {"name": "lab.blur", "params": {"$tuple": []}}}, {"$object": {"name": ["x"], "params": 3}}),
    *(
        {"$object": "lab.blur"},
        {"$object": {"name": "../../etc", "params": {}}},
        {"$exec": "1"},
        {"$tensor": "y", "a": 1},
    ),
]


def _places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, child in (
        node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    ):
        yield from _places(child, (*path, key))


def _put(tree: Any, path: tuple[Any, ...], value: object) -> Any:
    if not path:
        return value
    tree = copy.deepcopy(tree)
    node = tree
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = copy.deepcopy(value)
    return tree


def test_type_confusion_in_the_description(tmp_path: Path, seed: bytes, registry: Registry) -> None:
    """Every place of the JSON description takes every strange value, with a right checksum."""
    payload = _payload(seed)
    CREATED.clear()
    count = 0
    with _bounded(512):
        for place in _places(payload):
            for value in STRANGE:
                _try(tmp_path / "m", _with_payload(seed, _put(payload, place, value)), registry)
                count += 1
    assert count > 1500
    assert CREATED == []


def test_type_confusion_in_the_tensor_table(tmp_path: Path, seed: bytes, registry: Registry) -> None:
    header, body = _header(seed)
    strange = [*STRANGE[:20], [2**61, 4], [2**40, 2**40], [0, 2**62], [-1, 3], [1] * 100, "F4", "C64", "U64"]
    with _bounded(512):
        for place in _places(header):
            if place[:1] != ("__metadata__",):
                for value in strange:
                    loaded = _try(tmp_path / "m", _assemble(_put(header, place, value), body), registry)
                    assert not loaded or _put(header, place, value) == header


def test_a_component_of_another_kind_is_not_built(tmp_path: Path, seed: bytes, registry: Registry) -> None:
    payload = _payload(seed)
    payload["physics"] = {"$object": {"name": "lab.weapon", "params": {"path": "/"}}}
    (tmp_path / "m").write_bytes(_with_payload(seed, payload))
    CREATED.clear()
    with pytest.raises(
        FileFormatError, match=r"asks for 'lab\.weapon', a writer; only components of kind physics"
    ):
        Measurement.load(tmp_path / "m", registry=registry)
    assert CREATED == []


def _refusal(tmp_path: Path, data: bytes, registry: Registry) -> str:
    (tmp_path / "m").write_bytes(data)
    with pytest.raises(FileFormatError) as caught:
        Measurement.load(tmp_path / "m", registry=registry)
    return str(caught.value)


def test_messages(tmp_path: Path, seed: bytes, registry: Registry) -> None:
    header, body = _header(seed)
    payload = _payload(seed)

    def of(text: object) -> str:
        return _refusal(tmp_path, _with_payload(seed, text), registry)

    assert "its description is not valid JSON (NaN is not JSON)" in of('{"a": NaN}')
    assert "a key appears twice" in of('{"a": 1, "a": 2}')
    assert "it is nested too deeply" in of("[" * 100_000)
    assert "is nested too deeply" in of({**payload, "meta": json.loads('{"a":' * 80 + "1" + "}" * 80)})
    assert "its description is not a mapping" in of([1])
    assert "holds 'other', not a 'wellposed.measurement'" in of({**payload, "format": "other"})
    assert "format version 7, and this wellposed reads up to 1; upgrade" in of({**payload, "version": 7})
    assert "refers to the tensor 'y.0', absent or used already" in of({**payload, "meta": payload["y"]})
    assert "is stored, but nothing refers to it" in of({**payload, "reference": None})
    assert "its checksums do not belong to its tensors" in of({**payload, "crc32": {}})
    assert "fails its checksum; copy the file again" in of(
        {**payload, "crc32": dict.fromkeys(payload["crc32"], 1)}
    )
    assert "is said to be 'complex64', but is stored as torch.float32 (2, 1, 4)" in of(
        {**payload, "dtypes": {**payload["dtypes"], "reference": "complex64"}}
    )
    assert "its list of dtypes does not belong to its tensors" in of({**payload, "dtypes": ["nothing"]})
    assert "lab.blur refuses kernel=1: TypeError: kernel is a int" in of(
        {**payload, "physics": {"$object": {"name": "lab.blur", "params": {"kernel": 1}}}}
    )
    assert "its header is not text" in _refusal(tmp_path, _assemble(b"\xff\xfe\xff", body), registry)
    assert "its header is not a mapping" in _refusal(tmp_path, _assemble([], body), registry)
    assert "need 173 bytes and the file holds 172" in _refusal(
        tmp_path, _assemble(header, body[:-1]), registry
    )
    shifted = copy.deepcopy(header)
    shifted["meta.bytes"]["data_offsets"] = [1, 4]
    assert "overlap or leave gaps" in _refusal(tmp_path, _assemble(shifted, body), registry)
    assert "its first 8 bytes promise a header of" in _refusal(tmp_path, b"short", registry)


def test_bytes_that_are_no_truth_values(tmp_path: Path) -> None:
    Measurement(torch.tensor([True, False]), meta={}).save(tmp_path / "m")
    data = (tmp_path / "m").read_bytes()[:-1] + b"\2"
    payload = _payload(data)
    payload["crc32"]["y"] = zlib.crc32(data[-2:], zlib.crc32(b"torch.uint8(2,)"))
    (tmp_path / "m").write_bytes(_with_payload(data, payload))
    with pytest.raises(
        FileFormatError, match=r"is said to be 'bool', but is stored as torch\.uint8 \(2,\) with"
    ):
        Measurement.load(tmp_path / "m")


def test_a_meta_that_is_no_mapping(tmp_path: Path) -> None:
    Measurement(torch.ones(1)).save(tmp_path / "m")
    data = (tmp_path / "m").read_bytes()
    (tmp_path / "m").write_bytes(_with_payload(data, {**_payload(data), "meta": 3}))
    with pytest.raises(FileFormatError, match="'meta' is not a mapping"):
        Measurement.load(tmp_path / "m")
    (tmp_path / "m").write_bytes(
        _with_payload(data, {**_payload(data), "y": 3, "meta": {"y": {"$tensor": "y"}}})
    )
    with pytest.raises(FileFormatError, match=r"the file is damaged: Measurement\(y=…\) is a int"):
        Measurement.load(tmp_path / "m")


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileFormatError, match="pipe or device"):
        Measurement.load(tmp_path / "pipe")


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    torch.save({"y": torch.ones(1)}, tmp_path / "m")
    with pytest.raises(FileFormatError, match="is not a measurement file, or is truncated"):
        Measurement.load(tmp_path / "m")


def test_the_loaded_tensors_do_not_depend_on_the_file(tmp_path: Path) -> None:
    Measurement(torch.ones(1, 1000)).save(tmp_path / "m")
    _, tensors = read_container(tmp_path / "m", 2**20)
    os.truncate(tmp_path / "m", 0)
    assert float(tensors["y"].sum()) == 1000
