"""How exact non-uniform transforms are by default, in either precision, and there and back."""

from __future__ import annotations

import math

import pytest
import torch

from wellposed.errors import ParameterError
from wellposed_mri import (
    DynamicNonCartesianMRI,
    NonCartesianMRI,
    OffResonanceMRI,
    StackMRI,
    radial,
    spiral_readout,
)

N = 32


def randc(*shape, dtype=torch.complex128, seed=0):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed)).to(dtype)


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


def direct(trajectory, shape):
    """Return one exponential per sample and pixel."""
    grids = torch.meshgrid(*[torch.arange(n) - n // 2 for n in shape], indexing="ij")
    j = torch.stack(grids, -1).reshape(-1, len(shape)).double() / torch.tensor(shape)
    angle = -2 * math.pi * trajectory.double().reshape(-1, len(shape)) @ j.T
    return torch.polar(torch.ones_like(angle), angle) / math.sqrt(math.prod(shape))


@pytest.mark.parametrize(("dtype", "limit"), [(torch.complex64, 5e-5), (torch.complex128, 1e-9)])
@pytest.mark.parametrize("make", [lambda: radial(12, 2 * N, N), lambda: spiral_readout(4, N)])
def test_the_default_is_as_exact_as_it_says(make, dtype, limit):
    trajectory = make().to(dtype.to_real())
    op = NonCartesianMRI(randc(2, N, N, dtype=dtype), trajectory)
    x, y = randc(1, 1, N, N, seed=1, dtype=dtype), randc(1, *op.range.concrete_shape, seed=2, dtype=dtype)
    matrix, maps = direct(trajectory, (N, N)), op.maps.to(torch.complex128)
    want = (maps * x).reshape(2, -1) @ matrix.T
    assert error(op(x).reshape(2, -1), want) < limit
    back = (y.reshape(2, -1).to(torch.complex128) @ matrix.conj()).reshape(2, N, N)
    assert error(op.A_adjoint(y), (maps.conj() * back).sum(0)[None, None]) < limit


@pytest.mark.parametrize(("dtype", "limit"), [(torch.complex64, 1e-4), (torch.complex128, 1e-9)])
def test_there_and_back_again(dtype, limit):
    """A*A of the default transforms, against explicit sums: a round trip of half the allowed error."""
    trajectory = radial(48, 2 * N, N).to(dtype.to_real())
    op, x = NonCartesianMRI(randc(1, N, N, dtype=dtype), trajectory), randc(1, 1, N, N, seed=1, dtype=dtype)
    matrix, maps = direct(trajectory, (N, N)), op.maps.to(torch.complex128)
    want = maps.conj() * ((maps * x).reshape(1, -1) @ matrix.T @ matrix.conj()).reshape(N, N)
    assert error(op.A_adjoint(op(x)), want) < limit
    assert error(op.gram.A(x), want) < limit


def test_every_encoding_takes_its_default_from_its_maps():
    spokes, field = radial(3, 16, 8), torch.zeros(8, 8)
    for dtype, want in ((torch.complex64, 5e-5), (torch.complex128, 1e-9)):
        maps = torch.ones(1, 8, 8, dtype=dtype)
        assert NonCartesianMRI(maps, spokes).accuracy == want
        assert DynamicNonCartesianMRI(maps, spokes[:, None]).accuracy == want
        assert StackMRI(maps[None], spokes).accuracy == want
        assert OffResonanceMRI(maps, spokes, field, torch.linspace(0, 1e-3, 16)).accuracy == want


def test_an_accuracy_is_a_relative_error():
    with pytest.raises(ParameterError, match=r"accuracy = 2.0, but it is a relative error between 0 and 1"):
        NonCartesianMRI(torch.ones(1, 8, 8, dtype=torch.complex64), radial(3, 16, 8), 2.0)
