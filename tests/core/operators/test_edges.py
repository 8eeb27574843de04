"""Where an algebra goes wrong in silence: complex scalars, stale caches, batch mates, misfits."""

from __future__ import annotations

import copy

import attrs
import numpy as np
import pytest
import torch
from operator_catalogue import COMPLEX, REAL, basic, randn

import wellposed
from wellposed import ForwardModel, Space, norm, pinv, prox_l2
from wellposed.errors import DtypeError, ParameterError, SpaceError, StructureError
from wellposed.linalg import declare, explain, find, gram
from wellposed.noise import Gaussian
from wellposed.operators import (
    CircularConvolution,
    Convolution,
    Crop,
    FourierMultiplier,
    Identity,
    LinearFunction,
    Mask,
    Matrix,
    Multiply,
    Pad,
    Zero,
)
from wellposed.structure import Diagonal, NormBound, Projection, RealLinear, SelfAdjoint, Symmetry

R, C = Space((3,), REAL), Space((3,), COMPLEX)
TO_COMPLEX = Multiply(randn(3, dtype=COMPLEX), R)
CONJUGATE = declare(LinearFunction(torch.conj_physical, C, adjoint=torch.conj_physical), RealLinear())


def real_defect(op):
    x = op.domain.randn(1, torch.Generator().manual_seed(0))
    y = op.range.randn(1, torch.Generator().manual_seed(1))
    forward = (op.A(x).conj() * y).sum().real
    back = (x.conj() * op.A_adjoint(y)).sum().real
    return float((forward - back).abs())


def test_complex_multiples_of_real_ranges_are_refused_where_they_are_written():
    with pytest.raises(SpaceError, match=r"leaves its real range \(B, 3\) float64"):
        1j * Identity(R)
    with pytest.raises(SpaceError, match="leaves its real range"):
        torch.tensor(1j) * Matrix(randn(3, 3))


def test_complex_scalars_are_not_pulled_through_real_parts():
    op = TO_COMPLEX.H @ (1j * TO_COMPLEX)
    x = randn(1, 3)
    torch.testing.assert_close(op.A(x), TO_COMPLEX.A_adjoint(1j * TO_COMPLEX.A(x)))
    z = randn(1, 3, dtype=COMPLEX)
    torch.testing.assert_close((CONJUGATE @ (1j * Identity(C))).A(z), (1j * z).conj())
    for made in (
        1j * TO_COMPLEX,
        (1j * TO_COMPLEX).H,
        1j * CONJUGATE,
        (2 + 1j) * CONJUGATE @ (1j * Identity(C)),
        op,
    ):
        assert real_defect(made) < 1e-12


def test_adjoint_stays_an_adjoint_under_overrides():
    a, z, w = Multiply(randn(3), C), randn(1, 3, dtype=COMPLEX), randn(3, dtype=COMPLEX)
    torch.testing.assert_close(a.H.A(z, weights=w), w.conj() * z)
    torch.testing.assert_close(a.H.replace(weights=w).A(z), w.conj() * z)


def test_norm_is_not_fooled_by_a_value_that_stands_still():
    d = [0.26630697, 0.99981936, 0.99522722, 0.12003924, 0.24451473, 0.85142538, 0.75290638, 0.01849424]
    assert norm(Matrix(torch.diag(torch.tensor(d, dtype=REAL)))) == pytest.approx(max(d), rel=1e-4)
    for seed in range(30):
        m = randn(12, 9, seed=seed)
        assert norm(Matrix(m)) == pytest.approx(float(torch.linalg.matrix_norm(m, 2)), rel=2e-4)


@pytest.mark.parametrize(
    "op",
    [
        Multiply(torch.tensor([1.0, 1e-9], dtype=REAL).reshape(2, 1, 1, 1), (1, 6, 6)),
        CircularConvolution(torch.tensor([1.0, 1e-20], dtype=REAL).reshape(2, 1, 1, 1), (1, 6, 6)),
    ],
)
def test_pseudo_inverses_do_not_look_at_batch_mates(op):
    ones = torch.ones(2, 1, 6, 6, dtype=REAL)
    torch.testing.assert_close(pinv(op, op.A(ones)), ones)


def test_free_axes_have_pseudo_inverses():
    op = Multiply(torch.full((1,), 2.0), (None,))
    torch.testing.assert_close(pinv(op, torch.ones(1, 4)), torch.full((1, 4), 0.5))


def test_inference_mode_leaves_no_trace():
    op, x = CircularConvolution(randn(3, 3), Space((1, 8, 8), REAL)), randn(1, 1, 8, 8)
    with torch.inference_mode():
        op.A(x)
        inner = CircularConvolution(randn(3, 3), Space((1, 8, 8), REAL))
        torch.testing.assert_close(inner.A(x), inner.A(x))
    v = x.clone().requires_grad_()
    op.A(v).sum().backward()
    assert v.grad is not None


@pytest.mark.parametrize("name", ["circular", "convolution reflect", "multiplier", "multiply", "gradient"])
def test_operators_compile_whole(name):
    op = basic()[name]
    x = op.domain.randn(1, torch.Generator().manual_seed(0))
    compiled = torch.compile(op.A, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), op.A(x))


def test_what_learns_is_not_fused():
    k = torch.nn.Parameter(randn(2, 2))
    a = CircularConvolution(k, Space((1, 4, 4), REAL))
    normal, x = a.H @ a, randn(1, 1, 4, 4)
    assert len(list(normal.parameters())) == 1
    for _ in range(2):
        normal.A(x).sum().backward()
    other = randn(2, 2, seed=3)
    fresh = CircularConvolution(other, Space((1, 4, 4), REAL))
    torch.testing.assert_close(normal.A(x, kernel=other), fresh.A_adjoint(fresh.A(x)))
    torch.testing.assert_close(copy.deepcopy(normal).A(x), normal.A(x))


def test_declared_evidence_acts():
    d = randn(3).abs()
    op = declare(LinearFunction(lambda x: d * x, R), Diagonal(d))
    assert explain(op).prox_l2.startswith("division")
    projection = declare(Mask(torch.tensor([1.0, 0, 1], dtype=REAL)), Projection())
    torch.testing.assert_close(gram(projection).A(randn(1, 3)), projection.A(randn(1, 3)))
    assert find(declare(Multiply(d), Diagonal(d)).to(torch.float32), Diagonal).d.dtype == torch.float32
    assert find(declare(Identity(R), NormBound(2.0)).to(torch.float32), NormBound).bound == 2.0
    hermitian = declare(Matrix(torch.eye(3, dtype=REAL)), SelfAdjoint())
    assert find(hermitian.H, SelfAdjoint)


def test_solves_check_their_spaces_and_weights():
    op = Mask(torch.ones(1, 6, 7))
    with pytest.raises(SpaceError, match=r"y has shape \(2, 1, 1, 7\)"):
        op.A_dagger(torch.ones(2, 1, 1, 7))
    with pytest.raises(SpaceError, match=r"z has shape \(1, 7\)"):
        op.prox_l2(torch.ones(1, 7), torch.ones(1, 1, 6, 7), 1.0)
    x = torch.ones(2, 1, 6, 7)
    for gamma, message in (
        (-5.0, "finite number ≥ 0"),
        (float("nan"), "finite"),
        (torch.ones(3), r"shape \(3,\)"),
    ):
        with pytest.raises(ParameterError, match=message):
            op.prox_l2(x, x, gamma)
    with pytest.raises(ParameterError, match="has the value -1"):
        op.prox_l2(x, x, torch.tensor([1.0, -1.0]))
    assert op.prox_l2(x, x, torch.ones(2, dtype=REAL)).dtype == torch.float32


def test_a_matrix_needs_one_sample():
    with pytest.raises(ParameterError, match="parameters for 2 samples"):
        Multiply(torch.ones(2, 3), (3,)).to_matrix()


def test_spectra_belong_to_their_data():
    with pytest.raises(DtypeError, match="full spectrum belongs to complex data"):
        FourierMultiplier(randn(3, dtype=COMPLEX), R, dims=(-1,), half_spectrum=False)
    with pytest.raises(StructureError, match="not that of a real kernel"):
        FourierMultiplier(randn(4, 3, dtype=COMPLEX), Space((1, 4, 4), REAL))
    with pytest.raises(DtypeError, match="complex kernel maps real images"):
        CircularConvolution(randn(3, 3, dtype=COMPLEX), Space((1, 4, 4), REAL))


def test_axes_in_any_order_have_half_spectra():
    kernel, x = randn(1, 4, 6), randn(1, 1, 4, 6)
    op = FourierMultiplier(torch.fft.rfftn(kernel, dim=(-1, -2)), (1, 4, 6), dims=(-1, -2))
    same = FourierMultiplier(torch.fft.rfftn(kernel, dim=(-2, -1)), (1, 4, 6))
    torch.testing.assert_close(op.A(x), same.A(x))


def test_open_functions_take_forward_models_and_strangers():
    model = ForwardModel(Convolution(randn(3, 3), (1, 5, 5), "zero"), Gaussian(0.1))
    x = randn(1, 1, 5, 5)
    torch.testing.assert_close(gram(model).A(x), model.A_adjoint(model.A(x)))
    torch.testing.assert_close(prox_l2(model, x, x, 0.5), model.prox_l2(x, x, 0.5))
    torch.testing.assert_close(pinv(model, x), model.A_dagger(x))
    assert str(explain(model)) == str(explain(model.operator))
    assert wellposed.materialise(model).shape == (25, 25)
    torch.testing.assert_close(model.A(x, sigma=0.3), model.A(x))

    class Stranger:
        def A(self, x):
            return 3 * x

        A_adjoint = A

    with pytest.raises(ParameterError, match="does not know its domain"):
        norm(Stranger())


def test_only_finite_numbers_scale():
    op = Mask(torch.ones(3))
    for other in (op, "x", np.ones(3)):
        with pytest.raises(TypeError):
            other * op
    for scalar in (float("nan"), float("inf")):
        with pytest.raises(ParameterError, match="finite number"):
            scalar * op
    assert (torch.tensor([2.0], dtype=REAL) * op).A(torch.ones(1, 3)).dtype == torch.float32


def test_zero_is_zero_of_anything():
    z = torch.full((2, 3), complex(1e308, float("nan")), dtype=COMPLEX)
    assert (Zero(C, R).A(z) == 0).all()
    assert (Zero(R).A(torch.full((1, 3), float("inf"), dtype=REAL)) == 0).all()


def test_masks_take_the_precision_of_the_data():
    op = Mask(torch.ones(3, dtype=REAL), Space((3,), torch.float32))
    assert op.A(torch.ones(1, 3)).dtype == torch.float32


@attrs.frozen(eq=False)
class Order:
    """A transform that knows a permutation."""

    order: tuple[int, ...]
    weights: torch.Tensor


def test_explain_tells_long_things_by_their_size():
    order = Order(tuple(range(360)), torch.zeros(40, 40))
    op = declare(Convolution(torch.rand(3, 3), (1, 8, 8), "zero"), Symmetry(order, order))
    page = str(explain(op))
    assert "Order(order=(0, 1, 2, 3, 4, 5, … 360 in all), weights=(40, 40))" in page
    assert "359" not in page
    assert "gram     A.H @ A: no shorter form is known" in page
    assert max(map(len, page.splitlines())) < 300


@pytest.mark.parametrize("widths", [(1, 6, 6), ((1, 1, 1), (2, 2)), 3, (), ((1, 1),) * 4])
def test_widths_that_are_no_pairs_get_a_sentence(widths):
    wanted = r"widths = .*, but pairs \(\(before, after\), …\) of pixels are expected, for at most the last 3"
    with pytest.raises(SpaceError, match=wanted):
        Crop((1, 8, 8), widths)
    with pytest.raises(SpaceError, match=wanted):
        Pad((1, 8, 8), widths, "zero")
