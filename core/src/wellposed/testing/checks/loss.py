"""Losses: one value per sample, gradients that flow, and the claims ``zero_at_truth`` and ``unbiased``."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from wellposed.spaces import Space
from wellposed.testing.case import Case as BaseCase
from wellposed.testing.case import Check, Face, Failure, Skip
from wellposed.testing.checks.hygiene import SCORES, SOUND
from wellposed.testing.fixtures import Inverse, Weighting, seeded
from wellposed.testing.kinds import argument_names
from wellposed.testing.probes import image
from wellposed.vectors import add, leaves, map_vector, scale, subtract

SAMPLES = 4000
"""Noise draws by which an unbiased loss is compared with the error that it estimates."""


class Case(BaseCase):
    """A loss on a small invertible physics, with the inverse as the model."""

    default_domain = Space((1, 6, 7), torch.float64)

    @cached_property
    def physics(self) -> Any:
        """The physics given, or a plain one."""
        return self.given_physics if self.given_physics is not None else Weighting(self.domain, self.seed)

    @cached_property
    def domain(self) -> Any:
        """Where images live: the physics knows, if there is one."""
        own = getattr(self.given_physics, "domain", None)
        return super().domain if self.given_domain is not None or own is None else own

    @cached_property
    def x(self) -> Any:
        """The truth."""
        return image(self.domain, self.generator(1), 3)

    def loss(self, loss: Any, x_hat: Any, x: Any, y: Any, model: Any = None) -> Tensor:
        """Evaluate a loss with a generator of its own if it takes one."""
        method = Inverse(0.9) if model is None else model
        random = seeded(loss, self.generator(3))
        if "x_net" in argument_names(loss):  # deepinv's losses are called by name
            result: Tensor = loss(x_net=x_hat, x=x, y=y, physics=self.physics, model=method, **random)
        else:
            result = loss(x_hat, x, y, self.physics, method, **random)
        return result

    def faces(self) -> list[Face]:
        """Return the loss of an imperfect image."""
        x_hat = add(self.x, scale(0.1, self.domain.randn(3, self.generator(2))))
        y = map_vector(lambda t: t + 0.05, self.physics.A(self.x))
        random = bool(seeded(self.pristine, self.generator()))
        return [Face("the loss", self.loss, (x_hat, self.x, y), random)]


def gradient(case: Case) -> None:
    """Let finite gradients flow to the image that it judges, or to the model where it judges that."""
    x_hat, x, y = case.faces()[0].inputs
    inputs = map_vector(lambda t: t.clone().requires_grad_(), x_hat)
    weight = torch.tensor(0.9, dtype=torch.float64, requires_grad=True)
    value = case.loss(case.component, inputs, x, y, Inverse(weight))
    if not value.requires_grad:
        raise Failure(
            "the loss cuts the gradient to x_hat and to the model: look for .detach() or torch.no_grad()"
        )
    gradients = torch.autograd.grad(value.sum(), [*leaves(inputs), weight], allow_unused=True)
    if any(g is not None and not bool(torch.isfinite(g).all()) for g in gradients):
        raise Failure("the gradient of the loss has non-finite entries")


def zero_at_truth(case: Case) -> None:
    """Vanish at the truth, if ``zero_at_truth``: x_hat = x, y = A(x), and a model that inverts A."""
    if not getattr(case.component, "zero_at_truth", False):
        raise Skip("does not claim to vanish at the truth")
    y = case.physics.A(case.x)
    gap = subtract(case.physics.A_dagger(y), case.x)
    if max(float(t.abs().max()) for t in leaves(gap)) > 1e-8:
        raise Skip("its physics is not invertible")
    value = case.loss(case.component, case.x, case.x, y, Inverse()).detach()
    if float(value.abs().max()) > 1e-8:
        raise Failure(f"the loss claims zero_at_truth, but there it is {float(value.abs().max()):.3g}")


def unbiased(case: Case) -> None:
    """Estimate the mean squared error of A(x_hat) without bias, if ``unbiased`` (Gaussian noise of its σ)."""
    sigma = getattr(case.component, "sigma", None)
    if not getattr(case.component, "unbiased", False) or sigma is None or not isinstance(case.domain, Space):
        raise Skip("does not claim to be unbiased")
    level = float(torch.as_tensor(sigma).flatten()[0])
    clean = case.physics.A(case.x[:1])
    y = clean + level * torch.randn(
        (SAMPLES, *clean.shape[1:]), dtype=clean.dtype, generator=case.generator(4)
    )
    model = Inverse(0.7)
    x_hat = model(y, case.physics)
    estimate = case.loss(case.component, x_hat, None, y, model).detach()
    truth = (case.physics.A(x_hat) - clean).abs().square().flatten(1).mean(1)
    gap = estimate - truth
    error, spread = float(gap.mean()), float(gap.std()) / SAMPLES**0.5
    if abs(error) > 6 * spread + 1e-6 * float(truth.mean()) + 1e-12:
        seen, true, distance = float(estimate.mean()), float(truth.mean()), abs(error) / max(spread, 1e-300)
        raise Failure(
            f"the loss claims to be unbiased, but over {SAMPLES} draws it is {seen:.4g} where the error is "
            f"{true:.4g} ({distance:.0f} standard errors apart)"
        )


CHECKS = (
    *SCORES,
    Check("gradient", gradient, after=SOUND),
    Check("zero_at_truth", zero_at_truth, after=SOUND),
    Check("unbiased", unbiased, after=(*SOUND, "batch")),
)
