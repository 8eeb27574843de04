"""Implicit gradients against finite differences and dense formulas."""

import pytest
import torch
from solver_systems import matmul, pair, randn
from torch.autograd import gradcheck, gradgradcheck

from wellposed.errors import ParameterError
from wellposed.solvers import cg, lsmr, lsqr, minres

SQUARE = pytest.mark.parametrize("method", [cg, minres])
LEAST = pytest.mark.parametrize("method", [lsqr, lsmr])
DTYPES = pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])


def leaf(*shape, dtype=torch.float64, seed=0):
    return randn(*shape, dtype=dtype, seed=seed).requires_grad_()


@SQUARE
@DTYPES
def test_square_to_second_order(method, dtype):
    def f(factor, b):
        a = factor @ factor.mH + torch.eye(3, dtype=dtype)
        return method(matmul(a), b, tol=1e-13).x

    args = leaf(2, 3, 3, dtype=dtype), leaf(2, 3, dtype=dtype, seed=1)
    assert gradcheck(f, args)
    assert gradgradcheck(f, args)


@SQUARE
def test_square_tuples_and_preconditioner(method):
    def f(d, a, b):
        def op(v):
            return d * v[0] + v[1], v[0] + 3 * v[1]

        return method(op, (a, b), tol=1e-13, preconditioner=lambda v: (v[0] / 2, v[1] / 3)).x

    args = (leaf(2, 4).detach().abs() + 1).requires_grad_(), leaf(2, 4, seed=1), leaf(2, 4, seed=2)
    assert gradcheck(f, args)
    assert gradgradcheck(f, args)


def test_indefinite_minres():
    def f(m, b):
        return minres(matmul(m + m.mT), b, tol=1e-13).x

    args = leaf(2, 4, 4), leaf(2, 4, seed=1)
    assert gradcheck(f, args)
    assert gradgradcheck(f, args)


@SQUARE
def test_a_loss_of_solution_and_its_gradient_at_once(method):
    theta = torch.tensor([2.0, 3.0], dtype=torch.float64, requires_grad=True)
    b = torch.tensor([[1.0, -2.0]], dtype=torch.float64)

    def total(x):
        (g,) = torch.autograd.grad((x**3).sum(), theta, create_graph=True)
        return (g**2).sum() + x.sum()

    (ours,) = torch.autograd.grad(total(method(lambda v: theta * v, b, tol=1e-14).x), theta)
    (exact,) = torch.autograd.grad(total(b / theta), theta)
    assert torch.allclose(ours, exact, rtol=1e-10)


def test_first_order_costs_one_adjoint_solve():
    theta = torch.linspace(1, 5, 30, dtype=torch.float64).requires_grad_()
    calls = []

    def op(v):
        calls.append(1)
        return theta * v

    s = cg(op, randn(2, 30), tol=1e-8)
    forward = len(calls)
    s.x.sum().backward()
    assert len(calls) - forward <= 1.5 * forward
    assert torch.isfinite(theta.grad).all()


def test_no_graph_without_need():
    b = randn(1, 3)
    assert not cg(lambda v: 2 * v, b).x.requires_grad
    needs = b.clone().requires_grad_()
    assert not cg(lambda v: 2 * v, needs, differentiable=False).x.requires_grad
    assert not lsqr((lambda v: 2 * v, lambda v: 2 * v), needs, differentiable=False).x.requires_grad
    with torch.no_grad():
        assert not cg(lambda v: 2 * v, needs).x.requires_grad
    assert not lsqr((lambda v: 2 * v, lambda v: 2 * v), b).x.requires_grad


@SQUARE
def test_memory_does_not_hold_the_iterations(method):
    theta = torch.linspace(1, 500, 40, dtype=torch.float64).requires_grad_()
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(1) or t, lambda t: t):
        s = method(lambda v: theta * v, randn(1, 40), tol=1e-10)
    assert s.iterations[0] > 20
    assert len(saved) < 10


@LEAST
@DTYPES
@pytest.mark.parametrize(("m", "n", "rank"), [(4, 3, 3), (3, 4, 3), (3, 3, 2)])
def test_pseudo_inverse_at_constant_rank(method, dtype, m, n, rank):
    def f(left, right, b):
        return method(pair(left @ right), b, tol=1e-13).x

    args = (
        leaf(2, m, rank, dtype=dtype),
        leaf(2, rank, n, dtype=dtype, seed=1),
        leaf(2, m, dtype=dtype, seed=2),
    )
    assert gradcheck(f, args)


@LEAST
def test_pseudo_inverse_from_a_warm_start(method):
    x0 = randn(2, 4, seed=3)

    def f(left, right, b):
        return method(pair(left @ right), b, x0=x0, tol=1e-13).x

    assert gradcheck(f, (leaf(2, 3, 2), leaf(2, 2, 4, seed=1), leaf(2, 3, seed=2)))


@LEAST
@DTYPES
def test_damped_to_second_order(method, dtype):
    def f(a, b, damp):
        return method(pair(a), b, damp=damp, tol=1e-14).x

    damp = torch.tensor([0.8, 1.5], dtype=torch.float64, requires_grad=True)
    args = leaf(2, 3, 2, dtype=dtype), leaf(2, 3, dtype=dtype, seed=1), damp
    assert gradcheck(f, args)
    assert gradgradcheck(f, args)


@LEAST
def test_mixed_damping_and_tuples(method):
    damp = torch.tensor([0.0, 1.0], dtype=torch.float64)

    def f(a, b, c):
        op = (lambda v: (matmul(a)(v), 2 * v), lambda y: matmul(a.mT)(y[0]) + 2 * y[1])
        return method(op, (b, c), damp=damp, tol=1e-13).x

    assert gradcheck(f, (leaf(2, 3, 2), leaf(2, 3, seed=1), leaf(2, 2, seed=2)))


@LEAST
@pytest.mark.parametrize("damp", [0.0, 0.5])
def test_right_hand_side_alone(method, damp):
    a = randn(2, 4, 3)

    def f(b):
        return method(pair(a), b, damp=damp, tol=1e-13).x ** 2

    assert gradcheck(f, (leaf(2, 4),))
    assert gradgradcheck(f, (leaf(2, 4),))


@LEAST
def test_second_derivative_of_an_undamped_solve_is_refused(method):
    a, b = leaf(1, 3, 2), randn(1, 3)
    x = method(pair(a), b).x
    (g,) = torch.autograd.grad((x**2).sum(), a, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        g.sum().backward()


def test_function_transforms_are_refused_clearly():
    theta = torch.tensor([2.0, 3.0])
    with pytest.raises(ParameterError, match="vmap carries no gradient; use the batch axis"):
        torch.vmap(lambda b: cg(lambda v: 2 * v, b).x)(torch.ones(3, 2, 2, requires_grad=True))
    with pytest.raises(ParameterError, match="vmap carries no gradient; use the batch axis"):
        torch.vmap(lambda t: cg(lambda v: t * v, torch.ones(1, 2)).x)(theta.requires_grad_())
    theta = theta.detach()
    with pytest.raises(ParameterError, match=r"torch\.func\.grad or jvp"):
        torch.func.grad(lambda t: cg(lambda v: t * v, torch.ones(1, 2)).x.sum())(theta)
