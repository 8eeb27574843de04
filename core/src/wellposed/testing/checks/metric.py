"""Metrics: one number per sample, and the values and orders that they claim."""

from __future__ import annotations

import inspect
from functools import cached_property

import torch
from torch import Tensor, nn

from wellposed.spaces import Space
from wellposed.testing.case import Case as BaseCase
from wellposed.testing.case import Check, Face, Failure, Skip
from wellposed.testing.checks.hygiene import SCORES, SOUND
from wellposed.testing.diagnose import mismatch
from wellposed.testing.probes import image


class Case(BaseCase):
    """A metric on smooth images in [0, 1] and noisy versions of them."""

    default_domain = Space((1, 16, 17), torch.float64)

    @cached_property
    def x(self) -> Tensor:
        """The references."""
        x = image(self.domain, self.generator(1), 3)
        assert isinstance(x, Tensor)
        return x

    @cached_property
    def full_reference(self) -> bool:
        """Whether the metric needs a reference."""
        call = self.pristine.forward if isinstance(self.pristine, nn.Module) else self.pristine
        required = [p for p in inspect.signature(call).parameters.values() if p.default is p.empty]
        return len([p for p in required if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]) != 1

    def noisy(self, sigma: float) -> Tensor:
        """Return the references with noise of standard deviation σ, the same noise for every σ."""
        noise = self.domain.randn(3, self.generator(2))
        assert isinstance(noise, Tensor)
        return self.x + sigma * noise

    def values(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Evaluate the metric."""
        result: Tensor = self.component(x_hat.clone(), x.clone()).detach()
        return result

    def faces(self) -> list[Face]:
        """Return the metric of a noisy image."""
        x_hat = self.noisy(0.1)
        if not self.full_reference:
            return [Face("the metric", lambda m, a: m(a), (x_hat,))]
        return [Face("the metric", lambda m, a, b: m(a, b), (x_hat, self.x))]


def perfect(case: Case) -> None:
    """Be, for a perfect image, what ``perfect`` says."""
    claim = getattr(case.component, "perfect", None)
    if claim is None or not case.full_reference:
        raise Skip("claims no perfect value")
    values = case.values(case.x, case.x)
    want = torch.full_like(values, float(claim))
    close = (values == want) | ((values - want).abs() <= 1e-6)
    if not bool(close.all()):
        raise Failure(f"metric(x, x) is {float(values[~close][0]):.6g}, but perfect = {float(claim):g}")


def symmetric(case: Case) -> None:
    """Do not care which image is the reference, if ``symmetric``."""
    if not getattr(case.component, "symmetric", False) or not case.full_reference:
        raise Skip("does not claim to be symmetric")
    there, back = case.values(case.noisy(0.1), case.x), case.values(case.x, case.noisy(0.1))
    if (text := mismatch(back, there, case.tolerance)) is not None:
        raise Failure(f"the metric is called symmetric, but metric(x, x_hat) is not metric(x_hat, x): {text}")


def direction(case: Case) -> None:
    """Get worse with noise, in the direction that ``higher_is_better`` says."""
    claim = getattr(case.component, "higher_is_better", None)
    if claim is None or not case.full_reference:
        raise Skip("does not say higher_is_better")
    little, much = case.values(case.noisy(0.01), case.x), case.values(case.noisy(0.3), case.x)
    better = (little > much) if claim else (little < much)
    if not bool(better.all()):
        grows = (
            "falls"
            if bool((little > much).all())
            else "grows"
            if bool((little < much).all())
            else "does both"
        )
        raise Failure(f"higher_is_better = {bool(claim)}, but the metric {grows} as noise is added")


CHECKS = (
    *SCORES,
    Check("perfect", perfect, after=SOUND),
    Check("symmetric", symmetric, after=SOUND),
    Check("direction", direction, after=SOUND),
)
