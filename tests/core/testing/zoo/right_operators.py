"""Operators of unusual kind with nothing wrong about them."""

from __future__ import annotations

import torch
from torch import nn

import wellposed
from wellposed import ProductSpace, Space
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
    Symmetry,
    Unitary,
)
from wellposed.transforms import CyclicShifts, Flips
from zoo.entry import Cage
from zoo.lying_operators import Claims, Flipped, Twice
from zoo.wrong_operators import OwnScaling, Tilt, Weighting, weights

cage = Cage()
REAL = Space((1, 6, 7), torch.float64)
COMPLEX = Space((2, 5, 6), torch.complex128)


class Ft(Claims):
    claims = (Unitary(), NormBound(1.0, tight=True))

    def A(self, x):
        return torch.fft.fft2(x, norm="ortho")

    def A_adjoint(self, y):
        return torch.fft.ifft2(y, norm="ortho")

    def A_dagger(self, y):
        return self.A_adjoint(y)

    def A_vjp(self, x, v):
        return self.A_adjoint(v)

    def A_jvp(self, x, u):
        return self.A(u)


class FtOfRealImages(Ft):
    """From real images to complex spectra: linear over the reals, as its domain says."""

    claims = (Isometry(),)

    def A_adjoint(self, y):
        return torch.fft.ifft2(y, norm="ortho").real


class RealPart(Claims):
    claims = (RealLinear(),)

    def A(self, x):
        return x.real

    def A_adjoint(self, y):
        return y.to(torch.promote_types(y.dtype, torch.complex64))


class Conjugation(Claims):
    claims = (RealLinear(),)

    def A(self, x):
        return x.conj()

    A_adjoint = A


class Zero(Claims):
    claims = (NormBound(0.0, tight=True), SelfAdjoint(), PositiveSemidefinite(), Projection())

    def A(self, x):
        return torch.zeros_like(x) + 0 * x

    A_adjoint = A

    def A_dagger(self, y):
        return 0 * y

    def prox_l2(self, z, y, gamma):
        return z


class RankOne:
    """x ↦ ⟨a, x⟩ b, from six by seven pixels to three numbers."""

    def __init__(self):
        self.a, self.b = weights(42), torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)

    def A(self, x):
        return (x.flatten(1) @ self.a)[:, None] * self.b

    def A_adjoint(self, y):
        return ((y @ self.b)[:, None] * self.a).reshape(-1, 1, 6, 7)

    def A_dagger(self, y):
        return self.A_adjoint(y) / (self.a @ self.a * (self.b @ self.b))


class Wide:
    """Rectangular, with more measurements than pixels, and another number of axes."""

    def __init__(self):
        self.m = torch.randn(60, 42, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def A(self, x):
        return x.flatten(1) @ self.m.mT

    def A_adjoint(self, y):
        return (y @ self.m).reshape(-1, 1, 6, 7)

    def A_dagger(self, y):
        return (y @ torch.linalg.pinv(self.m).mT).reshape(-1, 1, 6, 7)

    def prox_l2(self, z, y, gamma):
        system = torch.eye(42, dtype=z.dtype) + gamma * self.m.mT @ self.m
        return torch.linalg.solve(system, (z + gamma * self.A_adjoint(y)).flatten(1).mT).mT.reshape(z.shape)


class IllConditioned:
    """Singular values from 1 down to 1e-4 below a large one; its conjugate gradients run out of steps.

    The largest singular value sees one pixel alone, so that ‖Ax‖ is far below ‖A‖‖x‖, as in tomography.
    """

    steps = 70

    def __init__(self):
        self.w = torch.logspace(0, -4, 42, dtype=torch.float64)
        self.w[0] = 5
        self.w = self.w.reshape(1, 6, 7)

    def A(self, x):
        return self.w * x

    A_adjoint = A

    def A_dagger(self, y):
        x, r = torch.zeros_like(y), y.clone()
        p = s = self.w * r
        for _ in range(self.steps):
            q = self.w * p
            step = _dot(s, s) / _dot(q, q).clamp_min(1e-300)
            x, r, old = x + step * p, r - step * q, s
            s = self.w * r
            p = s + _dot(s, s) / _dot(old, old).clamp_min(1e-300) * p
        return x


def _dot(a, b):
    return (a * b).sum((1, 2, 3), keepdim=True)


class TwoParts:
    """A tuple of measurements of different shapes and dtypes."""

    def A(self, x):
        return x[..., ::2], torch.fft.fft(x, norm="ortho")

    def A_adjoint(self, y):
        back = torch.fft.ifft(y[1], norm="ortho").real.clone()
        back[..., ::2] += y[0]
        return back


class NestedParts:
    """Tuples in tuples, from a pair of images."""

    def A(self, x):
        return (x[0] + x[1], (2 * x[0], x[1].sum(-1)))

    def A_adjoint(self, y):
        return (y[0] + 2 * y[1][0], y[0] + y[1][1][..., None])


class Volume:
    """Finite differences along the depth of a volume, periodic."""

    def A(self, x):
        return x.roll(-1, -3) - x

    def A_adjoint(self, y):
        return y.roll(1, -3) - y


class Sampling(Claims):
    claims = (Coisometry(), NormBound(1.0, tight=True))

    def A(self, x):
        return x[..., ::2]

    def A_adjoint(self, y):
        out = torch.zeros_like(y[..., :1]).expand(*y.shape[:-1], 7).clone()
        out[..., ::2] = y
        return out

    A_dagger = A_adjoint


class Interpolating(Tilt):
    """Its adjoint is off by a thousandth, and it says so."""

    def A_adjoint(self, y):
        return super().A_adjoint(y) + 1e-3 * y.roll(2, -1)

    def evidence(self):
        return (AdjointAccuracy(1e-2, "the adjoint interpolates"),)


class SelfProjection(Claims):
    """The mean over each row."""

    claims = (Projection(), SelfAdjoint(), PositiveSemidefinite(), NormBound(1.0, tight=True))

    def A(self, x):
        return x.mean(-1, keepdim=True).expand_as(x)

    A_adjoint = A

    @property
    def gram(self):
        return self


class Blurred(Claims):
    """Circular, so Fourier-diagonal and symmetric under shifts."""

    claims = (
        FourierDiagonal(1 + 0.5 * torch.exp(-2j * torch.pi * torch.arange(7).double() / 7), (-1,)),
        Symmetry(CyclicShifts(), CyclicShifts()),
        NormBound(1.5, tight=True),
    )

    def A(self, x):
        return x + 0.5 * x.roll(1, -1)

    def A_adjoint(self, y):
        return y + 0.5 * y.roll(-1, -1)


class HalfSpectrum(Blurred):
    claims = (
        FourierDiagonal(1 + 0.5 * torch.exp(-2j * torch.pi * torch.arange(4).double() / 7), (-1,), half=True),
    )


class Decomposed(Twice):
    claims = (
        SVD(
            torch.eye(42, dtype=torch.float64),
            torch.full((42,), 2.0).double(),
            torch.eye(42, dtype=torch.float64),
        ),
        Diagonal(torch.tensor(2.0)),
        Symmetry(Flips(), Flips()),
    )


class Phase(nn.Module):
    """A module with a complex buffer: moves between precisions without losing the imaginary part."""

    def __init__(self):
        super().__init__()
        self.register_buffer("phase", torch.polar(torch.ones(5, 6), weights(5, 6, dtype=torch.float32)))

    def A(self, x):
        return self.phase * x

    def A_adjoint(self, y):
        return self.phase.conj() * y


class Squares:
    """Nonlinear, with its derivatives."""

    def A(self, x):
        return x**2 + x

    def A_vjp(self, x, v):
        return (2 * x + 1) * v

    def A_jvp(self, x, u):
        return (2 * x + 1) * u


class Signs:
    """Nonlinear and piecewise constant: one-bit measurements round by nature and not by a cast."""

    def A(self, x):
        return torch.where(x > 0, x.sign() + 0 * x, -1 + 0 * x)


class FiveAxes:
    """A sequence of volumes, kept as it is."""

    def A(self, x):
        return 1 * x

    A_adjoint = A


class PerSample(OwnScaling):
    """Per-sample parameters: two weights, so batches of two."""


class NoGuess:
    """Takes images of any size: a domain is guessed."""

    def A(self, x):
        return 3 * x

    A_adjoint = A


class Mirrored(Flipped):
    claims = (Unitary(), SelfAdjoint(), Symmetry(Flips(), Flips()))


ENTRIES = {
    "plain class": (Tilt, {"domain": REAL}),
    "1×1 image": (Tilt, {"domain": Space((1, 1, 1), torch.float64)}),
    "one row": (Tilt, {"domain": Space((1, 1, 7), torch.float64)}),
    "one axis": (Twice, {"domain": Space((5,), torch.float64)}),
    "single precision": (Tilt, {"domain": Space((1, 6, 7), torch.float32)}),
    "domain guessed": (NoGuess, {}),
    "complex unitary": (Ft, {"domain": COMPLEX}),
    "complex single precision": (Ft, {"domain": Space((1, 4, 5), torch.complex64)}),
    "real to complex": (FtOfRealImages, {"domain": REAL}),
    "complex to real": (RealPart, {"domain": COMPLEX}),
    "conjugation": (Conjugation, {"domain": COMPLEX}),
    "zero": (Zero, {"domain": REAL}),
    "rank one": (RankOne, {"domain": REAL}),
    "rectangular": (Wide, {"domain": REAL}),
    "ill-conditioned": (IllConditioned, {"domain": REAL}),
    "tuple of measurements": (TwoParts, {"domain": REAL}),
    "tuples of tuples": (NestedParts, {"domain": ProductSpace([REAL, REAL])}),
    "volume": (Volume, {"domain": Space((1, 4, 5, 3), torch.float64)}),
    "sequence of volumes": (FiveAxes, {"domain": Space((2, 1, 2, 3, 2), torch.float64)}),
    "sampling": (Sampling, {"domain": REAL}),
    "approximate adjoint": (Interpolating, {"domain": REAL}),
    "projection": (SelfProjection, {"domain": REAL}),
    "circular": (Blurred, {"domain": REAL}),
    "half spectrum": (HalfSpectrum, {"domain": REAL}),
    "singular values": (Decomposed, {"domain": Space((1, 1, 42), torch.float64)}),
    "mirror": (Mirrored, {"domain": REAL}),
    "complex buffer": (Phase, {"domain": Space((1, 5, 6), torch.complex128)}),
    "nonlinear": (Squares, {"domain": REAL}),
    "one-bit": (Signs, {"domain": REAL}),
    "parameter": (Weighting, {"domain": REAL}),
    "own": (lambda: OwnScaling(weights(4, 5, dtype=torch.float32)), {}),
    "own with per-sample parameter": (lambda: PerSample(weights(2, 1, 4, 5, dtype=torch.float32)), {}),
    "own nonlinear": (lambda: wellposed.operators.NonlinearFunction(torch.sin, REAL, REAL), {}),
}

for name, (make, options) in ENTRIES.items():
    cage.right(name, make, **options)
