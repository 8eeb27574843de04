"""Noise models with one defect each."""

from __future__ import annotations

import math

import torch

from wellposed.random import randn_like
from zoo.entry import Cage

cage = Cage()


class Normal:
    """Right Gaussian noise by hand, to be spoilt."""

    sigma = 0.2

    def __call__(self, y, generator=None):
        return y + self.sigma * randn_like(y, generator)

    def log_prob(self, y, mean):
        z = (y - mean) / self.sigma
        return (-0.5 * z**2 - math.log(self.sigma) - 0.5 * math.log(2 * math.pi)).flatten(1).sum(1)

    def mean(self, y):
        return y

    def variance(self, y):
        return torch.full_like(y, self.sigma**2)


class Unclaimed(Normal):
    """The same, saying nothing about its moments."""

    mean = variance = None


@cage.wrong("law", r"the draws have standard deviation 0\.0\S*, the likelihood 0\.2")
class VarianceForStandardDeviation(Unclaimed):
    def __call__(self, y, generator=None):
        return y + self.sigma**2 * randn_like(y, generator)


@cage.wrong("law", r"the draws have mean")
class Biased(Unclaimed):
    def __call__(self, y, generator=None):
        return super().__call__(y, generator) + 0.05


@cage.wrong("law", r"distribution functions differ by .* although mean and variance agree")
class UniformOfTheSameVariance(Unclaimed):
    def __call__(self, y, generator=None):
        z = 0.5 * (1 + torch.erf(randn_like(y, generator) / math.sqrt(2)))
        return y + self.sigma * math.sqrt(12) * (z - 0.5)


@cage.wrong("normalisation", r"sums to 2\.507 .* not to 1")
class ForgetsItsConstant(Unclaimed):
    def log_prob(self, y, mean):
        return super().log_prob(y, mean) + 0.5 * math.log(2 * math.pi) * y[0].numel()


@cage.wrong("moments", r"variance\(0\.15\) says 0\.2, but by log_prob it is 0\.04")
class LiesAboutItsVariance(Normal):
    def variance(self, y):
        return torch.full_like(y, self.sigma)


@cage.wrong("log_prob", r"log_prob returns shape \(3, 1, 4, 5\) for 3 samples, not \(3,\)")
class LikelihoodPerPixel(Unclaimed):
    def log_prob(self, y, mean):
        return -0.5 * ((y - mean) / self.sigma) ** 2


@cage.wrong("log_prob", r"calls impossible what the model itself drew")
class ImpossibleDraws(Unclaimed):
    def log_prob(self, y, mean):
        inside = ((y - mean).abs() < self.sigma).flatten(1).all(1)
        return torch.where(inside, super().log_prob(y, mean), -torch.inf)


@cage.wrong("determinism", r"the noise draws from the global random state, and the result depends on it")
class IgnoresTheGenerator(Unclaimed):
    def __call__(self, y, generator=None):
        return y + self.sigma * torch.randn_like(y)


@cage.wrong("streams", r"the noise of sample 0 depends on the batch size")
class OneStreamForTheBatch(Unclaimed):
    def __call__(self, y, generator=None):
        n = y.numel()
        return y + self.sigma * torch.randn(n, dtype=y.dtype, generator=generator).reshape(
            -1, len(y)
        ).mT.reshape(y.shape)


@cage.wrong("streams", r"the noise of sample 0 depends on the batch size")
class WeakerInLongerBatches(Unclaimed):
    def __call__(self, y, generator=None):
        return y + self.sigma / math.sqrt(len(y)) * randn_like(y, generator)


@cage.wrong("streams", r"every sample of a batch gets the same noise")
class SameNoiseForAll(Unclaimed):
    def __call__(self, y, generator=None):
        return y + self.sigma * randn_like(y[:1], generator)


@cage.wrong("mutation", r"the noise changes its input 0 in place")
class AddsInPlace(Unclaimed):
    def __call__(self, y, generator=None):
        return y.add_(self.sigma * randn_like(y, generator))


@cage.wrong("shape", r"the dtype is torch.float32 instead of torch.float64")
class ReturnsSingle(Unclaimed):
    def __call__(self, y, generator=None):
        return super().__call__(y, generator).float()

    def log_prob(self, y, mean):
        return super().log_prob(y.to(mean.dtype), mean)


@cage.wrong("batch", r"log_prob depends on the rest of the batch")
class LikelihoodSharedByTheBatch(Unclaimed):
    def log_prob(self, y, mean):
        own = super().log_prob(y, mean)
        return own + 1e-3 * (own - own.mean())
