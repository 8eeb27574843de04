"""Right operators that declare what is not true of them."""

from __future__ import annotations

import torch
from torch import nn

from wellposed import Space
from wellposed.structure import (
    SVD,
    Coisometry,
    Diagonal,
    Evidence,
    FourierDiagonal,
    Isometry,
    NormBound,
    PositiveSemidefinite,
    Projection,
    RealLinear,
    SelfAdjoint,
    Symmetry,
    Unitary,
)
from wellposed.transforms import CyclicShifts, Flips, Gains
from zoo.entry import Cage
from zoo.wrong_operators import Tilt, weights

cage = Cage({"domain": Space((1, 6, 7), torch.float64)})
COMPLEX = Space((1, 5, 6), torch.complex128)


class Claims(Tilt):
    """An operator with an opinion about itself."""

    claims: tuple[Evidence, ...] = ()

    def evidence(self):
        return self.claims


class Twice(Claims):
    def A(self, x):
        return 2 * x

    A_adjoint = A


class Flipped(Claims):
    """Self-adjoint and unitary, with eigenvalues of both signs."""

    def A(self, x):
        return x.flip(-1)

    A_adjoint = A


@cage.wrong("unitary", r"Unitary: A\*A = I is declared, but does not hold: scaled by 4")
class LyingUnitary(Twice):
    claims = (Unitary(),)


@cage.wrong("unitary", r"Unitary: A A\* = I is declared, but")
class IsometryThatCallsItselfUnitary(Claims):
    claims = (Unitary(),)

    def A(self, x):
        return nn.functional.pad(x, (0, 2))

    def A_adjoint(self, y):
        return y[..., :-2]


@cage.wrong("isometry", r"Isometry: A\*A = I is declared")
class LyingIsometry(Claims):
    claims = (Isometry(),)

    def A(self, x):
        return x[..., :3]

    def A_adjoint(self, y):
        return nn.functional.pad(y, (0, 4))


@cage.wrong("coisometry", r"Coisometry: A A\* = I is declared")
class LyingCoisometry(Claims):
    claims = (Coisometry(),)

    def A(self, x):
        return nn.functional.pad(x, (0, 2))

    def A_adjoint(self, y):
        return y[..., :-2]


@cage.wrong("diagonal", r"Diagonal: A x = d·x is declared")
class LyingDiagonal(Claims):
    claims = (Diagonal(weights(6, 7)),)


@cage.wrong("diagonal", r"Diagonal: A x = d·x is declared.*scaled by 2")
class DiagonalOfAnotherScale(Twice):
    claims = (Diagonal(torch.ones(6, 7)),)


@cage.wrong("fourier_diagonal", r"FourierDiagonal over axes \(-2, -1\) is declared")
class LyingFourierDiagonal(Claims):
    claims = (FourierDiagonal(torch.full((6, 7), 2.0)),)


@cage.wrong("fourier_diagonal", r"not that of a real operator")
class SpectrumOfAComplexOperator(Twice):
    claims = (FourierDiagonal(2.0 * torch.arange(42).reshape(6, 7)),)


@cage.wrong("fourier_diagonal", r"FourierDiagonal over axes \(-1,\) is declared.*scaled by 0.5")
class HalfSpectrumOfAnotherScale(Twice):
    claims = (FourierDiagonal(torch.full((4,), 4.0), (-1,), half=True),)


@cage.wrong("norm_bound", r"NormBound\(1\.5\) is declared, but ‖A‖ ≥ 2")
class LyingNormBound(Twice):
    claims = (NormBound(1.5),)


@cage.wrong("norm_bound", r"NormBound\(3\) is called tight, but ‖A‖ = 2")
class NormBoundThatIsNotTight(Twice):
    claims = (NormBound(3.0, tight=True),)


@cage.wrong(
    "norm_bound", r"NormBound\(1\.9\) is declared, but ‖A‖ ≥ 2", domain=Space((1, 50, 60), torch.float64)
)
class LyingNormBoundOfALargeOperator(Twice):
    claims = (NormBound(1.9),)


@cage.wrong("svd", r"with a negative singular value")
class NegativeSingularValues(Claims):
    claims = (
        SVD(torch.eye(42, dtype=torch.float64), torch.full((42,), -2.0), torch.eye(42, dtype=torch.float64)),
    )

    def A(self, x):
        return -2 * x

    A_adjoint = A


@cage.wrong("self_adjoint", r"SelfAdjoint: A\* = A is declared")
class LyingSelfAdjoint(Claims):
    claims = (SelfAdjoint(),)


@cage.wrong("positive_semidefinite", r"but ⟨x, Ax⟩ = -1 for some unit vector x")
class Indefinite(Flipped):
    claims = (PositiveSemidefinite(),)


@cage.wrong("projection", r"Projection: A² = A is declared.*scaled by 2")
class LyingProjection(Twice):
    claims = (Projection(),)


@cage.wrong("projection", r"Projection: A\* = A is declared")
class ObliqueProjection(Claims):
    """A² = A, but it projects along a slanted direction: the last column is replaced by the first."""

    claims = (Projection(),)

    def A(self, x):
        return torch.cat([x[..., :-1], x[..., :1]], -1)

    def A_adjoint(self, y):
        out = nn.functional.pad(y[..., :-1], (0, 1))
        out[..., :1] += y[..., -1:]
        return out


@cage.wrong("svd", r"SVD: U\*U = I is declared")
class FactorsThatAreNotOrthonormal(Twice):
    claims = (
        SVD(2 * torch.eye(42, dtype=torch.float64), torch.ones(42), torch.eye(42, dtype=torch.float64)),
    )


@cage.wrong("svd", r"SVD: A = U diag\(s\) V\* is declared")
class FactorsOfAnotherOperator(Twice):
    claims = (SVD(torch.eye(42, dtype=torch.float64), torch.ones(42), torch.eye(42, dtype=torch.float64)),)


@cage.wrong("symmetry", r"Symmetry is declared, but A T_in\(g\) and T_out\(g\) A differ by")
class LyingSymmetry(Claims):
    claims = (Symmetry(CyclicShifts(), CyclicShifts()),)


@cage.wrong("symmetry", r"Symmetry is declared, but A T_in\(g\) and T_out\(g\) A differ by")
class LyingSymmetryBehindATrueOne(Claims):
    claims = (Symmetry(Gains(), Gains()), Symmetry(Flips(), Flips()))


class OneWay:
    """Not a group: its inverse is the element itself."""

    def sample(self, generator=None):
        return int(torch.randint(1, 3, (), generator=generator))

    def act(self, x, g):
        return x.roll(g, -1)

    def inverse(self, g):
        return g

    def compose(self, g, h):
        return g + h


@cage.wrong("symmetry", r"T_in is no group action: inverse\(g\) does not undo g")
class SymmetryUnderNoGroup(Twice):
    claims = (Symmetry(OneWay(), OneWay()),)


@cage.wrong("real_linear", r"A is linear over the complex numbers; drop", domain=COMPLEX)
class ComplexLinearThatCallsItselfReal(Twice):
    claims = (RealLinear(),)


class Folklore(Evidence):
    check = "folklore"


@cage.wrong("evidence", r"Folklore names the check 'folklore', which does not exist")
class DeclaresWhatNobodyVerifies(Twice):
    claims = (Folklore(),)
