"""Data fidelities f(x) = d(A x, y): a value per sample, and the gradient and prox that belong to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from wellposed.errors import StructureError
from wellposed.spaces import Space
from wellposed.testing.case import Case as BaseCase
from wellposed.testing.case import Check, Face, Failure, Skip, detach
from wellposed.testing.checks.hygiene import HYGIENE, SOUND
from wellposed.testing.diagnose import mismatch
from wellposed.testing.fixtures import Weighting
from wellposed.testing.probes import eps, image
from wellposed.vectors import norm

GAMMAS = (0.3, 2.0)

CONVERGED = 1e-4


class Case(BaseCase):
    """A fidelity between positive measurements, seen through a small invertible physics."""

    default_domain = Space((1, 5, 6), torch.float64)

    @cached_property
    def physics(self) -> Any:
        """The physics given, or a plain one."""
        return self.given_physics if self.given_physics is not None else Weighting(self.domain, self.seed)

    @cached_property
    def x(self) -> Any:
        """Images."""
        return image(self.domain, self.generator(1), 3)

    @cached_property
    def y(self) -> Any:
        """Measurements of other images."""
        return detach(self.physics.A(image(self.domain, self.generator(2), 3)))

    @property
    def tolerance(self) -> float:
        """Gradients of likelihoods amplify rounding near zero."""
        return float(eps(self.domain) ** 0.5)

    def faces(self) -> list[Face]:
        """Return the value and the gradient."""
        return [
            Face("value", lambda f, x, y: f.value(x, y, self.physics), (self.x, self.y)),
            Face("grad", lambda f, x, y: f.grad(x, y, self.physics), (self.x, self.y)),
        ]


def per_sample(case: Case) -> None:
    """Return one real value per sample."""
    value = case.call(case.faces()[0])
    if tuple(value.shape) != (3,) or value.is_complex():
        raise Failure(
            f"value returns {value.dtype} of shape {tuple(value.shape)} for 3 samples, not real (3,)"
        )


def gradient(case: Case) -> None:
    """Have the gradient that belongs to its value, in image and in measurement space."""
    f, u = case.component, case.physics.A(case.x)
    pairs: list[tuple[str, Callable[[Any], Any], Callable[[Any], Any], Any]] = [
        (
            "grad",
            lambda x: f.value(x, case.y, case.physics),
            lambda x: f.grad(x, case.y, case.physics),
            case.x,
        ),
        ("distance_grad", lambda v: f.distance(v, case.y), lambda v: f.distance_grad(v, case.y), u),
    ]
    for name, value, grad, point in pairs:
        inputs = point.clone().requires_grad_()
        (want,) = torch.autograd.grad(value(inputs).sum(), inputs)
        if (text := mismatch(detach(grad(point.clone())), want, case.tolerance)) is not None:
            raise Failure(f"{name} is not the gradient of its value: {text}")


def prox(case: Case) -> None:
    """Minimise γ·d(v, y) + ½‖v − u‖² by ``distance_prox``, and the same through the physics by ``prox``."""
    f, u = case.component, detach(case.physics.A(case.x))
    tried = [
        _minimises(
            case, "distance_prox", lambda g: f.distance_prox(u, case.y, g), u, lambda v: f.distance(v, case.y)
        ),
        _minimises(
            case,
            "prox",
            lambda g: f.prox(case.x, case.y, case.physics, g),
            case.x,
            lambda v: f.value(v, case.y, case.physics),
        ),
    ]
    if not any(tried):
        raise Skip("no proximal operator")


def _minimises(
    case: Case, name: str, step: Callable[[float], Any], centre: Tensor, value: Callable[[Any], Tensor]
) -> bool:
    for gamma in GAMMAS:
        try:
            p = detach(step(gamma))
        except (AttributeError, NotImplementedError, StructureError):
            return False

        def objective(v: Tensor, gamma: float = gamma) -> Tensor:
            return gamma * value(v).detach() + 0.5 * norm(v - centre) ** 2

        directions = [case.domain.randn(3, case.generator(5 + k)) for k in range(3)] + [centre - p, -p]
        for rival in (p + t * d for d in directions for t in (0.05, -0.05, 1e-3, -1e-3)):
            gain = (objective(p) - objective(rival)).nan_to_num(0.0, 0.0, 0.0)
            if float((gain / (1e-12 + 0.5 * norm(centre) ** 2)).max()) > CONVERGED:
                raise Failure(
                    f"{name} at γ = {gamma} is no minimiser: a neighbour is better by {float(gain.max()):.2e}"
                )
    return True


CHECKS = (
    *HYGIENE,
    Check("per_sample", per_sample, after=("evaluates",)),
    Check("gradient", gradient, after=SOUND),
    Check("prox", prox, after=(*SOUND, "batch")),
)
