"""Solves inside vmap give what a loop over the mapped axis gives."""

import pytest
import torch
from torch.func import vmap

import wellposed
from wellposed.operators import Convolution
from wellposed.solvers import cg, lsmr, lsqr, minres

G = torch.Generator().manual_seed(0)
DOUBLE = {"dtype": torch.float64, "generator": G}
ROOTS = torch.randn(4, 5, 5, **DOUBLE)
POSITIVE = ROOTS @ ROOTS.mT + torch.eye(5, dtype=torch.float64)
TALL = torch.randn(4, 6, 5, **DOUBLE)
B = torch.randn(4, 3, 5, **DOUBLE)
LONG = torch.randn(4, 3, 6, **DOUBLE)


def times(a):
    return lambda v: v @ a.mT


@pytest.mark.parametrize("method", [cg, minres])
def test_right_hand_sides_and_matrices(method):
    exact = torch.linalg.solve(POSITIVE, B.mT).mT
    both = vmap(lambda a, b: method(times(a), b, tol=1e-12).x)(POSITIVE, B)
    torch.testing.assert_close(both, exact, rtol=1e-8, atol=1e-8)
    of_b = vmap(lambda b: method(times(POSITIVE[0]), b, tol=1e-12).x)(B)
    torch.testing.assert_close(of_b, torch.linalg.solve(POSITIVE[0], B.mT).mT, rtol=1e-8, atol=1e-8)
    of_a = vmap(lambda a: method(times(a), B[0], tol=1e-12).x)(POSITIVE)
    torch.testing.assert_close(of_a, torch.linalg.solve(POSITIVE, B[0].mT).mT, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("method", [lsqr, lsmr])
def test_least_squares_with_damping_of_their_own(method):
    def solve(a, b, damp):
        return method((times(a), times(a.mT)), b, damp=damp, tol=1e-13).x

    damp = torch.tensor([0.0, 0.1, 1.0, 2.0], dtype=torch.float64)
    found = vmap(solve)(TALL, LONG, damp)
    normal = TALL.mT @ TALL + (damp**2)[:, None, None] * torch.eye(5, dtype=torch.float64)
    torch.testing.assert_close(found, torch.linalg.solve(normal, (LONG @ TALL).mT).mT, rtol=1e-6, atol=1e-6)


def test_starts_preconditioners_callbacks_tuples_and_what_is_reported():
    heard = []

    def solve(a, b, x0):
        inverse = 1 / torch.diagonal(a)
        found = cg(
            lambda v: (v[0] @ a.mT, 2 * v[1]), (b, b), x0=(x0, x0), tol=1e-12,
            preconditioner=lambda v: (v[0] * inverse, v[1]),
            callback=lambda k, x, r: heard.append((x[0].shape, r.shape)),
        )  # fmt: skip
        return found.x, found.iterations, found.converged

    (x, half), iterations, converged = vmap(solve)(POSITIVE, B, torch.ones_like(B))
    torch.testing.assert_close(x, torch.linalg.solve(POSITIVE, B.mT).mT, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(half, B / 2)
    assert iterations.shape == converged.shape == (4, 3)
    assert bool(converged.all())
    alone = cg(lambda v: v @ POSITIVE[1].mT, B[1], tol=1e-12)
    assert int(alone.iterations.max()) <= 8
    assert set(heard) == {((3, 5), (3,))}


def test_vmap_within_vmap():
    b = torch.randn(2, 4, 3, 5, **DOUBLE)
    found = vmap(lambda c: vmap(lambda a, b: cg(times(a), b, tol=1e-12).x)(POSITIVE, c))(b)
    torch.testing.assert_close(found, torch.linalg.solve(POSITIVE, b.mT).mT, rtol=1e-8, atol=1e-8)


def test_prox_and_pseudo_inverse_of_operators_that_iterate():
    op = Convolution(torch.rand(3, 3, **DOUBLE), (1, 6, 7), "replicate")
    z, y = op.domain.randn(6, G).reshape(3, 2, 1, 6, 7), op.range.randn(6, G).reshape(3, 2, 1, 6, 7)
    gamma = torch.tensor([0.1, 1.0, 10.0], dtype=torch.float64)
    found = vmap(lambda z, y, g: op.prox_l2(z, y, g))(z, y, gamma)
    normal = op.to_matrix().mT @ op.to_matrix()
    for i in range(3):
        right = (z[i] + gamma[i] * op.A_adjoint(y[i])).reshape(2, -1)
        exact = torch.linalg.solve(torch.eye(42, dtype=torch.float64) + gamma[i] * normal, right.mT).mT
        torch.testing.assert_close(found[i].reshape(2, -1), exact, rtol=1e-5, atol=1e-6)
    dense = torch.linalg.pinv(op.to_matrix())
    inverse = vmap(op.A_dagger)(y).reshape(3, 2, -1)
    torch.testing.assert_close(inverse, (y.reshape(3, 2, -1) @ dense.mT), rtol=1e-3, atol=1e-3)
    assert wellposed.explain(op).pinv.startswith("LSMR")
