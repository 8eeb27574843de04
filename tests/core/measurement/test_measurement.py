from __future__ import annotations

import copy
import pickle
from pathlib import Path

import attrs
import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

import wellposed
from wellposed.errors import (
    DtypeError,
    FileFormatError,
    OutputExistsError,
    ParameterError,
    RegistryError,
    SpaceError,
)
from wellposed.immutable import Immutable
from wellposed.measurement import Measurement
from wellposed.plugins import Component, Kind
from wellposed.registry import Registry
from wellposed.spaces import ProductSpace, Space


class Blur(Immutable):
    def __init__(self, kernel: Tensor, padding: str = "circular", domain: Space | None = None) -> None:
        super().__init__()
        if padding not in ("circular", "valid"):
            raise ParameterError(f"padding={padding!r} is unknown.")
        self.register_buffer("kernel", kernel)
        self.padding, self.domain = padding, domain


class Product(Immutable):
    def __init__(self, operands: list[torch.nn.Module]) -> None:
        super().__init__()
        self.operands = torch.nn.ModuleList(operands)


@attrs.frozen(eq=False)
class Noise:
    sigma: float | Tensor


class Forward(Immutable):
    def __init__(self, operator: torch.nn.Module, noise_model: object) -> None:
        super().__init__()
        self.operator, self.noise_model = operator, noise_model


class Forgetful:
    def __init__(self, size: int) -> None:
        pass


class Variadic:
    def __init__(self, *parts: object) -> None:
        self.parts = parts


@pytest.fixture
def registry() -> Registry:
    table = Registry().isolated()
    for kind in ("physics", "noise", "denoiser"):
        table.add(Kind(kind, f"A {kind}."))
    rows = [
        *(("physics", Blur), ("physics", Product), ("physics", Forward), ("physics", Forgetful)),
        *(("physics", Variadic), ("noise", Noise)),
    ]
    for kind, target in rows:
        name = f"lab.{target.__name__.lower()}"
        table.add(Component(kind, name, f"lab:{target.__name__}", "For the test."), target=target)
    return table.add(Component("denoiser", "lab.median", "lab:Median", "For the test."), target=lambda: None)


def _same(a: object, b: object) -> bool:
    if isinstance(a, tuple):
        return isinstance(b, tuple) and len(a) == len(b) and all(map(_same, a, b))
    assert isinstance(a, Tensor)
    assert isinstance(b, Tensor)
    return a.dtype == b.dtype and torch.equal(a, b)


DTYPES = [
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.complex128),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
]


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_returns_to_the_bit(tmp_path: Path, dtype: torch.dtype) -> None:
    y = torch.randn(2, 3, 4, dtype=torch.complex128 if dtype.is_complex else torch.float64).mul(3).to(dtype)
    Measurement(y).save(tmp_path / "m")
    assert _same(Measurement.load(tmp_path / "m").y, y)


def test_tuples_views_and_empty_axes(tmp_path: Path) -> None:
    base = torch.randn(2, 6, 5, dtype=torch.complex64)
    y = (base[:, ::2], (base.conj().transpose(1, 2), base.imag), torch.zeros(2, 0))
    Measurement(y, reference=base.requires_grad_()).save(tmp_path / "m")
    loaded = Measurement.load(tmp_path / "m")
    assert _same(loaded.y, y)
    assert loaded.reference is not None
    assert _same(loaded.reference, base)
    assert not loaded.reference.requires_grad  # type: ignore[union-attr]


def test_not_finite_values_are_kept(tmp_path: Path) -> None:
    Measurement(torch.tensor([[float("nan"), float("inf"), -0.0]])).save(tmp_path / "m")
    y = Measurement.load(tmp_path / "m").y
    assert isinstance(y, Tensor)
    assert y.isnan().tolist() == [[True, False, False]]
    assert y.signbit()[0, 2]


def test_meta_of_every_kind(tmp_path: Path) -> None:
    meta = {
        "text": "größer \ud800 \x00",
        "numbers": [1, -(2**70), 1.5, True, None, 2 - 1j, float("inf")],
        "tuple": (1, (2, [3])),
        "bytes": b"\x00\xff",
        "dtype": torch.complex64,
        "space": Space((1, None, 4), torch.float32),
        "spaces": ProductSpace([Space((1,)), ProductSpace([Space((2,))])]),
        "$odd": {"$tensor": "y", "plain": {}},
        "numpy": np.float32(0.5),
        "__metadata__": {"": {}},
        "a.b": 1,
        "a": {"b": 2},
    }
    Measurement(torch.ones(1, 1), meta=meta).save(tmp_path / "m")
    loaded = Measurement.load(tmp_path / "m").meta
    assert loaded == meta
    assert isinstance(loaded["tuple"], tuple)


def test_tensors_and_arrays_in_meta(tmp_path: Path) -> None:
    meta = {"a.b": torch.arange(3), "a": {"b": torch.eye(2)}, "array": np.arange(6).reshape(2, 3)[:, ::-1]}
    Measurement(torch.ones(1, 1), meta=meta).save(tmp_path / "m")
    loaded = Measurement.load(tmp_path / "m").meta
    assert torch.equal(loaded["a.b"], meta["a.b"])
    assert torch.equal(loaded["a"]["b"], torch.eye(2))
    assert isinstance(loaded["array"], np.ndarray)
    assert np.array_equal(loaded["array"], meta["array"])


def test_physics_is_rebuilt_through_the_registry(tmp_path: Path, registry: Registry) -> None:
    first = Blur(torch.rand(1, 1, 3, 3), domain=Space((1, 8, 8), torch.float32))
    second = Blur(torch.nn.Parameter(torch.rand(1, 1, 5, 5, dtype=torch.float64)), "valid")
    physics = Forward(Product([first, second]), Noise(sigma=torch.tensor([0.1, 0.2])))
    Measurement(torch.rand(2, 1, 8, 8), physics).save(tmp_path / "m", registry=registry)
    again = Measurement.load(tmp_path / "m", registry=registry).physics
    assert isinstance(again, Forward)
    one, two = again.operator.operands
    assert torch.equal(one.kernel, first.kernel)
    assert torch.equal(two.kernel, second.kernel)
    assert (one.padding, two.padding, one.domain, two.domain) == ("circular", "valid", first.domain, None)
    assert torch.equal(again.noise_model.sigma, torch.tensor([0.1, 0.2]))


def test_refuses_to_save_what_could_not_be_rebuilt(tmp_path: Path, registry: Registry) -> None:
    y = torch.ones(1, 1)
    cases = {
        r"physics: torch\.nn\.modules\.linear\.Identity is not a registered component of kind physics": (
            torch.nn.Identity()
        ),
        r"physics: Forgetful has no attribute 'size', though its constructor": Forgetful(3),
        r"physics: Variadic takes \*parts": Variadic(1),
        r"physics\.sigma: builtins\.object is not a registered": Noise(object()),  # type: ignore[arg-type]
    }
    for message, physics in cases.items():
        with pytest.raises(ParameterError, match=message):
            Measurement(y, physics).save(tmp_path / "m", registry=registry)
    deep: list[object] = []
    deep.append(deep)
    wrong_meta = {
        r"meta\.x: its key 3 is not text": {"x": {3: 1}},
        r"nested more than 64 deep": {"x": deep},
        r"meta\.x: arrays of <U1 cannot be saved": {"x": np.array(["a"])},
        r"the integer has 2001 bits": {"x": 1 << 2000},
        r"torch\.sparse_coo tensors of torch\.float32 have no place": {"x": torch.eye(2).to_sparse()},
        r"put large values into tensors": {"x": "a" * 2**22},
    }
    for message, meta in wrong_meta.items():
        with pytest.raises(ParameterError, match=message):
            Measurement(y, meta=meta).save(tmp_path / "m", registry=registry)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_pack_is_named(tmp_path: Path, registry: Registry) -> None:
    Measurement(torch.ones(1, 1), Blur(torch.ones(1))).save(tmp_path / "m", registry=registry)
    with pytest.raises(RegistryError, match=r"lab\.blur"):
        Measurement.load(tmp_path / "m", registry=Registry())


def test_overwrites_only_when_told(tmp_path: Path) -> None:
    Measurement(torch.zeros(1)).save(tmp_path / "m")
    with pytest.raises(OutputExistsError, match="exists already"):
        Measurement(torch.ones(1)).save(tmp_path / "m")
    Measurement(torch.ones(1)).save(tmp_path / "m", overwrite=True)
    assert float(Measurement.load(tmp_path / "m").y) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.ones((1, 2)), "is a ndarray, but a tensor"),
        ((), "is a tuple, but a tensor"),
        ([torch.ones(1)], "is a list, but a tensor"),
        (torch.tensor(1.0), r"shapes \[\(\)\], which share no batch axis"),
        ((torch.ones(1, 2), torch.ones(2, 2)), r"shapes \[\(1, 2\), \(2, 2\)\], which share no batch axis"),
    ],
)
def test_wrong_fields(y: object, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Measurement(y)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=message.replace("Measurement(y", "Measurement(reference")):
        Measurement(torch.ones(1), reference=y)  # type: ignore[arg-type]


def test_is_a_value() -> None:
    measurement = Measurement(torch.ones(1, 2), meta={"a": 1})
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        measurement.y = torch.zeros(1)  # type: ignore[misc]
    assert measurement.replace(meta={}).meta == {}
    for again in (pickle.loads(pickle.dumps(measurement)), copy.deepcopy(measurement)):
        assert _same(again.y, measurement.y)
        assert again.meta == {"a": 1}


def test_moves_without_losing_imaginary_parts() -> None:
    physics = Blur(torch.ones(1, 1, 3, 3))
    measurement = Measurement((torch.ones(1, 2) + 1j, torch.ones(1)), physics, reference=torch.ones(1, 2))
    moved = measurement.to(torch.float64)
    assert [t.dtype for t in moved.y] == [torch.complex128, torch.float64]  # type: ignore[union-attr]
    assert moved.reference.dtype == torch.float64  # type: ignore[union-attr]
    assert moved.physics.kernel.dtype == torch.float64
    assert physics.kernel.dtype == torch.float32
    assert measurement.to("cpu").replace(physics=3).to("cpu").physics == 3


def test_repr_shows_shapes() -> None:
    measurement = Measurement((torch.ones(1, 2), torch.ones(1, 3)), 5, torch.ones(1, 4), {"a": 1})
    assert repr(measurement) == (
        "Measurement(y=((1, 2) float32, (1, 3) float32), physics=5, reference=(1, 4) float32, meta={a})"
    )
    assert repr(Measurement(torch.ones(1))) == "Measurement(y=(1,) float32)"


def test_what_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"cannot be opened \(No such file or directory\)"):
        Measurement.load(tmp_path / "missing")
    with pytest.raises(FileFormatError, match="is not a regular file"):
        Measurement.load(tmp_path)
    safetensors.torch.save_file({"w": torch.ones(2)}, tmp_path / "w")
    with pytest.raises(FileFormatError, match="a safetensors file without wellposed's own header"):
        Measurement.load(tmp_path / "w")
    Measurement(torch.ones(1, 100)).save(tmp_path / "m")
    with pytest.raises(FileFormatError, match=r"more than max_bytes=100; raise max_bytes"):
        Measurement.load(tmp_path / "m", max_bytes=100)


def test_files_are_as_readable_as_others(tmp_path):
    plain = tmp_path / "plain.txt"
    plain.write_text("")
    Measurement(torch.zeros(1, 2)).save(tmp_path / "m.safetensors")
    assert (tmp_path / "m.safetensors").stat().st_mode == plain.stat().st_mode


def test_the_physics_must_be_able_to_make_y_of_the_reference() -> None:
    physics = wellposed.operators.Identity(wellposed.Space((1, 4, 4), torch.float32))
    Measurement(torch.rand(2, 1, 4, 4), physics, torch.rand(2, 1, 4, 4))
    with pytest.raises(SpaceError, match=r"y=….*range of its physics, has shape \(2, 1, 9, 9\), but"):
        Measurement(torch.rand(2, 1, 9, 9), physics)
    with pytest.raises(SpaceError, match=r"reference=….*domain of its physics, has shape \(2, 1, 9, 9\)"):
        Measurement(torch.rand(2, 1, 4, 4), physics, torch.rand(2, 1, 9, 9))
    with pytest.raises(DtypeError, match=r"y=….*has dtype float64"):
        Measurement(torch.rand(2, 1, 4, 4, dtype=torch.float64), physics)


def test_an_object_in_meta_is_told_from_one_in_the_physics(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"Cannot save meta.a: it is a object; .* or leave it out"):
        Measurement(torch.rand(2, 1), meta={"a": object()}).save(tmp_path / "m")
