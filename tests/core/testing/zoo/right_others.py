"""Components other than operators with nothing wrong about them."""

from __future__ import annotations

import math

import torch
from torch import nn

from wellposed import Space, noise, transforms
from wellposed.needs import REAL, needs
from wellposed.operators import CircularConvolution
from wellposed.random import streams
from wellposed.structure import Equivariant, Symmetry
from zoo import wrong_judges as judges
from zoo import wrong_methods as methods
from zoo import wrong_noise as noises
from zoo.entry import Cage

cage = Cage()


class Counts(noises.Unclaimed):
    """Poisson counts with a gain; its atoms are found by the kit."""

    gain = 0.05

    def __call__(self, y, generator=None):
        rows = zip(y, streams(generator, len(y), y.device), strict=True)
        return torch.stack([torch.poisson(t / self.gain, generator=g) for t, g in rows]) * self.gain

    def log_prob(self, y, mean):
        k, rate = (y / self.gain).round(), mean / self.gain
        value = torch.xlogy(k, rate) - rate - torch.lgamma(k.clamp(min=0) + 1)
        return torch.where(k < 0, -torch.inf, value).flatten(1).sum(1)


class Erasure(noises.Unclaimed):
    """Replaces one entry in ten by zero: a law on two atoms."""

    def __call__(self, y, generator=None):
        rows = streams(generator, len(y), y.device)
        keep = torch.stack([torch.rand(y.shape[1:], generator=g, dtype=y.dtype) > 0.1 for g in rows])
        return y * keep

    def log_prob(self, y, mean):
        p = torch.where(y == mean, 0.9, torch.where(y == 0, 0.1, 0.0)).to(y.dtype)
        return p.log().flatten(1).sum(1)


class Lopsided(noises.Unclaimed):
    """An exponential law: a density with a jump."""

    def __call__(self, y, generator=None):
        rows = streams(generator, len(y), y.device)
        u = torch.stack([torch.rand(y.shape[1:], generator=g, dtype=y.dtype) for g in rows])
        return y - 0.3 * torch.log1p(-u)

    def log_prob(self, y, mean):
        t = (y - mean) / 0.3
        return torch.where(t < 0, -torch.inf, -t - math.log(0.3)).flatten(1).sum(1)


class Silence(noises.Unclaimed):
    """No noise: an atom at the mean."""

    def __call__(self, y, generator=None):
        return y.clone()

    def log_prob(self, y, mean):
        return torch.where((y == mean).flatten(1).all(1), 0.0, -torch.inf)


class Network(nn.Module):
    """A small denoising network in single precision, with σ as a second channel."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 3, padding=1))

    def forward(self, x, sigma):
        level = torch.as_tensor(sigma, dtype=x.dtype).reshape(-1, 1, 1, 1).expand_as(x)
        return x + 0.1 * self.net(torch.cat([x, level], 1))


class Gain(nn.Module):
    """A reconstructor with a trainable parameter."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, y, physics):
        return self.gain * physics.A_adjoint(y)


@needs(REAL)
class Choosy(methods.BackProject):
    """A reconstructor that needs real data, and says so."""

    def __call__(self, y, physics):
        return super().__call__(y, physics)


class Through(methods.BackProject):
    """Equivariant, and says so."""

    def __call__(self, y, physics):
        return y.tanh()

    def evidence(self):
        return (Symmetry(transforms.Flips(), transforms.Flips()),)


class KeepsSymmetries(methods.BackProject):
    """Equivariant to mirrors, whatever else its physics has."""

    def __call__(self, y, physics):
        return super().__call__(y, physics).tanh()

    def evidence(self):
        return (Equivariant(to=(transforms.Flips,)),)


class NonConvex(methods.SoftThreshold):
    """The hard threshold, which is no convex function's."""

    convex = False

    def prox(self, x, gamma):
        g = torch.as_tensor(gamma, dtype=x.dtype).reshape(-1, *(1,) * (x.ndim - 1))
        return x * (x.abs() > (2 * g).sqrt())

    def value(self, x):
        return (x != 0).to(x.dtype).flatten(1).sum(1)


class Implied(methods.SoftThreshold):
    """A prior known by its proximal operator alone."""

    def value(self, x):
        raise NotImplementedError


class Pairs(judges.Items):
    """Items of images and labels."""

    def __getitem__(self, index):
        return torch.full((1, 2, 2), float(index)), [{"label": torch.tensor(index)}]


class Nothing(judges.Items):
    """An empty dataset."""

    def __len__(self):
        return 0


class Sharpness:
    """A metric without reference."""

    higher_is_better = True

    def __call__(self, x_hat):
        return x_hat.diff(dim=-1).square().flatten(1).mean(1)


ENTRIES = {
    "noise by hand": (noises.Normal, {}),
    "counts": (Counts, {}),
    "erasure": (Erasure, {}),
    "exponential": (Lopsided, {}),
    "silence": (Silence, {}),
    "complex noise": (noise.Gaussian, {"domain": Space((1, 4, 5), torch.complex128)}),
    "noise per sample": (lambda: noise.Gaussian(torch.tensor([0.1, 0.3])), {}),
    "denoiser": (methods.Shrink, {"kind": "denoiser"}),
    "denoiser by function": (lambda: _shrink, {}),
    "network": (Network, {}),
    "prior": (methods.SoftThreshold, {}),
    "non-convex prior": (NonConvex, {}),
    "prior without value": (Implied, {}),
    "reconstructor": (methods.BackProject, {}),
    "reconstructor with needs": (Choosy, {}),
    "reconstructor on a physics": (
        methods.BackProject,
        {
            "physics": CircularConvolution(
                torch.arange(1.0, 7.0, dtype=torch.float64).reshape(3, 2), (1, 5, 4)
            )
        },
    ),
    "loss on a physics": (
        judges.Square,
        {
            "physics": CircularConvolution(
                torch.arange(1.0, 7.0, dtype=torch.float64).reshape(3, 2), (1, 5, 4)
            )
        },
    ),
    "trainable reconstructor": (Gain, {}),
    "equivariant reconstructor": (Through, {}),
    "method that keeps its physics' symmetries": (KeepsSymmetries, {"physics": methods.Mirrored()}),
    "sampler": (methods.Exact, {"kind": "reconstructor"}),
    "fidelity": (judges.Distance, {}),
    "loss": (judges.Square, {}),
    "metric": (judges.Error, {}),
    "metric without reference": (Sharpness, {}),
    "transform": (judges.Roll, {}),
    "non-commutative transform": (judges.Turn, {}),
    "declared accuracy": (transforms.Rotations, {}),
    "generator": (judges.Masks, {}),
    "dataset": (judges.Items, {}),
    "dataset of pairs": (Pairs, {}),
    "empty dataset": (Nothing, {}),
    "reader": (judges.Strict, {}),
}


def _shrink(x, sigma):
    return methods.Shrink()(x, sigma)


for name, (make, options) in ENTRIES.items():
    cage.right(name, make, **options)
