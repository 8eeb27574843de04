"""CG and MINRES against dense solutions and SciPy."""

import numpy as np
import pytest
import scipy.sparse.linalg as sla
import torch
from solver_systems import hermitian, matmul, randn, solve, spectra

from wellposed.errors import ConvergenceError, DtypeError, ParameterError, SpaceError
from wellposed.solvers import StopReason, cg, lsmr, lsqr, minres, preconditioners

BOTH = pytest.mark.parametrize("method", [cg, minres])


def relative(x, reference):
    return float(torch.linalg.vector_norm(x - reference) / torch.linalg.vector_norm(reference))


@BOTH
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64, torch.complex128])
def test_dense(method, dtype):
    a = hermitian(spectra(2, 10, 50), dtype)
    b = randn(3, 24, dtype=dtype)
    double = dtype in (torch.float64, torch.complex128)
    s = method(matmul(a), b, tol=1e-11 if double else 1e-5)
    assert s.x.dtype == dtype
    assert s.converged.all()
    assert set(s.reason) == {StopReason.CONVERGED}
    assert relative(s.x, solve(a, b)) < (1e-9 if double else 1e-4)
    assert s.iterations.shape == s.residual.shape == s.converged.shape == (3,)
    true = torch.linalg.vector_norm(b - matmul(a)(s.x), dim=1)
    assert torch.allclose(s.residual.to(true.dtype), true, rtol=0.3)


@pytest.mark.parametrize(("method", "peer"), [(cg, sla.cg), (minres, sla.minres)])
def test_iterates_equal_scipy(method, peer):
    a = hermitian(spectra(30))[0]
    b = randn(1, 24)
    for k in (1, 3, 7):
        s = method(matmul(a), b, tol=0, max_iter=k)
        x, _ = peer(a.numpy(), b[0].numpy(), rtol=1e-30, maxiter=k)
        np.testing.assert_allclose(s.x[0].numpy(), x, rtol=1e-9, atol=1e-12)
        assert s.reason == (StopReason.ITERATION_LIMIT,)
        assert s.iterations.tolist() == [k]


@BOTH
def test_batch_of_very_different_conditioning(method):
    a = hermitian(spectra(1, 10, 1e3, 1e5))
    b = randn(4, 24)
    s = method(matmul(a), b, tol=1e-10, max_iter=400)
    assert s.converged.all()
    assert (s.iterations.diff() > 0).all()
    for i in range(4):
        alone = method(matmul(a[i : i + 1]), b[i : i + 1], tol=1e-10, max_iter=400)
        assert abs(alone.iterations[0] - s.iterations[i]) <= 2
        assert relative(s.x[i], alone.x[0]) < 1e-5


@BOTH
def test_stopped_samples_freeze_exactly(method):
    a = hermitian(spectra(1, 1e3))
    b = randn(2, 24)
    seen = []
    s = method(matmul(a), b, tol=1e-8, callback=lambda k, x, r: seen.append(x[0].clone()))
    first = int(s.iterations[0])
    assert first < s.iterations[1]
    assert all(torch.equal(x, seen[first - 1]) for x in seen[first:])


@BOTH
def test_values_of_a_long_sample_do_not_depend_on_its_mates(method):
    d = torch.linspace(1, 9, 5000, dtype=torch.float64)
    b = randn(3, 5000)
    together = method(lambda v: v * d, b)
    other = method(lambda v: v * d, torch.stack([b[1], b[0] * 1e-3, b[2] * 0]))
    assert torch.equal(together.x[0] * 1, together.x[0])
    assert relative(other.x[0], together.x[1]) < 1e-14


@BOTH
@pytest.mark.parametrize("x0", [False, True])
@pytest.mark.parametrize("batch", [1, 2])
def test_zero_right_hand_side(method, x0, batch):
    b = torch.zeros(batch, 5)
    s = method(lambda v: 2 * v, b, x0=torch.ones(batch, 5) if x0 else None)
    assert torch.equal(s.x, b)
    assert s.converged.all()
    assert s.iterations.tolist() == [0] * batch


@BOTH
def test_warm_start(method):
    a = hermitian(spectra(100, 100))
    b = randn(2, 24)
    x = solve(a, b)
    cold = method(matmul(a), b, tol=1e-8)
    warm = method(matmul(a), b, tol=1e-8, x0=x + 1e-6 * randn(2, 24, seed=1))
    done = method(matmul(a), b, tol=1e-8, x0=x)
    assert (warm.iterations < cold.iterations).all()
    assert done.iterations.tolist() == [0, 0]
    assert torch.equal(done.x, x)
    assert relative(warm.x, x) < 1e-6


@BOTH
def test_preconditioned(method):
    scale = torch.logspace(0, 3, 24, dtype=torch.float64)
    a = scale[:, None] * hermitian(spectra(5, 5)) * scale
    b = randn(2, 24)
    plain = method(matmul(a), b, tol=1e-9, max_iter=1000)
    jacobi = preconditioners.diagonal(torch.diagonal(a, dim1=1, dim2=2))
    s = method(matmul(a), b, tol=1e-9, preconditioner=jacobi, max_iter=1000)
    assert s.converged.all()
    assert (s.iterations < plain.iterations).all()
    assert relative(s.x, solve(a, b)) < 1e-6


@BOTH
def test_circulant_preconditioner_solves_a_circulant_in_one_step(method):
    kernel = torch.zeros(6, 8, dtype=torch.float64)
    kernel[0, 0], kernel[0, 1], kernel[0, -1], kernel[1, 0], kernel[-1, 0] = 5, -1, -1, -1, -1
    spectrum = torch.fft.fft2(kernel).real
    op = preconditioners.circulant(1 / spectrum)
    b = randn(2, 1, 6, 8)
    s = method(op, b, preconditioner=preconditioners.circulant(spectrum))
    assert s.iterations.max() <= 2
    assert relative(op(s.x), b) < 1e-6
    bc = torch.complex(b, b.flip(0))
    assert relative(op(method(op, bc, tol=1e-10).x), bc) < 1e-9


@BOTH
def test_tuples_of_real_and_complex(method):
    a, c = hermitian(spectra(9, 4)), hermitian(spectra(3, 7), torch.complex128)
    b = (randn(2, 24), (randn(2, 24, dtype=torch.complex128),))
    s = method(lambda v: (matmul(a)(v[0]), (matmul(c)(v[1][0]),)), b, tol=1e-11)
    assert relative(s.x[0], solve(a, b[0])) < 1e-9
    assert relative(s.x[1][0], solve(c, b[1][0])) < 1e-9


@BOTH
@pytest.mark.parametrize("size", [1e-30, 1e25])
def test_extreme_scales_in_float32(method, size):
    a = hermitian(spectra(3, 3), torch.float32)
    b = size * randn(2, 24, dtype=torch.float32)
    s = method(matmul(a), b, tol=1e-5)
    assert s.converged.all()
    assert relative(s.x / size, solve(a, b / size)) < 1e-4


@BOTH
def test_consistent_singular(method):
    values = spectra(10, 10)
    values[:, 12:] = 0
    a = hermitian(values)
    b = matmul(a)(randn(2, 24))
    s = method(matmul(a), b, tol=1e-10)
    assert s.converged.all()
    assert relative(s.x, matmul(torch.linalg.pinv(a, rtol=1e-8))(b)) < 1e-8


@BOTH
@pytest.mark.parametrize("batch", [1, 3])
def test_inconsistent_singular(method, batch):
    values = spectra(*[10] * batch)
    values[:, 20:] = 0
    a = hermitian(values)
    b = randn(batch, 24)
    s = method(matmul(a), b, tol=1e-8)
    assert set(s.reason) == {StopReason.SINGULAR} if method is minres else not s.converged.any()
    assert torch.isfinite(s.x).all()
    assert not s.converged.any()
    if method is minres:
        gradient = matmul(a)(matmul(a)(s.x) - b)
        assert float(torch.linalg.vector_norm(gradient)) < 1e-6


def test_indefinite():
    values = spectra(10, 10)
    values[1, ::2] *= -1
    a = hermitian(values)
    b = randn(2, 24)
    s = cg(matmul(a), b, tol=1e-10)
    assert s.reason == (StopReason.CONVERGED, StopReason.INDEFINITE)
    assert torch.isfinite(s.x).all()
    assert "negative curvature" in str(s)
    alone = cg(matmul(a[1:]), b[1:])
    assert alone.reason == (StopReason.INDEFINITE,)
    t = minres(matmul(a), b, tol=1e-10)
    assert t.converged.all()
    assert relative(t.x, solve(a, b)) < 1e-8


@BOTH
@pytest.mark.parametrize("batch", [1, 2])
def test_preconditioner_that_is_not_positive(method, batch):
    s = method(lambda v: 2 * v, randn(batch, 5), preconditioner=lambda v: -v)
    assert set(s.reason) == {StopReason.INDEFINITE}


@BOTH
@pytest.mark.parametrize("where", ["b", "x0"])
def test_non_finite_input(method, where):
    bad = torch.ones(3, 4)
    bad[1, 2] = torch.nan
    good = torch.ones(3, 4)
    args = {"b": (bad, None), "x0": (good, bad)}[where]
    with pytest.raises(ConvergenceError, match=r"non-finite values in samples \[1\] of 3"):
        method(lambda v: 2 * v, args[0], x0=args[1])


@BOTH
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_operator_that_turns_non_finite(method, value):
    a = hermitian(spectra(30, 30))
    calls = []

    def op(v):
        calls.append(1)
        y = matmul(a)(v)
        if len(calls) > 3:
            y[1, 0] = value
        return y

    b = randn(2, 24)
    s = method(op, b, tol=1e-10)
    assert s.reason == (StopReason.CONVERGED, StopReason.NON_FINITE)
    assert torch.isfinite(s.x).all()
    assert torch.isfinite(s.residual).all()
    assert relative(s.x[:1], solve(a, b)[:1]) < 1e-8
    assert s.iterations[1] == 3
    three = method(matmul(a), b, tol=1e-10, max_iter=3)
    assert relative(s.x[1], three.x[1]) < 1e-12


@BOTH
def test_beyond_the_dtype_is_stagnation_not_convergence(method):
    a = hermitian(spectra(1e4, 1), torch.float32)
    s = method(matmul(a), randn(2, 24, dtype=torch.float32), tol=1e-9, max_iter=1000)
    assert s.reason[0] in (StopReason.STAGNATED, StopReason.SINGULAR)
    assert not s.converged[0]
    assert s.residual[0] < 0.1


@BOTH
def test_callback_stops(method):
    a = hermitian(spectra(100, 100))
    b = randn(2, 24)
    s = method(matmul(a), b, tol=1e-10, callback=lambda k, x, r: torch.tensor([k >= 2, False]))
    assert s.reason == (StopReason.CALLBACK, StopReason.CONVERGED)
    assert s.iterations[0] == 2
    t = method(matmul(a), b, callback=lambda k, x, r: k == 4)
    assert t.iterations.tolist() == [4, 4]
    norms = []
    method(matmul(a), b, tol=1e-10, max_iter=5, callback=lambda k, x, r: norms.append((x, r)))
    for x, r in norms:
        assert torch.allclose(torch.linalg.vector_norm(b - matmul(a)(x), dim=1), r)


@BOTH
def test_absolute_tolerance_and_limits(method):
    a = hermitian(spectra(100, 100))
    b = torch.stack([randn(24), 1e-9 * randn(24)])
    s = method(matmul(a), b, tol=0, atol=1e-6)
    assert s.converged.all()
    assert s.iterations[1] == 0
    assert method(matmul(a), b, max_iter=0).iterations.tolist() == [0, 0]


@pytest.mark.parametrize("method", [cg, minres, lsqr, lsmr])
@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (1, 0), (1, 1), (2, 1)])
def test_empty_and_tiny(method, shape):
    def f(v):
        return 2 * v

    b = torch.ones(shape)
    s = method(f if method in (cg, minres) else (f, f), b)
    assert torch.equal(s.x, b / 2)
    assert len(s.reason) == shape[0]
    assert s.converged.all()


@pytest.mark.parametrize("method", [cg, minres, lsqr, lsmr])
@pytest.mark.parametrize("warm", [False, True])
def test_solution_beyond_the_range_of_the_dtype(method, warm):
    small = torch.tensor([[1.0], [1e-18]])

    def f(v):
        return small * v

    b = torch.tensor([[1.0, 2.0], [1e22, 2e22]])
    x0 = torch.tensor([[3.0, 3.0], [5.0, 5.0]]) if warm else None
    s = method(f if method in (cg, minres) else (f, f), b, x0=x0)
    assert s.reason[0] is StopReason.CONVERGED
    assert s.reason[1] is StopReason.NON_FINITE
    assert torch.allclose(s.x[0], b[0])
    assert torch.equal(s.x[1], x0[1] if warm else torch.zeros(2))
    assert torch.isfinite(s.residual).all()


@BOTH
def test_operator_that_is_not_finite_at_the_start(method):
    def op(v):
        return torch.where(v > 100, torch.inf, 2 * v)

    x0 = torch.tensor([[0.0, 0.0], [0.0, 200.0]])
    s = method(op, torch.ones(2, 2), x0=x0)
    assert s.reason == (StopReason.CONVERGED, StopReason.NON_FINITE)
    assert torch.equal(s.x[1], x0[1])


def test_objects_with_a_method():
    class Op:
        def A(self, v):
            return 4 * v

    assert torch.allclose(cg(Op(), torch.ones(1, 3), preconditioner=Op()).x, torch.full((1, 3), 0.25))


@BOTH
def test_input_is_left_alone(method):
    b, x0 = randn(2, 24), randn(2, 24, seed=1)
    kept = b.clone(), x0.clone()
    method(matmul(hermitian(spectra(3, 4))), b, x0=x0)
    method(lambda v: v, b)
    assert torch.equal(b, kept[0])
    assert torch.equal(x0, kept[1])


@BOTH
def test_non_contiguous_and_conjugated_input(method):
    a = hermitian(spectra(3, 4, n=6), torch.complex128)
    b = randn(6, 2, dtype=torch.complex128).mT.conj()
    assert relative(method(matmul(a), b, tol=1e-11).x, solve(a, b)) < 1e-9


def test_misuse():
    b = torch.ones(2, 3)
    with pytest.raises(SpaceError, match=r"A\(v\) has shapes \[\(2, 4\)\], but \[\(2, 3\)\]"):
        cg(lambda v: torch.ones(2, 4), b)
    with pytest.raises(DtypeError, match=r"A\(v\) has dtypes \[torch.float64\]"):
        cg(lambda v: v.double(), b)
    with pytest.raises(DtypeError, match=r"not torch.int64"):
        cg(lambda v: v, b.long())
    with pytest.raises(SpaceError, match="one common batch"):
        cg(lambda v: v, (b, torch.ones(3, 3)))
    with pytest.raises(SpaceError, match="x0 has shapes"):
        cg(lambda v: v, b, x0=torch.ones(2, 4))
    with pytest.raises(SpaceError, match="is a NoneType, not a tensor"):
        cg(lambda v: None, b)
    with pytest.raises(ParameterError, match="op is a int"):
        cg(3, b)
    with pytest.raises(ParameterError, match=r"tol=-1"):
        cg(lambda v: v, b, tol=-1)
    with pytest.raises(ParameterError, match=r"max_iter=-1 must be"):
        cg(lambda v: v, b, max_iter=-1)
    with pytest.raises(ParameterError, match=r"minimum 0, but a preconditioner must be positive"):
        preconditioners.diagonal(torch.zeros(2))
    with pytest.raises(ParameterError, match="a complex tensor"):
        preconditioners.circulant(torch.ones(2, dtype=torch.complex64))
