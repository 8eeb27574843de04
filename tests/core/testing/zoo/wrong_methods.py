"""Denoisers, priors, reconstructors and samplers with one defect each."""

from __future__ import annotations

import torch
from torch import nn

from wellposed.needs import COMPLEX, REAL
from wellposed.spaces import Space
from wellposed.structure import Equivariant, Symmetry
from wellposed.transforms import Flips
from zoo.entry import Cage

cage = Cage()


class Shrink:
    """A right denoiser: towards one half, by an amount that depends on σ."""

    def __call__(self, x, sigma):
        s = torch.as_tensor(sigma, dtype=x.dtype).reshape(-1, *(1,) * (x.ndim - 1))
        return 0.5 + (x - 0.5) / (1 + s)


class SoftThreshold:
    """A right prior: the 1-norm."""

    def prox(self, x, gamma):
        g = torch.as_tensor(gamma, dtype=x.dtype).reshape(-1, *(1,) * (x.ndim - 1))
        return x.sign() * (x.abs() - g).clamp(min=0)

    def value(self, x):
        return x.abs().flatten(1).sum(1)


class BackProject:
    """A right reconstructor."""

    def __call__(self, y, physics):
        return physics.A_adjoint(y)


# --- denoisers ---


@cage.wrong("batch", r"the denoiser depends on the rest of the batch", kind="denoiser")
class CentresTheBatch(Shrink):
    def __call__(self, x, sigma):
        return super().__call__(x, sigma) - 0.1 * x.mean()


@cage.wrong("batch", r"the denoiser depends on the rest of the batch", kind="denoiser")
class BatchNormInTraining(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(1, track_running_stats=False)

    def forward(self, x, sigma):
        s = torch.as_tensor(sigma, dtype=x.dtype).reshape(-1, 1, 1, 1)
        return x - s * self.norm(x)


@cage.wrong("sigma", r"per-sample σ of shape \(B,\) is refused", kind="denoiser")
class OnlyOneSigma(Shrink):
    def __call__(self, x, sigma):
        return super().__call__(x, float(sigma))


@cage.wrong("sigma", r"sample 0 is not denoised by its own σ = 0\.05", kind="denoiser")
class AveragesSigma(Shrink):
    def __call__(self, x, sigma):
        return super().__call__(x, torch.as_tensor(sigma, dtype=x.dtype).mean())


@cage.wrong("shape", r"the shape is \(3, 1, 15, 15\) instead of", kind="denoiser")
class LosesABorder(Shrink):
    def __call__(self, x, sigma):
        return super().__call__(x, sigma)[..., 1:, 1:]


@cage.wrong("shape", r"the dtype is torch.float32", kind="denoiser")
class DenoisesToSingle(Shrink):
    def __call__(self, x, sigma):
        return super().__call__(x, sigma).float()


@cage.wrong("mutation", r"the denoiser changes its input", kind="denoiser")
class ClampsInPlace(Shrink):
    def __call__(self, x, sigma):
        return super().__call__(x.clamp_(max=0.5), sigma)


@cage.wrong("determinism", r"global random state", kind="denoiser")
class Dithers(Shrink):
    def __call__(self, x, sigma):
        return super().__call__(x + 0.01 * torch.randn_like(x), sigma)


@cage.wrong("history", r"keeps state between calls", kind="denoiser")
class CountsTheImagesItSaw(Shrink):
    def __init__(self):
        self._seen = 0

    def __call__(self, x, sigma):
        self._seen += 1
        return super().__call__(x, sigma) + 0.01 * self._seen


# --- priors ---


@cage.wrong("firmly_non_expansive", r"of no convex function")
class NoProxAtAll(SoftThreshold):
    def prox(self, x, gamma):
        return 2 * x


@cage.wrong("prox_optimal", r"does not minimise.*it uses γ/2 in place of γ")
class ThresholdsByHalf(SoftThreshold):
    def prox(self, x, gamma):
        return super().prox(x, gamma / 2)


@cage.wrong("prox_optimal", r"does not minimise.*it uses 2γ in place of γ")
class ThresholdsByTwice(SoftThreshold):
    def prox(self, x, gamma):
        return super().prox(x, 2 * gamma)


@cage.wrong("per_sample_gamma", r"sample \d does not use its own γ")
class AveragesGamma(SoftThreshold):
    def prox(self, x, gamma):
        return super().prox(x, torch.as_tensor(gamma, dtype=x.dtype).mean())


@cage.wrong("gradient", r"grad is not the gradient of value: scaled by 0\.5")
class ForgetsTheTwo:
    smooth = True

    def prox(self, x, gamma):
        g = torch.as_tensor(gamma, dtype=x.dtype).reshape(-1, *(1,) * (x.ndim - 1))
        return x / (1 + 2 * g)

    def value(self, x):
        return x.square().flatten(1).sum(1)

    def grad(self, x):
        return x


@cage.wrong("per_sample_gamma", r"γ per sample \(B,\) is refused")
class OnlyOneGamma(SoftThreshold):
    def prox(self, x, gamma):
        return super().prox(x, float(gamma))


@cage.wrong("shape", r"prox changes the kind of its image")
class ProxInSingle(SoftThreshold):
    def prox(self, x, gamma):
        return super().prox(x, gamma).float()


@cage.wrong("shape", r"value returns shape \(\) for 3 samples|value")
class ValueOfTheWholeBatch(SoftThreshold):
    def value(self, x):
        return x.abs().flatten(1).sum(1)[:, None]


# --- reconstructors ---


@cage.wrong("batch", r"the reconstructor depends on the rest of the batch")
class NormalisesTheBatch(BackProject):
    def __call__(self, y, physics):
        x = super().__call__(y, physics)
        return x / x.amax()


@cage.wrong("determinism", r"global random state")
class RandomStart(BackProject):
    def __call__(self, y, physics):
        x = super().__call__(y, physics)
        return x + 1e-2 * torch.randn_like(x)


@cage.wrong("determinism", r"two results for one input")
class FreshGenerator(BackProject):
    def __call__(self, y, physics):
        x = super().__call__(y, physics)
        generator = torch.Generator()
        generator.seed()
        return x + 1e-2 * torch.randn(x.shape, generator=generator)


@cage.wrong("shape", r"not like the images of the physics.*the shape is")
class AddsAChannel(BackProject):
    def __call__(self, y, physics):
        return super().__call__(y, physics).repeat(1, 2, 1, 1)


@cage.wrong("physics", r"changes the physics that it was given \(its 'w'\)")
class TunesThePhysics(BackProject):
    def __call__(self, y, physics):
        x = super().__call__(y, physics)
        physics.w = physics.w.round(decimals=6)
        return x.round(decimals=3)


@cage.wrong("needs", r"a physics without it gets an answer; use the decorator")
class OnlySaysWhatItNeeds(BackProject):
    needs = (COMPLEX,)


@cage.wrong("needs", r"a physics without it raises RuntimeError")
class RefusesInItsOwnWords(BackProject):
    needs = (REAL,)

    def __call__(self, y, physics):
        if y.is_complex():
            raise RuntimeError("no")
        return super().__call__(y, physics)


@cage.wrong("gradient", r"gradients through the reconstructor are not finite")
class RootAtZero(BackProject):
    def __call__(self, y, physics):
        x = super().__call__(y, physics)
        return x + (0 * x).sqrt()


@cage.wrong("gradient", r"it has trainable parameters, but its output carries no gradient")
class DetachesItself(nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, y, physics):
        return (self.gain * physics.A_adjoint(y)).detach()


@cage.wrong("gradient", r"no gradient reaches any of its trainable parameters")
class ForgetsItsParameter(DetachesItself):
    def forward(self, y, physics):
        return self.gain.detach() * physics.A_adjoint(y)


@cage.wrong("equivariance", r"R\(T y\) is not T R\(y\)")
class LyingEquivariance:
    def __call__(self, y, physics):
        return y.cumsum(-1)

    def evidence(self):
        return (Symmetry(Flips(), Flips()),)


class Mirrored:
    """A right physics that knows its mirror symmetry."""

    domain = range = Space((1, 4, 6), torch.float64)

    def __call__(self, x):
        return self.A(x)

    def A(self, x):
        return x + x.flip(-1) / 2

    A_adjoint = A

    def evidence(self):
        return (Symmetry(Flips(), Flips()),)


@cage.wrong("equivariance", r"R\(T y\) is not T R\(y\)", physics=Mirrored())
class BreaksTheSymmetryOfItsPhysics(BackProject):
    def __call__(self, y, physics):
        return super().__call__(y, physics).cumsum(-2)

    def evidence(self):
        return (Equivariant(),)


class Exact:
    """A right sampler: the exact posterior of a mixture prior under the calibration's physics."""

    def __init__(self, prior=None, temperature=1.0):
        self.prior, self.temperature = prior, temperature

    def replace(self, prior):
        return type(self)(prior)

    def __call__(self, y, physics):
        return physics.A_adjoint(y)

    def sample(self, y, physics, n, generator):
        if self.prior is None:
            noise = torch.randn((n, *y.shape), dtype=y.dtype, generator=generator)
            return self(y, physics) + 0.1 * noise
        mask = torch.diag(physics.mask.flatten())
        law = self.prior.posterior(y, mask, 0.3 * self.temperature)
        return law.sample(n, generator)[:, None]


@cage.wrong("samples", r"draws from the global random state", kind="reconstructor")
class SamplesGlobally(Exact):
    def sample(self, y, physics, n, generator):
        return self(y, physics) + torch.randn((n, *y.shape), dtype=y.dtype)


@cage.wrong("samples", r"ignores its generator", kind="reconstructor")
class SamplesTheMean(Exact):
    def sample(self, y, physics, n, generator):
        return [self(y, physics)] * n


@cage.wrong("samples", r"sample\(\) draws differently from one seed", kind="reconstructor")
class SamplesFromItsOwnStream(Exact):
    def sample(self, y, physics, n, generator):
        own = torch.Generator()
        own.seed()
        return self(y, physics) + torch.randn((n, *y.shape), dtype=y.dtype, generator=own)


@cage.wrong("samples", r"a posterior sample is not like the images", kind="reconstructor")
class SamplesFlattened(Exact):
    def sample(self, y, physics, n, generator):
        return super().sample(y, physics, n, generator).flatten(2)


@cage.wrong("samples", r"sample\(y, physics, 3, generator\) gives 1 samples", kind="reconstructor")
class SamplesOnce(Exact):
    def sample(self, y, physics, n, generator):
        return super().sample(y, physics, 1, generator)


@cage.wrong("calibration", r"samples are not from the posterior", kind="reconstructor")
class SamplesThePrior(Exact):
    def sample(self, y, physics, n, generator):
        return (
            super().sample(y, physics, n, generator)
            if self.prior is None
            else self.prior.sample(n, generator)[:, None]
        )


@cage.wrong("calibration", r"samples are not from the posterior", kind="reconstructor")
class OverconfidentSampler(Exact):
    def sample(self, y, physics, n, generator):
        drawn = super().sample(y, physics, n, generator)
        return drawn if self.prior is None else drawn.mean(0) + 0.3 * (drawn - drawn.mean(0))
