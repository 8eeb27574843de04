"""A compiled function may project and reconstruct: torch's compiler goes around, without a warning."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from wellposed import ForwardModel
from wellposed.noise import LogPoisson
from wellposed.spaces import Space
from wellposed_ct import (
    ASDPOCS,
    CGLS,
    FBP,
    FDK,
    LSQR,
    MLEM,
    MLTR,
    PWLS,
    SART,
    SIRT,
    TV,
    ConeBeam,
    CTPnP,
    FanBeam,
    FourierSlice,
    ParallelBeam,
)
from wellposed_ct.projectors.vectors import circular_vectors
from wellposed_optim import TVDenoiser

pytestmark = pytest.mark.slow  # the compiler takes seconds

F64 = torch.float64
ANGLES = torch.linspace(0.1, 3.0, 8, dtype=F64)
IMAGE = Space((1, 7, 8), F64)
PROJECTORS = {
    "joseph": ParallelBeam(ANGLES, IMAGE),
    "siddon": ParallelBeam(ANGLES, IMAGE, model="siddon"),
    "fan": FanBeam(ANGLES, IMAGE, 20.0, 40.0, 9, 1.9, 1.0),
    "cone": ConeBeam(circular_vectors(ANGLES, 15.0, 28.0, (1.1, 1.2)), Space((1, 4, 5, 6), F64), (5, 6)),
    "fourier": FourierSlice(ANGLES, IMAGE),
}
METHODS = [
    FBP(),
    SIRT(2),
    CGLS(2),
    TV(iterations=2),
    SART(1),
    LSQR(2, preconditioner="ramp"),
    PWLS(iterations=2),
    MLEM(2),
    MLTR(2),
    ASDPOCS(1, tolerance=1e6),
    CTPnP(TVDenoiser(), iterations=1),
]


def quietly(f: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    torch._dynamo.reset()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result: Tensor = torch.compile(f, backend="eager")(*inputs)
    assert not [str(w.message) for w in caught]
    return result


@pytest.mark.parametrize("name", PROJECTORS)
def test_projectors(name: str) -> None:
    op: Any = PROJECTORS[name].replace()  # not one that has kept its plan

    def f(x: Tensor) -> Tensor:
        return (2 * op.A_adjoint(op.A(x + 1))).sin()

    x = op.domain.randn(2, torch.Generator().manual_seed(0)).requires_grad_()
    found, expected = quietly(f, x), f(x)
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad(t.sum(), x)[0] for t in (found, expected)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("name", ["joseph", "siddon", "fan"])
def test_calibration(name: str) -> None:
    op: Any = PROJECTORS[name]
    x = op.domain.randn(1, torch.Generator().manual_seed(0))

    def f(shift: Tensor) -> Tensor:
        return op.A(x, angles=op.angles + shift).cos().sum()

    shift = torch.tensor(0.01, dtype=F64, requires_grad=True)
    found, expected = quietly(f, shift), f(shift)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(*(torch.autograd.grad(t, shift)[0] for t in (found, expected)))


@pytest.mark.parametrize("method", METHODS, ids=lambda m: type(m).__name__)
def test_methods(method: Any) -> None:
    physics = ForwardModel(PROJECTORS["joseph"], LogPoisson(N0=1e3))
    y = physics.A(torch.ones(1, 1, 7, 8, dtype=F64))
    f = lambda y: 2 * method(y + 0, physics)  # noqa: E731
    torch.testing.assert_close(quietly(f, y), f(y))


def test_fdk() -> None:
    op: Any = PROJECTORS["cone"]
    y = op.A(torch.ones(1, 1, 4, 5, 6, dtype=F64))
    f = lambda y: 2 * FDK()(y + 0, op)  # noqa: E731
    torch.testing.assert_close(quietly(f, y), f(y))
