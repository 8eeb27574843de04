"""Noise models: draws that are repeatable, and a likelihood that is the law of the draws."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from wellposed.spaces import Space
from wellposed.testing.case import Case as BaseCase
from wellposed.testing.case import Check, Face, Failure, Skip, clone
from wellposed.testing.checks.hygiene import HYGIENE, SOUND
from wellposed.testing.diagnose import mismatch
from wellposed.testing.law import DRAWS, Law, laws
from wellposed.testing.probes import image

MEANS = (0.15, 0.5, 0.9)
"""Noiseless values at which the law of one pixel is examined."""

SIGMAS = 6
"""Standard errors that separate chance from a defect (one in 10⁹)."""


class Case(BaseCase):
    """A noise model on measurements in [0.1, 0.9]."""

    default_domain = Space((1, 4, 5), torch.float64)

    @cached_property
    def batch(self) -> int | None:
        """The batch size that per-sample levels prescribe, or ``None``."""
        level = getattr(self.pristine, "level", None)
        sizes = [t.shape[0] for t in (level if isinstance(level, tuple) else (level,)) if _is_per_sample(t)]
        return max(sizes, default=None)

    @cached_property
    def mean(self) -> Any:
        """Noiseless measurements."""
        return image(self.domain, self.generator(1), self.batch or 3)

    def noisy(self, mean: Any, salt: int = 2) -> Any:
        """Draw from a copy of the noiseless values."""
        return self.component(clone(mean), self.generator(salt))

    def faces(self) -> list[Face]:
        """Drawing with one seed, and the likelihood of what was drawn."""
        draw = Face("the noise", lambda n, m: n(m, self.generator(2)), (self.mean,), random=True)
        seen = self.pristine(clone(self.mean), self.generator(2))
        return [draw, Face("log_prob", lambda n, y, m: n.log_prob(y, m), (seen, self.mean), finite=False)]

    def laws(self) -> Iterator[tuple[complex, Law]]:
        """Yield the laws of one pixel at a few noiseless values."""
        if self.batch:
            raise Skip("its levels are per sample")
        means = [complex(m, 0.3) for m in MEANS[:1]] if self.domain.is_complex else list(MEANS)
        for k, mean in enumerate(means):
            for law in laws(self.component, mean, self.generator(10 + k)):
                yield mean, law


def _is_per_sample(level: object) -> bool:
    return isinstance(level, Tensor) and level.ndim > 0 and level.shape[0] > 1


def shape(case: Case) -> None:
    """Keep the shape and the dtype of the measurements."""
    if (text := mismatch(case.noisy(case.mean), case.mean, float("inf"))) is not None:
        raise Failure(f"noise changes the kind of the measurements: {text}")


def streams(case: Case) -> None:
    """Draw sample by sample from independent streams, so that results do not depend on the batch size."""
    alike = image(case.domain, case.generator(3), 1)
    assert isinstance(alike, Tensor)
    n = case.batch or 3
    drawn, other = (case.noisy(alike.expand(n, *alike.shape[1:]), salt) for salt in (2, 3))
    varied = drawn[0] != other[0]
    telling = bool(varied.all()) or int(varied.sum()) >= 8  # rare outliers may miss two samples by chance
    if not case.batch and telling and torch.equal(drawn[0], drawn[1]):
        raise Failure("every sample of a batch gets the same noise")
    if case.batch:
        raise Skip("its levels are per sample")
    for size in (1, 2):
        if (
            text := mismatch(case.noisy(alike.expand(size, *alike.shape[1:])), drawn[:size], 1e-12)
        ) is not None:
            raise Failure(
                f"the noise of sample 0 depends on the batch size: {text}. "
                "Derive a stream from (seed, sample); see wellposed.random."
            )


def log_prob(case: Case) -> None:
    """Return a real log-likelihood per sample, ``(B,)``, that is finite where it drew."""
    n = case.batch or 3
    value = case.component.log_prob(case.noisy(case.mean), clone(case.mean))
    if tuple(value.shape) != (n,):
        raise Failure(
            f"log_prob returns shape {tuple(value.shape)} for {n} samples, not ({n},): sum all but the batch"
        )
    if value.is_complex():
        raise Failure("log_prob is complex; a log-likelihood is real")
    if bool(torch.isnan(value).any()) or bool((value == -torch.inf).any()):
        raise Failure("log_prob calls impossible what the model itself drew (−inf or NaN)")


def normalisation(case: Case) -> None:
    """Have a likelihood that sums or integrates to one."""
    for mean, law in case.laws():
        if abs(law.total - 1) > 5e-3:
            raise Failure(
                f"exp(log_prob(y, {mean:g})) sums to {law.total:.4g} over all y of one pixel, not to 1: "
                "the normalising constant is wrong"
            )


def law(case: Case) -> None:
    """Draw from the law that its likelihood describes."""
    for mean, found in case.laws():
        gap = _moment_gap(found)
        if gap is not None:
            raise Failure(f"draws and log_prob disagree at noiseless value {mean:g}: {gap}")
        chance = 2.7 / DRAWS**0.5  # the Kolmogorov distance that one run in a million exceeds
        if (distance := found.kolmogorov()) > chance:
            raise Failure(
                f"draws and log_prob disagree at noiseless value {mean:g}: their distribution functions "
                f"differ by {distance:.3f} (by chance below {chance:.3f}), although mean and variance agree"
            )


def _moment_gap(law: Law) -> str | None:
    n = len(law.draws)
    mean, variance = float(law.draws.mean()), float(law.draws.var())
    # the likelihood knows of rare values that may not have been drawn, and how they spread the moments
    expected, fourth = law.variance, max(law.fourth, float(((law.draws - mean) ** 4).mean()))
    if abs(mean - law.mean) > SIGMAS * (max(variance, expected) / n) ** 0.5 + 1e-3 * variance**0.5:
        return f"the draws have mean {mean:.4g}, the likelihood {law.mean:.4g}"
    error = SIGMAS * (max(fourth - variance**2, 0) / n) ** 0.5
    if abs(variance - expected) > error + 5e-3 * variance:
        return (
            f"the draws have standard deviation {variance**0.5:.4g}, the likelihood {law.variance**0.5:.4g}"
        )
    return None


def moments(case: Case) -> None:
    """Have the mean and the variance that ``mean(y)`` and ``variance(y)`` say."""
    offered = [m for m in ("mean", "variance") if callable(getattr(case.component, m, None))]
    if not offered:
        raise Skip("says neither mean nor variance")
    if case.domain.is_complex:
        raise Skip("complex")
    for value, found in case.laws():
        pixel = torch.full((1, 1, 1, 1), float(value.real), dtype=torch.float64)
        for name in offered:
            claim = getattr(case.component, name)(pixel)
            if claim is None:
                continue
            claimed, true = float(claim), getattr(found, name)
            if abs(claimed - true) > 5e-3 * max(abs(claimed), abs(true)) + 1e-9:
                raise Failure(f"{name}({value:g}) says {claimed:.5g}, but by log_prob it is {true:.5g}")


CHECKS = (
    *HYGIENE[:5],
    Check("log_prob", log_prob, after=("evaluates", "determinism")),
    Check("streams", streams, after=("evaluates", "mutation", "determinism", "history")),
    Check("batch", HYGIENE[5].run, after=(*SOUND, "streams", "log_prob")),
    *HYGIENE[6:],
    Check("shape", shape, after=("evaluates", "determinism")),
    Check("normalisation", normalisation, after=(*SOUND, "shape", "log_prob", "batch")),
    Check("law", law, after=(*SOUND, "shape", "log_prob", "streams", "batch")),
    Check("moments", moments, after=(*SOUND, "shape", "streams", "law")),
)
