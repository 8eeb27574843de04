"""The core's own operators, noise models and their algebra survive the file and compute the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import wellposed
from wellposed import noise
from wellposed.errors import ParameterError
from wellposed.forward import ForwardModel
from wellposed.measurement import Measurement
from wellposed.operators import (
    CircularConvolution,
    Crop,
    FourierTransform,
    Gradient,
    Identity,
    LinearFunction,
    Mask,
    Matrix,
    Zero,
    block_diag,
    stack,
)
from wellposed.spaces import Space
from wellposed.vectors import leaves

SPACE = Space((1, 6, 5), torch.float64)


def _blur() -> CircularConvolution:
    return CircularConvolution(torch.rand(1, 1, 3, 3, dtype=torch.float64), SPACE)


def _mask() -> Mask:
    return Mask(torch.rand(1, 6, 5, dtype=torch.float64) > 0.5, SPACE)


EXPRESSIONS: dict[str, Any] = {
    "product": lambda: _mask() @ _blur(),
    "sum": lambda: _mask() + 2 * _blur(),
    "adjoint": lambda: (_mask() @ _blur()).H,
    "tensor scale": lambda: torch.tensor(0.5, dtype=torch.float64) * Gradient(SPACE),
    "stack": lambda: stack(_blur(), _mask() @ _blur(), Gradient(SPACE)),
    "block": lambda: block_diag(_blur(), _mask()),
    "fourier": lambda: FourierTransform(Space((1, 6, 5), torch.complex128)),
    "matrix": lambda: Matrix(torch.rand(4, 7, dtype=torch.complex64)),
    "identity": lambda: Identity(SPACE),
    "zero": lambda: Zero(SPACE, Space((3,), torch.float64)),
    "crop": lambda: Crop(SPACE, ((1, 1), (2, 0))) @ _blur(),
    "forward": lambda: ForwardModel(_mask() @ _blur(), noise.PoissonGaussian(0.1, 0.02)),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expressions_compute_the_same_after_loading(tmp_path: Path, name: str) -> None:
    physics = EXPRESSIONS[name]()
    x = physics.domain.randn(2, torch.Generator().manual_seed(0))
    y = physics.A(x)
    Measurement(y, physics, x).save(tmp_path / "m")
    loaded = Measurement.load(tmp_path / "m")
    assert repr(loaded.physics) == repr(physics)
    for a, b in zip(leaves(loaded.physics.A(loaded.reference)), leaves(y), strict=True):
        assert torch.equal(a, b)


def test_noise_comes_back(tmp_path: Path) -> None:
    physics = ForwardModel(_blur(), noise.Gaussian(torch.tensor([0.1, 0.2], dtype=torch.float64)))
    Measurement(physics.A(SPACE.zeros(2)), physics).save(tmp_path / "m")
    again = Measurement.load(tmp_path / "m").physics
    x = SPACE.randn(2, torch.Generator().manual_seed(1))
    first, second = (p(x, generator=torch.Generator().manual_seed(2)) for p in (physics, again))
    assert torch.equal(first, second)


def test_functions_are_refused(tmp_path: Path) -> None:
    physics = LinearFunction(lambda x: 2 * x, SPACE, SPACE)
    with pytest.raises(ParameterError, match=r"LinearFunction is not a registered component"):
        Measurement(SPACE.zeros(), physics).save(tmp_path / "m")


def test_the_public_name() -> None:
    assert wellposed.Measurement is Measurement


def test_an_immutable_class_shows_its_constructor() -> None:
    import inspect

    assert list(inspect.signature(Mask).parameters) == ["mask", "domain"]
