"""The algebra: spaces fail where the expression is written, and simplification keeps the meaning."""

from __future__ import annotations

import pytest
import torch
from operator_catalogue import COMPLEX, REAL, basic, randn

from wellposed import Space
from wellposed.errors import (
    DtypeError,
    ImmutableError,
    ParameterError,
    SpaceError,
    StructureError,
    UnknownParameterError,
)
from wellposed.linalg import declare, explain, find, gram, norm
from wellposed.operators import (
    Adjoint,
    CircularConvolution,
    Composition,
    Convolution,
    Crop,
    FourierMultiplier,
    FourierTransform,
    Gradient,
    Identity,
    Mask,
    Matrix,
    Multiply,
    Pad,
    Scaled,
    Sum,
    Zero,
    block_diag,
    fuse_product,
    stack,
)
from wellposed.structure import (
    SVD,
    AdjointAccuracy,
    Coisometry,
    Diagonal,
    FourierDiagonal,
    Isometry,
    NormBound,
    PositiveSemidefinite,
    Projection,
    RealLinear,
    SelfAdjoint,
    Unitary,
)

A = Matrix(randn(4, 3, seed=1))
B = Matrix(randn(3, 5, seed=2))
C = Matrix(randn(4, 3, seed=3))


def dense(op):
    return op.to_matrix()


def test_expressions_are_their_matrices():
    a, b, c = dense(A), dense(B), dense(C)
    torch.testing.assert_close(dense(A @ B), a @ b)
    torch.testing.assert_close(dense(A + C), a + c)
    torch.testing.assert_close(dense(A - 2 * C), a - 2 * c)
    torch.testing.assert_close(dense(-A / 4), -a / 4)
    torch.testing.assert_close(dense((A @ B).H), (a @ b).mT)
    torch.testing.assert_close(dense(stack(A, C)), torch.cat([a, c]))
    torch.testing.assert_close(dense(block_diag(A, B)), torch.block_diag(a, b))
    torch.testing.assert_close(dense(stack(A, C).H @ stack(A, C)), a.mT @ a + c.mT @ c)
    torch.testing.assert_close(dense(torch.tensor(2.0, dtype=REAL) * A), 2 * a)


def test_structure_simplifies():
    eye3, eye4 = Identity(Space((3,), REAL)), Identity(Space((4,), REAL))
    assert A @ eye3 is A
    assert eye4 @ A is A
    assert A.H.H is A
    assert isinstance(A.H, Adjoint)
    assert isinstance((2 * A) @ (3 * B), Scaled)
    assert ((2 * A) @ (3 * B)).scalar == 6
    assert len(((A @ B) @ Identity((5,))).operands) == 2
    assert isinstance(0 * A, Zero)
    assert isinstance(Zero(Space((4,), REAL), (2,)) @ A, Zero)
    assert isinstance(A @ Zero(Space((5,), REAL), (3,)), Zero)
    assert A + Zero(A.domain, A.range) is A
    assert Zero(A.domain, A.range) + A is A
    assert (A + A).scalar == 2
    assert isinstance(A - A, Zero)
    f = FourierTransform(Space((2, 4), COMPLEX))
    assert isinstance(f.H @ f, Identity)
    assert isinstance(f @ f.H, Identity)
    crop = Crop(Space((1, 4, 4), REAL), ((1, 0), (0, 1)))
    assert isinstance(crop.H, Pad)
    assert crop.H.H.domain == crop.domain
    k = CircularConvolution(randn(3, 3), Space((1, 4, 4), REAL))
    assert isinstance(k @ k, FourierMultiplier)
    torch.testing.assert_close(dense(k @ k), dense(k) @ dense(k))
    assert isinstance(k.H @ k, FourierMultiplier)
    w = Multiply(randn(4), (4,))
    assert isinstance(w @ w, Multiply)
    hermitian = declare(Matrix(torch.eye(3, dtype=REAL)), SelfAdjoint())
    assert find(hermitian.H, SelfAdjoint)


def test_identity_keeps_what_it_knows():
    free = Convolution(randn(3, 3).float(), (1, 4, 4), "zero")
    assert Identity(free.range) @ free is free
    narrow = Identity(Space((1, 4, 4), torch.float32)) @ Pad((1, 3, 4), ((1, 0), (0, 0)), "zero")
    assert narrow.range.dtype == torch.float32


def test_grams_specialise_inside_compositions():
    space = Space((1, 4, 5), COMPLEX)
    f, mask = FourierTransform(space), Mask((randn(4, 5) > 0).double(), space)
    normal = gram(mask @ f)
    assert len(normal.operands) == 3
    weighted = gram(Multiply(randn(4, 5), space) @ f)
    assert len(weighted.operands) == 3
    torch.testing.assert_close(dense(normal), dense(mask @ f).mH @ dense(mask @ f))
    assert isinstance(gram(f), Identity)
    assert isinstance(gram(declare(A, Isometry())), Identity)
    torch.testing.assert_close(dense(gram((1 + 1j) * f)), 2 * torch.eye(20, dtype=COMPLEX))
    torch.testing.assert_close(
        dense(gram(block_diag(A, C))), torch.block_diag(*(dense(o).mT @ dense(o) for o in (A, C)))
    )


def test_repr_reads_as_the_algebra():
    text = repr(2 * A @ B)
    assert text == "2 * Matrix(matrix=(4, 3), domain=(B, 3) float64, range=(B, 4) float64) @ " + repr(B)
    assert repr((A + C) @ B).startswith("(Matrix(")
    assert repr(A.H).endswith(").H")
    assert repr(stack(A, C)).startswith("stack(Matrix")
    assert repr(block_diag(A, C)).startswith("block_diag(Matrix")


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda: B @ A, r"Matrix @ Matrix: Matrix takes \(B, 5\) float64, but Matrix gives \(B, 4\) float64"),
        (lambda: A + B, r"their domains differ, \(B, 3\) float64 and \(B, 5\) float64"),
        (lambda: A + Matrix(randn(2, 3)), "their ranges differ"),
        (lambda: stack(A, B), "stack"),
        (lambda: A @ B.to(torch.float32), r"convert one with \.to\(dtype\)"),
        (lambda: A @ stack(B, B), "differ in kind"),
        (lambda: Mask(torch.ones(4)) @ FourierTransform((4,), dims=(-1,)), "one is complex; build the other"),
    ],
)
def test_misfits_fail_where_they_are_written(write, message):
    b = B.matrix.dtype
    try:
        with pytest.raises(SpaceError, match=message):
            write()
    finally:
        B.to(b)


def test_only_operators_and_numbers_combine():
    with pytest.raises(TypeError):
        A @ 3
    with pytest.raises(TypeError):
        A + 1
    with pytest.raises(TypeError):
        A - "x"
    with pytest.raises(ParameterError, match="scaled by one number"):
        A * torch.ones(3)
    with pytest.raises(ParameterError, match="at least one operator"):
        stack()


def test_operators_are_immutable():
    with pytest.raises(ImmutableError, match=r"Use \.replace\(matrix=…\)"):
        A.matrix = randn(4, 3)
    with pytest.raises(ImmutableError, match="cannot be deleted"):
        del A.matrix
    assert A.replace(matrix=randn(2, 3), range=None).range.shape == (2,)


def test_overrides_route_to_their_owner():
    space = Space((1, 4, 5), REAL)
    k, m = CircularConvolution(randn(3, 3), space), Mask((randn(4, 5) > 0).double(), space)
    op, x = m @ k, randn(2, 1, 4, 5)
    other = randn(2, 2, seed=9)
    expected = (m @ CircularConvolution(other, space)).A(x)
    torch.testing.assert_close(op(x, kernel=other), expected)
    torch.testing.assert_close(op.replace(kernel=other)(x), expected)
    torch.testing.assert_close(
        op.A_adjoint(x, kernel=other), (m @ CircularConvolution(other, space)).A_adjoint(x)
    )
    torch.testing.assert_close(op.H.A(x, kernel=other), op.A_adjoint(x, kernel=other))
    torch.testing.assert_close((2 * op).A(x, kernel=other), 2 * expected)
    with pytest.raises(UnknownParameterError, match=r"has no parameter 'kernal'.*Did you mean 'kernel'"):
        op(x, kernal=other)
    with pytest.raises(ParameterError, match="parameter of 2 operands"):
        (k @ m @ CircularConvolution(randn(2, 2), space))(x, kernel=other)
    twice = CircularConvolution(other, space)
    torch.testing.assert_close((k @ m @ k)(x, kernel=other), (twice @ m @ twice)(x))
    with pytest.raises(UnknownParameterError, match="has no parameter 'colour'"):
        k(x, colour=1)


@pytest.mark.parametrize("method", ["A", "A_adjoint", "A_dagger", "prox_l2"])
@pytest.mark.parametrize("build", ["circular", "reflect", "matrix", "masked"])
def test_gradients_with_respect_to_parameters(method, build):
    space = Space((1, 3, 4), REAL)

    def operator(p):
        if build == "matrix":
            return Matrix(p)
        if build == "circular":
            return CircularConvolution(p, space)
        if build == "reflect":
            return Convolution(p, space, "reflect")
        return Mask((randn(3, 4) > -0.5).double(), space) @ CircularConvolution(p, space)

    p = randn(4, 3) if build == "matrix" else randn(2, 2) + 3 * torch.eye(2, dtype=REAL)
    p.requires_grad_()
    fixed = operator(p.detach())
    x, y = (
        fixed.domain.randn(2, torch.Generator().manual_seed(0)),
        fixed.range.randn(2, torch.Generator().manual_seed(1)),
    )

    def call(p):
        op = operator(p)
        if method == "A":
            return op.A(x)
        if method == "prox_l2":
            return op.prox_l2(x, y, 0.8)
        return getattr(op, method)(y)

    assert torch.autograd.gradcheck(call, (p,), atol=1e-5, rtol=1e-4)


def test_parameters_learn_through_a_prox():
    k = torch.nn.Parameter(randn(2, 2))
    op = CircularConvolution(k, Space((1, 4, 4), REAL))
    assert [n for n, _ in op.named_parameters()] == ["kernel"]
    x = randn(1, 1, 4, 4)
    for _ in range(2):  # nothing derived is kept from one backward pass to the next
        op.prox_l2(x, op.A(x), 0.5).square().sum().backward()
    assert k.grad.abs().max() > 0


def test_derived_tensors_are_never_stale():
    op = CircularConvolution(randn(3, 3), Space((1, 4, 4), REAL))
    x = randn(1, 1, 4, 4)
    op.A(x)
    op.load_state_dict({"kernel": randn(3, 3, seed=5)})
    torch.testing.assert_close(op.A(x), CircularConvolution(randn(3, 3, seed=5), (1, 4, 4)).A(x))
    swapped = torch.func.functional_call(op, {"kernel": randn(3, 3, seed=6)}, (x,))
    torch.testing.assert_close(swapped, CircularConvolution(randn(3, 3, seed=6), (1, 4, 4)).A(x))
    assert list(op.state_dict()) == ["kernel"]


@pytest.mark.parametrize(
    "name", ["convolution reflect", "composition", "sum", "matrix", "fourier", "stack", "function"]
)
def test_vmap_and_compile(name):
    op = basic()[name]
    x = torch.stack([op.domain.randn(2, torch.Generator().manual_seed(i)) for i in range(3)])
    together = torch.func.vmap(op.A)(x)
    for i in range(3):
        alone = op.A(x[i])
        part = tuple(t[i] for t in together) if isinstance(together, tuple) else together[i]
        torch.testing.assert_close(part, alone)


@pytest.mark.slow  # the compiler takes seconds
@pytest.mark.filterwarnings("ignore")
def test_operators_compile():
    op = basic()["composition"]
    x = op.domain.randn(2, torch.Generator().manual_seed(0))
    compiled = torch.compile(op.A, backend="eager", fullgraph=False)
    torch.testing.assert_close(compiled(x), op.A(x))


def test_evidence_propagates_and_is_true():
    space = Space((1, 4, 4), REAL)
    k, w = CircularConvolution(randn(3, 3), space), Multiply(randn(4, 4), space)
    eye = Identity(space)
    for op in (k + 2 * eye, k @ k.H, 3 * k, k.H, (k + k.H)):
        e = find(op, FourierDiagonal)
        multiplier = FourierMultiplier(e.spectrum.expand(4, 3), space, e.dims, e.half)
        torch.testing.assert_close(dense(multiplier), dense(op))
    for op in (w + 3 * eye, 2 * w, w.H):
        torch.testing.assert_close(torch.diag(find(op, Diagonal).d.expand(1, 4, 4).flatten()), dense(op))
    assert find(k + w, FourierDiagonal) is None
    assert find(k + w, Diagonal) is None
    f = FourierTransform(Space((1, 4), COMPLEX), dims=(-1,))
    assert find(f @ f, Unitary)
    assert find(1j * f, Unitary)
    assert find(2 * f, Unitary) is None
    assert find(f.H, Coisometry)
    assert find(Pad(space, ((1, 1), (1, 1)), "zero"), Isometry)
    assert find(Pad(space, ((1, 1), (1, 1)), "zero").H, Coisometry)
    m = Mask((randn(4, 4) > 0).double(), space)
    for kind in (Projection, SelfAdjoint, PositiveSemidefinite):
        assert find(m, kind)
        assert find(block_diag(m, m), kind)
    for normal in (A.H @ A, gram(A @ B), k.H @ m @ k):
        assert find(normal, SelfAdjoint)
        assert find(normal, PositiveSemidefinite)
    assert find(A.H @ C, SelfAdjoint) is None
    assert find(k @ m, SelfAdjoint) is None


def test_norm_bounds_hold_and_are_tight_where_they_say_so():
    for op in basic().values():
        bound = find(op, NormBound)
        if bound is not None:
            measured = norm(declare(op), tol=1e-9) if bound.tight else norm(op, tol=1e-9)
            assert measured <= bound.bound * (1 + 1e-9)


def test_svd_routes():
    m = randn(4, 3)
    u, s, vh = torch.linalg.svd(m, full_matrices=False)
    from wellposed.operators import LinearFunction

    op = declare(LinearFunction(lambda x: x @ m.mT, Space((3,), REAL)), SVD(u, s, vh.mH))
    z, y = randn(2, 3), randn(2, 4)
    assert explain(op).prox_l2.startswith("SVD")
    for ours, dense_one in ((op, Matrix(m)), (-2 * op, Matrix(-2 * m)), (op.H, Matrix(m.mT))):
        a, b = (z, y) if ours.domain.shape == (3,) else (y, z)
        torch.testing.assert_close(ours.prox_l2(a, b, 0.7), dense_one.prox_l2(a, b, 0.7))
        torch.testing.assert_close(ours.A_dagger(b), dense_one.A_dagger(b))


def test_what_is_declared_travels_and_is_dropped_with_the_parameters():
    accurate = AdjointAccuracy(1e-3, "interpolated")
    op = declare(A, accurate, RealLinear())
    assert find((op @ B).H, AdjointAccuracy).accuracy == 1e-3
    assert find(stack(op, C), RealLinear)
    assert find(op.replace(matrix=randn(4, 3)), RealLinear) is None
    assert op.parameters_xi().keys() == {"matrix"}
    assert repr(op) == repr(A)
    with pytest.raises(StructureError, match="call the class"):
        declare(A, Unitary)


@pytest.mark.parametrize(
    ("op", "prox", "pinv"),
    [
        (CircularConvolution(randn(3, 3), Space((1, 4, 4), REAL)), "Fourier division", "Fourier division"),
        (Mask(torch.ones(4)), "division", "division"),
        (FourierTransform((1, 4, 4)), "division", "adjoint"),
        (
            Mask(torch.ones(4, 4), (Space((1, 4, 4), torch.complex64))) @ FourierTransform((1, 4, 4)),
            "Woodbury",
            "A*(A A*)⁺",
        ),
        (Pad(Space((1, 4, 4), REAL), ((1, 1), (1, 1)), "zero"), "division", "adjoint"),
        (Crop(Space((1, 4, 4), REAL), ((1, 1), (1, 1))), "Woodbury, division", "adjoint"),
        (Gradient(Space((1, 4, 4), REAL)), "conjugate gradients", "LSMR"),
        (Convolution(randn(3, 3), Space((1, 4, 4), REAL), "reflect"), "conjugate gradients", "LSMR"),
    ],
)
def test_explain_names_the_route(op, prox, pinv):
    page = explain(op)
    assert page.prox_l2.startswith(prox)
    assert page.pinv.startswith(pinv)
    assert repr(op) in str(page)


def test_packs_extend_the_tables():
    class Twice(Multiply):
        pass

    two = Twice(torch.full((3,), 2.0))

    @fuse_product.register(Twice, Twice)
    def _(a, b):
        return Multiply(a.weights * b.weights)

    torch.testing.assert_close((two @ two).weights, torch.full((3,), 4.0))


def test_symmetries_travel():
    from wellposed.structure import Symmetry
    from wellposed.transforms import CyclicShifts, Flips

    space = Space((1, 4, 4), REAL)
    shifts = CyclicShifts()
    k = CircularConvolution(randn(3, 3), space)
    a, b = declare(k, Symmetry(shifts, shifts)), declare(2 * k, Symmetry(shifts, shifts))
    for op in (a @ b, Sum([a, b]), Scaled(3, a), Adjoint(a)):
        found = find(op, Symmetry)
        assert found.T_in is shifts
        g = shifts.sample(torch.Generator().manual_seed(1))
        x = randn(1, 1, 4, 4)
        torch.testing.assert_close(op.A(shifts.act(x, g)), shifts.act(op.A(x), g))
    flipped = declare(k, Symmetry(Flips(), Flips()))
    assert find(Composition([flipped, a]), Symmetry) is None
    assert find(Sum([flipped, a]), Symmetry) is None
    assert find(Composition([k, a]), Symmetry) is None
    rough = declare(k, Symmetry(shifts, shifts, accuracy=1e-3))
    assert find(Composition([rough, rough]), Symmetry).accuracy == 2e-3
    assert find(Adjoint(rough), Symmetry) is None
    assert find(Sum([k, a]), Symmetry) is None


def test_complex_multiples_of_real_maps_lose_the_half_spectrum():
    k = CircularConvolution(randn(3, 3), Space((1, 4, 4), REAL))
    assert find(Scaled(1j, k), FourierDiagonal) is None
    assert find(Scaled(2.0, k), FourierDiagonal) is not None


def test_multipliers_of_different_axes_do_not_fuse():
    space = Space((1, 4, 4), COMPLEX)
    a = FourierMultiplier(randn(4, dtype=COMPLEX), space, dims=(-1,))
    b = FourierMultiplier(randn(4, 4, dtype=COMPLEX), space)
    assert isinstance(a @ b, Composition)
    assert isinstance(a @ a, FourierMultiplier)
    with pytest.raises(DtypeError, match="half spectrum belongs to real data"):
        FourierMultiplier(randn(4, 4), space, half_spectrum=True)


def test_expressions_of_tuples():
    s = stack(A, C)
    x = randn(2, 3)
    assert isinstance((s + s).A(x), tuple)
    torch.testing.assert_close((2 * s).A(x)[1], 2 * C.A(x))
    torch.testing.assert_close(Composition([s.H, s]).A(x), A.H.A(A.A(x)) + C.H.A(C.A(x)))
    assert find(s, NormBound) is None
    bounded = stack(declare(A, NormBound(3.0)), declare(C, NormBound(4.0)))
    assert find(bounded, NormBound).bound == 5.0
    assert find(block_diag(declare(A, NormBound(3.0)), declare(C, NormBound(4.0))), NormBound).bound == 4.0


def test_operators_without_a_forward_say_what_to_write():
    from wellposed.operators import LinearOperator, Operator

    class Empty(LinearOperator):
        pass

    with pytest.raises(ParameterError, match=r"Empty does not define _forward\(self, x\)"):
        Empty(Space((1,)), Space((1,))).A(torch.zeros(1, 1))
    assert Operator(Space((1,)), Space((1,))).parameters_xi() == {}
