"""LSQR and LSMR against dense pseudo-inverses and SciPy."""

import numpy as np
import pytest
import scipy.sparse.linalg as sla
import torch
from solver_systems import matmul, pair, randn, solve

from wellposed.errors import ConvergenceError, ParameterError, SpaceError
from wellposed.solvers import StopReason, lsmr, lsqr, preconditioners

BOTH = pytest.mark.parametrize("method", [lsqr, lsmr])


def low_rank(batch, m, n, rank, dtype=torch.float64):
    return randn(batch, m, rank, dtype=dtype) @ randn(batch, rank, n, dtype=dtype, seed=1) / rank


def pinv(a):
    return matmul(torch.linalg.pinv(a, rtol=1e-6))


def relative(x, reference):
    return float(torch.linalg.vector_norm(x - reference) / torch.linalg.vector_norm(reference))


@BOTH
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64, torch.complex128])
@pytest.mark.parametrize(("m", "n", "rank"), [(9, 5, 5), (5, 9, 5), (7, 7, 3), (8, 5, 2)])
@pytest.mark.parametrize("batch", [1, 3])
def test_minimum_norm_least_squares(method, dtype, m, n, rank, batch):
    a = low_rank(batch, m, n, rank, torch.complex128 if dtype.is_complex else torch.float64)
    b = randn(batch, m, dtype=a.dtype)
    double = dtype == a.dtype
    s = method(pair(a.to(dtype)), b.to(dtype), tol=1e-12 if double else 1e-6)
    assert s.x.dtype == dtype
    assert relative(s.x, pinv(a)(b)) < (1e-9 if double else 2e-3)
    assert double <= bool(s.converged.all())
    reference = torch.linalg.vector_norm(b - matmul(a)(pinv(a)(b)), dim=1)
    assert torch.allclose(s.residual, reference, rtol=1e-4, atol=1e-4)
    if double and rank == n:
        assert set(s.reason) == {StopReason.LEAST_SQUARES}


@pytest.mark.parametrize(("method", "peer"), [(lsqr, sla.lsqr), (lsmr, sla.lsmr)])
@pytest.mark.parametrize("damp", [0.0, 0.7])
def test_iterates_equal_scipy(method, peer, damp):
    a, b = randn(20, 12), randn(1, 20)
    for k in (1, 3, 6):
        args = {"atol": 0, "btol": 0, "conlim": 0, "damp": damp}
        args["iter_lim" if peer is sla.lsqr else "maxiter"] = k
        x = peer(a.numpy(), b[0].numpy(), **args)[0]
        s = method(pair(a), b, damp=damp, tol=0, max_iter=k)
        np.testing.assert_allclose(s.x[0].numpy(), x, rtol=1e-9, atol=1e-12)
        assert s.reason == (StopReason.ITERATION_LIMIT,)


@BOTH
@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_damped_per_sample(method, warm, dtype):
    a, b = low_rank(3, 6, 8, 4, dtype), randn(3, 6, dtype=dtype)
    damp = torch.tensor([0.05, 1.0, 20.0], dtype=torch.float64)
    x0 = randn(3, 8, dtype=dtype, seed=2) if warm else None
    s = method(pair(a), b, damp=damp, x0=x0, tol=1e-12)
    normal = a.mH @ a + torch.eye(8) * damp[:, None, None] ** 2
    reference = solve(normal, matmul(a.mH)(b))
    assert relative(s.x, reference) < 1e-8
    stacked = torch.cat([b - matmul(a)(s.x), damp[:, None] * s.x], 1)
    assert torch.allclose(s.residual, torch.linalg.vector_norm(stacked, dim=1))


@BOTH
def test_warm_start_keeps_its_part_in_the_null_space(method):
    a, b, x0 = low_rank(2, 6, 8, 4), randn(2, 6), randn(2, 8, seed=2)
    s = method(pair(a), b, x0=x0, tol=1e-12)
    assert relative(s.x, x0 + pinv(a)(b - matmul(a)(x0))) < 1e-9
    again = method(pair(a), b, x0=s.x, tol=1e-6)
    assert again.iterations.max() <= 1


@BOTH
def test_batch_of_very_different_conditioning_freezes(method):
    d = torch.stack([torch.ones(20), torch.logspace(0, -3, 20)]).double()
    seen = []
    b = randn(2, 20)
    f = (lambda v: v * d, lambda v: v * d)
    s = method(f, b, tol=1e-8, max_iter=500, callback=lambda k, x, r: seen.append(x[0].clone()))
    assert s.converged.all()
    assert s.iterations[0] == 1 < s.iterations[1]
    assert all(torch.equal(x, seen[0]) for x in seen)
    assert relative(s.x[1], (b / d)[1]) < 1e-4


@BOTH
def test_preconditioned(method):
    scale = torch.logspace(0, 3, 12, dtype=torch.float64)
    a = randn(2, 30, 12) * scale
    b = randn(2, 30)
    jacobi = preconditioners.diagonal((a**2).sum(1))
    plain = method(pair(a), b, tol=1e-10, max_iter=500)
    s = method(pair(a), b, tol=1e-10, preconditioner=jacobi, max_iter=500)
    assert (s.iterations < plain.iterations).all()
    assert relative(s.x, pinv(a * 1)(b)) < 1e-6 or relative(s.x, matmul(torch.linalg.pinv(a))(b)) < 1e-7


@BOTH
def test_tuples(method):
    a, c = randn(2, 5, 8), randn(2, 6, 8, seed=1)
    b = (randn(2, 5), (randn(2, 6),))
    op = (
        lambda v: (matmul(a)(v), (matmul(c)(v),)),
        lambda y: matmul(a.mH)(y[0]) + matmul(c.mH)(y[1][0]),
    )
    both = torch.cat([a, c], 1)
    reference = matmul(torch.linalg.pinv(both))(torch.cat([b[0], b[1][0]], 1))
    assert relative(method(op, b, tol=1e-12).x, reference) < 1e-9
    swapped = method(op[::-1], reference, tol=1e-12).x
    assert relative(torch.cat([swapped[0], swapped[1][0]], 1), pinv(both.mH)(reference)) < 1e-9


@BOTH
@pytest.mark.parametrize("batch", [1, 2])
def test_trivial_right_hand_sides(method, batch):
    a = low_rank(batch, 6, 4, 2)
    s = method(pair(a), torch.zeros(batch, 6, dtype=a.dtype), x0=torch.ones(batch, 4, dtype=a.dtype))
    assert torch.equal(s.x, torch.zeros_like(s.x))
    assert s.converged.all()
    assert s.iterations.tolist() == [0] * batch
    orthogonal = (lambda x: torch.zeros(batch, 6), lambda y: torch.zeros(batch, 4))
    s = method(orthogonal, torch.ones(batch, 6))
    assert torch.equal(s.x, torch.zeros(batch, 4))
    assert set(s.reason) == {StopReason.LEAST_SQUARES}


@BOTH
def test_non_finite(method):
    a, b = randn(2, 6, 4), randn(2, 6)
    with pytest.raises(ConvergenceError, match=r"right-hand side b has non-finite values in samples \[0\]"):
        method(pair(a), b * torch.tensor([[torch.inf], [1]]))
    calls = []

    def adjoint(y):
        calls.append(1)
        x = matmul(a.mH)(y)
        return x * torch.tensor([[1], [torch.nan if len(calls) > 3 else 1]])

    s = method((matmul(a), adjoint), b, tol=1e-12)
    assert s.reason == (StopReason.LEAST_SQUARES, StopReason.NON_FINITE)
    assert torch.isfinite(s.x).all()
    assert relative(s.x[:1], pinv(a)(b)[:1]) < 1e-9
    broken = (lambda x: x * torch.nan, lambda y: y)
    s = method(broken, b)
    assert set(s.reason) == {StopReason.NON_FINITE}
    assert torch.equal(s.x, torch.zeros_like(b))
    s = method((lambda x: x, lambda y: y), b, x0=b, preconditioner=lambda v: -v)
    assert s.converged.all()
    s = method((lambda x: 2 * x, lambda y: 2 * y), b, preconditioner=lambda v: -v)
    assert set(s.reason) == {StopReason.INDEFINITE}


@BOTH
@pytest.mark.parametrize("size", [1e-30, 1e25])
def test_extreme_scales_in_float32(method, size):
    a, b = randn(2, 8, 5, dtype=torch.float32), size * randn(2, 8, dtype=torch.float32)
    s = method(pair(a), b, tol=1e-5)
    assert s.converged.all()
    assert relative(s.x / size, pinv(a)(b / size)) < 1e-3


@BOTH
def test_operator_too_small_for_the_dtype_is_not_taken_for_zero(method):
    s = method((lambda v: 1e-25 * v, lambda v: 1e-25 * v), torch.ones(2, 3))
    assert set(s.reason) == {StopReason.STAGNATED}
    assert not s.converged.any()


@BOTH
def test_callback_and_limits(method):
    a, b = randn(2, 20, 15), randn(2, 20)
    s = method(pair(a), b, callback=lambda k, x, r: torch.tensor([k == 2, False]))
    assert s.iterations[0] == 2
    assert s.reason[0] is StopReason.CALLBACK
    seen = []
    method(pair(a), b, max_iter=5, tol=0, x0=randn(2, 15), callback=lambda k, x, r: seen.append((x, r)))
    for x, r in seen:
        assert torch.allclose(torch.linalg.vector_norm(b - matmul(a)(x), dim=1), r)
    assert method(pair(a), b, max_iter=0).reason == (StopReason.ITERATION_LIMIT,) * 2


def test_objects_and_misuse():
    class Op:
        def A(self, x):
            return 2 * x

        def A_adjoint(self, y):
            return 2 * y

    assert torch.allclose(lsqr(Op(), torch.ones(1, 3)).x, torch.full((1, 3), 0.5))
    b = torch.ones(2, 3)
    with pytest.raises(ParameterError, match="need an object with A and A_adjoint"):
        lsqr(lambda v: v, b)
    with pytest.raises(ParameterError, match="damp=-1 must be finite and ≥ 0"):
        lsmr(Op(), b, damp=-1)
    with pytest.raises(ParameterError, match=r"one per sample \(2,\)"):
        lsmr(Op(), b, damp=torch.ones(3))
    with pytest.raises(SpaceError, match=r"A\(x\) has shapes \[\(2, 4\)\], but \[\(2, 3\)\]"):
        lsqr((lambda v: torch.ones(2, 4), lambda y: y), b)
    with pytest.raises(SpaceError, match="x0 has shapes"):
        lsqr(Op(), b, x0=torch.ones(2, 5))
