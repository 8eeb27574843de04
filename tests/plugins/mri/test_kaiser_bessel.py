"""Non-uniform transforms in plain torch, as other devices take them, against explicit sums and finufft."""

from __future__ import annotations

import math

import pytest
import torch

from wellposed_mri import NonCartesianMRI, OffResonanceMRI, StackMRI, SubspaceNonCartesianMRI
from wellposed_mri.nufft import Plans, plans
from wellposed_mri.nufft import kaiser_bessel as module
from wellposed_mri.nufft.kaiser_bessel import KaiserBessel


def randc(*shape, dtype=torch.complex128, seed=0):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed)).to(dtype)


def radians(count, d, seed=0):
    uniform = torch.rand(count, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return (uniform - 0.5) * 2 * math.pi


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


def waves(points, shape):
    grids = torch.meshgrid(*[torch.arange(n) - n // 2 for n in shape], indexing="ij")
    angle = -points @ torch.stack(grids, -1).reshape(-1, len(shape)).double().T
    return torch.polar(torch.ones_like(angle), angle)


@pytest.mark.parametrize("shape", [(20, 17), (9, 16), (64, 64), (6, 8, 7)])
@pytest.mark.parametrize("accuracy", [1e-2, 1e-4, 5e-5, 1e-6, 1e-9, 1e-11])
def test_it_is_as_exact_as_it_is_asked_to_be(shape, accuracy):
    points = radians(90, len(shape))
    x, y, matrix = randc(3, *shape, seed=1), randc(3, 90, seed=2), waves(points, shape)
    plan = KaiserBessel(shape, points, accuracy, torch.complex128)
    assert error(plan.to_points(x), x.flatten(1) @ matrix.T) < accuracy
    assert error(plan.to_image(y).flatten(1), y @ matrix.conj()) < accuracy
    left, right = (plan.to_points(x).conj() * y).sum(), (x.conj() * plan.to_image(y)).sum()
    assert abs(left - right) < 1e-13 * float(plan.to_points(x).norm() * y.norm())


@pytest.mark.parametrize("shape", [(64, 63), (12, 16, 14)])
def test_it_gives_the_numbers_of_finufft_in_single_precision(shape, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 2000)  # several blocks of samples
    points, x = radians(300, len(shape)), randc(2, *shape, dtype=torch.complex64)
    y = randc(2, 300, dtype=torch.complex64, seed=2)
    plan, theirs = KaiserBessel(shape, points, 5e-5, torch.complex64), Plans(shape, 5e-5)
    assert error(plan.to_points(x), theirs.to_points(x, points)) < 1e-4
    assert error(plan.to_image(y), theirs.to_image(y, points)) < 1e-4
    assert plan.to_points(x).dtype == plan.to_image(y).dtype == torch.complex64


def test_points_on_the_border_and_beyond_wrap():
    points = torch.tensor([[math.pi, -math.pi], [3.5, -4.0], [0.0, 0.0]], dtype=torch.float64)
    x = randc(1, 9, 10)
    got = KaiserBessel((9, 10), points, 1e-9, torch.complex128).to_points(x)
    assert error(got, x.flatten(1) @ waves(points, (9, 10)).T) < 1e-9


def encodings():
    maps, times = randc(2, 16, 18), torch.linspace(0, 0.01, 20, dtype=torch.float64)
    k = radians(3 * 40 * 20, 2).reshape(3, 40, 20, 2) / (2 * math.pi) * torch.tensor([16, 18])
    field = torch.linspace(-50, 50, 16 * 18, dtype=torch.float64).reshape(16, 18)
    return {
        "noncartesian": NonCartesianMRI(maps, k),
        "subspace": SubspaceNonCartesianMRI(maps, randc(3, 2, seed=4), k),
        "offresonance": OffResonanceMRI(maps, k, field, times),
        "stack": StackMRI(randc(2, 3, 16, 18), k, rotating=True),
    }


@pytest.mark.parametrize("name", list(encodings()))
def test_encodings_without_finufft(name, monkeypatch):
    """As on a device that finufft does not know: the same numbers, gradients and A*A."""
    op = encodings()[name]
    x = randc(2, *op.domain.concrete_shape, seed=1)

    def slopes(op):
        k = op.trajectory.clone().requires_grad_()
        return torch.autograd.grad(op.replace(trajectory=k)(x).abs().square().square().sum(), k)[0]

    y, back, normal, slope = op(x), op.A_adjoint(op(x)), op.gram.A(x), slopes(op)
    monkeypatch.setattr(plans, "FINUFFT_DEVICES", frozenset())
    op = op.replace()
    assert error(op(x), y) < 2e-9
    assert error(op.A_adjoint(op(x)), back) < 4e-9
    assert error(op.gram.A(x), normal) < 4e-9
    assert error(slopes(op), slope) < 1e-8
    left, right = (op(x).conj() * y).sum(), (x.conj() * op.A_adjoint(y)).sum()
    assert abs(left - right) < 1e-13 * float(y.norm()) ** 2
