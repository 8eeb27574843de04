"""Operators with one defect each; they inherit nothing, or nn.Module."""

from __future__ import annotations

import threading

import torch
from torch import nn

import wellposed
from wellposed import Space
from wellposed.structure import AdjointAccuracy
from zoo.entry import Cage

cage = Cage({"domain": Space((1, 6, 7), torch.float64)})
COMPLEX = Space((1, 5, 6), torch.complex128)


def weights(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return 0.5 + torch.sin(torch.arange(torch.Size(shape).numel(), dtype=dtype)).abs().reshape(shape)


class Tilt:
    """A right operator to be spoilt: weights that depend on the place, and an echo to the right."""

    def A(self, x):
        return weights(*x.shape[1:]) * x + 0.5 * x.roll(1, -1)

    def A_adjoint(self, y):
        return weights(*y.shape[1:]) * y + 0.5 * y.roll(-1, -1)


# --- the adjoint ---


@cage.wrong("adjoint", r"scaled by 2 ")
class ScaledAdjoint(Tilt):
    def A_adjoint(self, y):
        return 2 * super().A_adjoint(y)


@cage.wrong("adjoint", r"scaled by -1 ")
class NegatedAdjoint(Tilt):
    def A_adjoint(self, y):
        return -super().A_adjoint(y)


@cage.wrong("adjoint", r"scaled by 3 ")
class ScaledAdjointOfATinyOperator:
    """Its squares underflow in double precision."""

    def A(self, x):
        return 1e-200 * x

    def A_adjoint(self, y):
        return 3e-200 * y


@cage.wrong("adjoint", r"it is all zero")
class ZeroAdjoint(Tilt):
    def A_adjoint(self, y):
        return 0 * y


@cage.wrong("adjoint", r"transpose Aᵀ.*a conj\(\) is missing", domain=COMPLEX)
class MissingConj:
    def A(self, x):
        return torch.fft.fft2(x, norm="ortho")

    def A_adjoint(self, y):
        return torch.fft.fft2(y, norm="ortho")


@cage.wrong("adjoint", r"does not map into the domain.*axes are transposed")
class TransposedAxes(Tilt):
    def A_adjoint(self, y):
        return super().A_adjoint(y).mT


@cage.wrong("adjoint", r"axes 2 and 3 are transposed", domain=Space((1, 6, 6), torch.float64))
class TransposedAxesOfASquare(Tilt):
    def A_adjoint(self, y):
        return super().A_adjoint(y).mT


@cage.wrong("adjoint", r"only the border is wrong.*padding or boundary.*worst entry \[\d, 0, 5, 6\]")
class OneWrongBorderPixel(Tilt):
    def A_adjoint(self, y):
        keep = torch.ones(y.shape[1:], dtype=y.dtype)
        keep[..., -1, -1] = 0.9
        return keep * super().A_adjoint(y)


@cage.wrong("adjoint", r"worst entry \[\d, 0, 2, 3\]: \S+ instead of")
class OneWrongPixel(Tilt):
    def A_adjoint(self, y):
        keep = torch.ones(y.shape[1:], dtype=y.dtype)
        keep[..., 2, 3] = 1.1
        return keep * super().A_adjoint(y)


@cage.wrong("adjoint", r"flipped along axes \[3\]")
class FlippedAdjoint(Tilt):
    def A_adjoint(self, y):
        return super().A_adjoint(y).flip(-1)


@cage.wrong("adjoint", r"shifted by 1 along axis 2")
class ShiftedAdjoint(Tilt):
    def A_adjoint(self, y):
        return super().A_adjoint(y).roll(1, -2)


@cage.wrong("adjoint", r"it is A itself")
class CorrelationForConvolution(Tilt):
    def A_adjoint(self, y):
        return self.A(y)


@cage.wrong("adjoint", r"the two inner products differ")
class OneWrongPart:
    def A(self, x):
        return x[..., ::2], 3 * x.sum(-1)

    def A_adjoint(self, y):
        out = (3 * y[1][..., None]).expand(*y[1].shape, 7).clone()
        out[..., ::2] -= y[0]
        return out


@cage.wrong("adjoint", r"worst entry.*declare AdjointAccuracy\(")
class ApproximateAdjointUndeclared(Tilt):
    def A_adjoint(self, y):
        return super().A_adjoint(y) + 1e-3 * y.roll(2, -1)


@cage.wrong("adjoint", r"declared without a reason")
class AdjointAccuracyWithoutReason(ApproximateAdjointUndeclared):
    def evidence(self):
        return (AdjointAccuracy(1e-2, " "),)


@cage.wrong("adjoint", r"allowed 1\.0e-05")
class AdjointWorseThanDeclared(ApproximateAdjointUndeclared):
    def evidence(self):
        return (AdjointAccuracy(1e-5, "interpolated"),)


class OwnGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, g):
        raise RuntimeError("no derivative")


@cage.wrong("adjoint", r"scaled by 0\.5 ", domain=Space((1, 50, 60), torch.float64))
class ScaledAdjointOfALargeOperator(Tilt):
    def A_adjoint(self, y):
        return 0.5 * super().A_adjoint(y)


@cage.wrong("adjoint", r"the two inner products differ", domain=Space((1, 50, 60), torch.float64))
class LargeOperatorWithoutGradient:
    def A(self, x):
        return OwnGradient.apply(x)

    def A_adjoint(self, y):
        return y


# --- linearity ---


@cage.wrong("zero", r"A\(0\) is not 0 but up to 1.*affine")
class AffineOffset(Tilt):
    def A(self, x):
        return super().A(x) + 1


@cage.wrong("linearity", r"A is not linear: A\(au \+ bv\) differs")
class Rectifier:
    def A(self, x):
        return x.abs()

    def A_adjoint(self, y):
        return y


@cage.wrong("linearity", r"over the reals only.*declare RealLinear\(\)", domain=COMPLEX)
class ConjugatesUndeclared:
    def A(self, x):
        return x.conj()

    def A_adjoint(self, y):
        return y.conj()


# --- precision ---


@cage.wrong("precision", r"A returns torch.float32 for double-precision input: it casts silently")
class ReturnsFloat32(Tilt):
    def A(self, x):
        return super().A(x).float()


@cage.wrong("precision", r"A computes a double-precision input in lower precision")
class SilentFloat32Cast(Tilt):
    def A(self, x):
        return super().A(x.float().double())


@cage.wrong("precision", r"A_adjoint computes a double-precision input in lower precision")
class Float32InsideAdjoint:
    def A(self, x):
        return torch.fft.fft2(x, norm="ortho")

    def A_adjoint(self, y):
        return torch.fft.ifft2(y.to(torch.complex64), norm="ortho").real.double()


@cage.wrong("precision", r"A promotes single-precision input to torch.float64")
class PromotesToDouble(nn.Module):
    def A(self, x):
        return x * torch.full((7,), 0.5, dtype=torch.float64)

    def A_adjoint(self, y):
        return 0.5 * y


# --- derivatives ---


@cage.wrong("vjp", r"A_vjp\(x, v\) is not A_adjoint\(v\): scaled by")
class WrongVjp(Tilt):
    def A_vjp(self, x, v):
        return 0.5 * self.A_adjoint(v)


@cage.wrong("jvp", r"A_jvp\(x, u\) is not A\(u\): scaled by -1")
class WrongJvp(Tilt):
    def A_jvp(self, x, u):
        return -self.A(u)


@cage.wrong("vjp", r"by differences .* disagree")
class WrongVjpOfANonlinearOperator:
    def A(self, x):
        return x**2

    def A_vjp(self, x, v):
        return x * v


@cage.wrong("autograd", r"A cuts the gradient")
class CutsTheGradient(Tilt):
    def A(self, x):
        return super().A(x.detach())


@cage.wrong("autograd", r"A cuts the gradient")
class CutsTheGradientOfANonlinearOperator:
    def A(self, x):
        return x.detach() ** 2


@cage.wrong("autograd", r"A fails on input that requires gradients: RuntimeError: Can't call numpy")
class ComputesInNumPy(Tilt):
    def A(self, x):
        return super().A(torch.from_numpy(x.numpy().copy()))


@cage.wrong("autograd", r"backward through A is not A_adjoint")
class WrongBackward(Tilt):
    def A(self, x):
        y = super().A(x)
        return y.detach() + 0 * y


@cage.wrong("vmap", r"A fails under torch.func.vmap")
class BranchesOnValues(Tilt):
    def A(self, x):
        if float(x.detach().sum()) > 1e9:
            raise OverflowError
        return super().A(x)


# --- parameters ---


class Weighting:
    """A right operator with a parameter ``w``, to be spoilt."""

    def __init__(self, w=None):
        self.w = weights(6, 7) if w is None else w

    def A(self, x, w=None):
        return (self.w if w is None else w) * x

    def A_adjoint(self, y, w=None):
        return (self.w if w is None else w) * y

    def replace(self, w):
        return type(self)(w)


@cage.wrong("override", r"A\(…, w=v\) is not replace\(w=v\)\.A")
class IgnoresItsOverride(Weighting):
    def A(self, x, w=None):
        return self.w * x


@cage.wrong("override", r"A_adjoint\(…, w=v\) is not replace\(w=v\)\.A_adjoint")
class IgnoresItsOverrideInTheAdjoint(Weighting):
    def A_adjoint(self, y, w=None):
        return self.w * y


@cage.wrong("override", r"the parameter 'w' has no effect")
class ParameterWithoutEffect(Weighting):
    def A(self, x, w=None):
        return 2 * x

    A_adjoint = A


@cage.wrong("override_pure", r"an override of 'w' stays after the call")
class OverrideStays(Weighting):
    def A(self, x, w=None):
        if w is not None:
            self.w = w
        return self.w * x


@cage.wrong("override_pure", r"an override of 'w' stays after the call")
class ReplaceChangesTheOriginal(Weighting):
    def replace(self, w):
        self.w = w
        return self


@cage.wrong("unknown_override", r"A\(…, no_such_parameter=…\) is accepted")
class SwallowsUnknownNames(Weighting):
    def A(self, x, w=None, **kwargs):
        return super().A(x, w)


# --- what solvers ask ---


@cage.wrong("pinv", r"A_dagger returns the adjoint")
class AdjointForPseudoInverse(Tilt):
    def A_dagger(self, y):
        return self.A_adjoint(y)


@cage.wrong("pinv", r"A A⁺A = A is violated")
class IllConditionedAndOffByAPercent:
    """Singular values down to 1e-5: what the small ones excuse does not excuse the large ones."""

    w = torch.logspace(0, -5, 42, dtype=torch.float64).reshape(1, 6, 7)

    def A(self, x):
        return self.w * x

    A_adjoint = A

    def A_dagger(self, y):
        return 1.01 * y / self.w


@cage.wrong("pinv", r"A A⁺A = A is violated")
class IllConditionedAndRegularised(IllConditionedAndOffByAPercent):
    def A_dagger(self, y):
        return self.w * y / (self.w**2 + 0.01)


@cage.wrong("pinv", r"Penrose condition A⁺A A⁺ = A⁺|Penrose condition \(A⁺A\)\* = A⁺A|Penrose")
class AnyLeftInverse:
    """Right inverse that is not of minimal norm: it fills what A does not see with ones times the data."""

    def A(self, x):
        return x[..., :3]

    def A_adjoint(self, y):
        return torch.nn.functional.pad(y, (0, 4))

    def A_dagger(self, y):
        return torch.cat([y, y[..., :1].expand(*y.shape[:-1], 4)], -1)


class Halving:
    """2·identity with its own proximal step."""

    def A(self, x):
        return 2 * x

    A_adjoint = A

    def prox_l2(self, z, y, gamma):
        return (z + 2 * gamma * y) / (1 + 4 * gamma)


@cage.wrong("prox_l2", r"not the minimiser of γ/2.*with 2γ in place of γ")
class ForgetsTheHalf(Halving):
    def prox_l2(self, z, y, gamma):
        return super().prox_l2(z, y, 2 * gamma)


@cage.wrong("prox_l2", r"with 1/γ in place of γ")
class InvertsGamma(Halving):
    def prox_l2(self, z, y, gamma):
        return super().prox_l2(z, y, 1 / gamma)


@cage.wrong("gram", r"gram is not A\*A: scaled by 0.5")
class WrongGram(Halving):
    @property
    def gram(self):
        return Halving()


class LockHolder(Tilt):
    """Not an exhibit: cannot be copied and cannot be pickled, which are two defects."""

    def __init__(self):
        self.lock = threading.Lock()


# --- ours: subclasses of LinearOperator ---


class OwnScaling(wellposed.LinearOperator):
    """A right operator in our own style."""

    def __init__(self, w):
        space = Space((1, 4, 5), torch.float32)
        super().__init__(space, space)
        self.register_buffer("w", w)

    def _forward(self, x):
        return self.w * x

    def _adjoint(self, y):
        return self.w * y


def _build(cls):
    return cls(weights(4, 5, dtype=torch.float32))


@cage.wrong("adjoint", r"scaled by 3 ", make=_build, domain=None)
class OwnScaledAdjoint(OwnScaling):
    def _adjoint(self, y):
        return 3 * self.w * y


@cage.wrong("precision", r"lower precision|casts silently", make=_build, domain=None)
class OwnSilentCast(OwnScaling):
    def _forward(self, x):
        return (self.w * x.float()).to(x.dtype)


@cage.wrong("prox_l2", r"with γ/2 in place of γ", make=_build, domain=None)
class OwnWrongProx(OwnScaling):
    def prox_l2(self, z, y, gamma, **parameters):
        return super().prox_l2(z, y, gamma / 2, **parameters)


@cage.wrong("norm", r"norm\(\) says 17, but the largest singular value is", make=_build, domain=None)
class OwnWrongNorm(OwnScaling):
    pass


@wellposed.norm.register
def _(op: OwnWrongNorm, **options: object) -> float:
    return 17.0
