"""Every basic operator against its own dense matrix, and against SciPy and NumPy."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import scipy.sparse.linalg
import torch
from operator_catalogue import COMPLEX, REAL, basic, randn

import wellposed
from wellposed import Space
from wellposed.errors import DtypeError, ParameterError, SpaceError
from wellposed.linalg import flatten, gram, norm, pinv, prox_l2, unflatten
from wellposed.operators import (
    Convolution,
    Crop,
    FourierTransform,
    Gradient,
    Mask,
    Matrix,
    Multiply,
    Pad,
    as_operator,
)

OPERATORS = basic()
every = pytest.mark.parametrize("name", OPERATORS)


def vector(space, batch=2, seed=1):
    return space.randn(batch, torch.Generator().manual_seed(seed))


@every
def test_adjoint_is_the_conjugate_transpose(name):
    op = OPERATORS[name]
    a, b = op.to_matrix(), op.H.to_matrix()
    real_to_complex = a.is_complex() and not b.is_complex()
    torch.testing.assert_close(b, a.mH.real if real_to_complex else a.mH)


@every
def test_norm_is_the_largest_singular_value(name):
    op = OPERATORS[name]
    matrix = op.to_matrix()
    if matrix.is_complex() and not op.domain.is_complex:
        matrix = torch.cat([matrix.real, matrix.imag])
    expected = float(torch.linalg.matrix_norm(matrix, 2))
    assert norm(op, tol=1e-9) == pytest.approx(expected, rel=1e-4, abs=1e-12)


@every
def test_gram_is_the_product(name):
    op = OPERATORS[name]
    x = vector(op.domain)
    torch.testing.assert_close(gram(op).A(x), op.A_adjoint(op.A(x)))


@every
@pytest.mark.parametrize("gamma", [0.7, torch.tensor([0.3, 4.0], dtype=REAL)])
def test_prox_l2_solves_its_normal_equations(name, gamma):
    op = OPERATORS[name]
    z, y = vector(op.domain), vector(op.range, seed=2)
    u = prox_l2(op, z, y, gamma)
    residual = flatten(op.A_adjoint(op.A(u))) - flatten(op.A_adjoint(y))
    g = gamma.reshape(-1, 1) if isinstance(gamma, torch.Tensor) else gamma
    optimality = g * residual + flatten(u) - flatten(z)
    assert optimality.abs().max() < 1e-9


@every
def test_pinv_is_the_dense_pseudo_inverse(name):
    op = OPERATORS[name]
    if name == "real to complex":
        pytest.skip("its pseudo-inverse over the reals is tested by its normal equations")
    y = vector(op.range, seed=3)
    expected = flatten(y) @ torch.linalg.pinv(op.to_matrix(), rtol=1e-10).mT
    torch.testing.assert_close(flatten(pinv(op, y)), expected, atol=1e-7, rtol=1e-7)


@every
def test_moves_to_single_precision_and_back(name):
    if name == "sparse":
        pytest.skip("SciPy's operator keeps its own precision")
    op = copy.deepcopy(OPERATORS[name])
    x = vector(op.domain)
    before = flatten(op.A(x))
    single = op.to(torch.float32)
    assert single.domain.dtype in (torch.float32, torch.complex64, None)
    y = flatten(
        single.A(
            unflatten(flatten(x).to(torch.complex64 if op.domain.is_complex else torch.float32), op.domain)
        )
    )
    assert y.dtype in (torch.float32, torch.complex64)
    torch.testing.assert_close(y.to(before.dtype), before, atol=1e-4, rtol=1e-4)


@every
def test_pickles_and_copies(name):
    op = OPERATORS[name]
    if name == "function":
        pytest.skip("a lambda does not pickle")
    x = vector(op.domain)
    for twin in (pickle.loads(pickle.dumps(op)), copy.deepcopy(op)):
        torch.testing.assert_close(twin.A(x), op.A(x))
        assert repr(twin) == repr(op)


@every
def test_scipy_sees_the_same_matrix(name):
    op = OPERATORS[name]
    if name == "real to complex":
        pytest.skip("SciPy has one dtype for both sides")
    dense = op.to_scipy() @ np.eye(op.domain.size)
    np.testing.assert_allclose(dense, op.to_matrix().numpy(), atol=1e-12)


@pytest.mark.parametrize(
    ("boundary", "mode"),
    [("zero", "constant"), ("circular", "wrap"), ("replicate", "nearest"), ("reflect", "mirror")],
)
@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (1, 5), (4, 1)])
def test_convolution_is_scipys(boundary, mode, shape):
    x, k = randn(1, 1, 6, 7), randn(*shape)
    ours = Convolution(k, (1, 6, 7), boundary).A(x)[0, 0].numpy()
    theirs = scipy.ndimage.convolve(x[0, 0].numpy(), k.numpy(), mode=mode)
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_valid_convolution_is_scipys():
    x, k = randn(1, 1, 6, 7), randn(3, 2)
    ours = Convolution(k, (1, 6, 7)).A(x)[0, 0].numpy()
    np.testing.assert_allclose(ours, scipy.signal.convolve2d(x[0, 0], k, mode="valid"), atol=1e-12)


@pytest.mark.parametrize(
    ("boundary", "mode"),
    [("zero", "constant"), ("circular", "wrap"), ("replicate", "edge"), ("reflect", "reflect")],
)
def test_pad_is_numpys(boundary, mode):
    x = randn(1, 2, 4, 5)
    ours = Pad((2, 4, 5), ((1, 3), (2, 0)), boundary).A(x)[0].numpy()
    np.testing.assert_allclose(ours, np.pad(x[0].numpy(), ((0, 0), (1, 3), (2, 0)), mode=mode))


def test_per_sample_kernels_match_one_by_one():
    kernels, x = randn(3, 1, 3, 2), randn(3, 2, 5, 6)
    for boundary in ("circular", "reflect", "valid"):
        together = Convolution(kernels, (2, 5, 6), boundary).A(x)
        for i in range(3):
            alone = Convolution(kernels[i], (2, 5, 6), boundary).A(x[i : i + 1])
            torch.testing.assert_close(together[i : i + 1], alone)


def test_per_sample_parameters_have_a_norm():
    kernels = randn(3, 1, 3, 2)
    op = Convolution(kernels, (1, 5, 6), "zero")
    singles = [norm(Convolution(k[0], (1, 5, 6), "zero"), tol=1e-9) for k in kernels]
    assert norm(op, tol=1e-9) == pytest.approx(max(singles), rel=1e-5)


def test_gradient_differences():
    x = randn(1, 1, 4, 5)
    g = Gradient((1, 4, 5)).A(x)
    torch.testing.assert_close(g[:, 0, :, :-1], x.diff(dim=-2))
    torch.testing.assert_close(g[:, 1, ..., :-1], x.diff(dim=-1))
    assert (g[:, 0, :, -1] == 0).all()


def test_matrix_per_sample():
    m, x, y = randn(2, 3, 4), randn(2, 4), randn(2, 3)
    op = Matrix(m)
    torch.testing.assert_close(op.A(x), torch.einsum("bmn,bn->bm", m, x))
    u = op.prox_l2(x, y, torch.tensor([0.5, 2.0], dtype=REAL))
    for i, gamma in enumerate((0.5, 2.0)):
        torch.testing.assert_close(u[i : i + 1], Matrix(m[i]).prox_l2(x[i : i + 1], y[i : i + 1], gamma))


def test_from_scipy_solves_with_our_solvers_and_differentiates():
    a = scipy.sparse.random(5, 7, 0.5, random_state=0).tocsr()
    op = wellposed.from_scipy(a)
    y = randn(2, 5).requires_grad_()
    x = op.A_dagger(y)
    torch.testing.assert_close(x.detach(), y.detach() @ torch.linalg.pinv(torch.as_tensor(a.toarray())).T)
    assert torch.autograd.gradcheck(op.A_adjoint, (y,))


def test_scipy_solves_with_our_operators():
    op = Convolution(randn(3, 3), (1, 5, 5), "zero")
    x = randn(1, 1, 5, 5)
    solution = scipy.sparse.linalg.lsqr(
        op.to_scipy(), op.A(x).flatten().numpy(), atol=1e-14, btol=1e-14, iter_lim=2000
    )[0]
    np.testing.assert_allclose(solution, x.flatten().numpy(), atol=1e-5)


def test_as_operator():
    assert as_operator(OPERATORS["mask"]) is OPERATORS["mask"]

    class Foreign:
        def A(self, x):
            return 2 * x

        def A_adjoint(self, y):
            return 2 * y

    op = as_operator(Foreign(), Space((3,), REAL))
    torch.testing.assert_close((op.H @ op).to_matrix(), 4 * torch.eye(3, dtype=REAL))
    torch.testing.assert_close(as_operator(lambda x: 3 * x, (3,)).to_matrix(), 3 * torch.eye(3))
    with pytest.raises(ParameterError, match="does not know its domain"):
        as_operator(Foreign())
    with pytest.raises(ParameterError, match="is not an operator"):
        as_operator(3, (2,))


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (
            lambda: Convolution(randn(7, 3), (1, 5, 6)),
            SpaceError,
            r"the kernel 7 × 3 is larger than the image 5 × 6",
        ),
        (
            lambda: Convolution(randn(3, 3), (1, 5, 6), "mirror"),
            ParameterError,
            "choose one of zero, circular",
        ),
        (lambda: Convolution(randn(3, 1, 3, 3, 3), (1, 5, 6)), SpaceError, "has 2 spatial axes"),
        (
            lambda: Convolution(randn(3, 3, 3), (2, 5, 6)),
            SpaceError,
            r"has 3 channels.*one kernel per sample give \(3, 1, 3, 3\)",
        ),
        (lambda: Convolution(randn(3), (5,)), SpaceError, r"images \(C, H, W\)"),
        (lambda: Pad((1, 4, 4), ((4, 0), (0, 0)), "reflect"), SpaceError, "at most 3 there"),
        (lambda: Pad((1, 4, 4), ((-1, 0), (0, 0)), "zero"), SpaceError, "widths are ≥ 0"),
        (lambda: Pad((1, 4, 4), ((1, 0), (0, 0)), "mirror"), ParameterError, "choose one of"),
        (lambda: Crop((1, 4, 4), ((3, 2), (0, 0))), SpaceError, "cannot cut"),
        (lambda: Matrix(randn(4, 6), domain=(5,)), SpaceError, "the sizes must be 6 and 4"),
        (lambda: Matrix(randn(4)), SpaceError, r"expected \(m, n\)"),
        (lambda: Multiply(randn(4, 6), (5, 6)), SpaceError, "does not broadcast"),
        (lambda: Mask(randn(4, 6)), SpaceError, "use Multiply for weights"),
        (lambda: FourierTransform(Space((4, 4), REAL)), DtypeError, "needs complex data"),
        (lambda: FourierTransform((4, 4), dims=(0, 1)), SpaceError, "negative axes"),
        (lambda: Gradient((4, 4), ndim=3), ParameterError, "between 1 and the 2 axes"),
        (lambda: Gradient((4, 4), boundary="zero"), ParameterError, "neumann or circular"),
    ],
)
def test_bad_arguments_say_why(build, error, message):
    with pytest.raises(error, match=message):
        build()


def test_bad_inputs_say_why():
    op = OPERATORS["circular"]
    with pytest.raises(SpaceError, match="The batch axis is missing"):
        op(torch.zeros(2, 5, 6, dtype=REAL))
    with pytest.raises(
        SpaceError, match=r"x has shape \(1, 2, 5, 7\), but \(B, 2, 5, 6\) float64 is expected"
    ):
        op(torch.zeros(1, 2, 5, 7, dtype=REAL))
    with pytest.raises(DtypeError, match=r"the operator with \.to\(torch\.float32\)"):
        op(torch.zeros(1, 2, 5, 6))
    with pytest.raises(SpaceError, match="a tuple of 2"):
        OPERATORS["stack"].A_adjoint(torch.zeros(1, 2, dtype=REAL))


@pytest.mark.filterwarnings("ignore:Complex modules:UserWarning")
@pytest.mark.parametrize("name", ["mask", "complex", "composed", "no tensor"])
def test_a_move_to_a_complex_dtype_is_refused(name):
    space = Space((4, 5), torch.complex64)
    mask = Mask(torch.ones(4, 5), space)
    op = {
        "mask": mask,
        "complex": Multiply(randn(4, 5, dtype=torch.complex64)),
        "composed": FourierTransform(space) @ mask,
        "no tensor": FourierTransform(space),
    }[name]
    with pytest.raises(DtypeError, match=r"torch\.complex128 would make real .* \.to\(torch\.float64\)"):
        op.to(torch.complex128)
    assert op.domain == space
    assert op.double().domain.dtype == torch.complex128
    assert mask.mask.dtype == (torch.float64 if name in ("mask", "composed") else torch.float32)


def test_complex_state_survives_dtype_moves():
    op = Multiply(randn(3, dtype=COMPLEX))
    assert op.to(torch.float32).weights.dtype == torch.complex64
    assert op.weights.imag.abs().max() > 0
    assert op.double().weights.dtype == COMPLEX
