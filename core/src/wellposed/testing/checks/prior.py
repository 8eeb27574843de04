"""Priors: a function of the image and its proximal operator, which must belong together."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from wellposed.errors import StructureError
from wellposed.spaces import Space
from wellposed.testing.case import Case as BaseCase
from wellposed.testing.case import Check, Face, Failure, Skip, clone, detach, has
from wellposed.testing.checks.hygiene import HYGIENE, SOUND
from wellposed.testing.diagnose import mismatch
from wellposed.testing.probes import eps
from wellposed.vectors import norm

GAMMAS = (0.2, 1.5)

CONVERGED = 1e-4
"""Relative excess of the objective that an iterative proximal operator may leave."""


class Case(BaseCase):
    """A prior on images of both signs."""

    default_domain = Space((1, 8, 7), torch.float64)

    @cached_property
    def x(self) -> Tensor:
        """A batch of images."""
        x = self.domain.randn(3, self.generator(1))
        assert isinstance(x, Tensor)
        return x

    @property
    def tolerance(self) -> float:
        """Proximal operators may iterate, which amplifies rounding."""
        return float(eps(self.domain) ** 0.5)

    @cached_property
    def has_value(self) -> bool:
        """Whether the prior knows its value (that of a denoiser, say, is unknown)."""
        try:
            self.fresh().value(self.x.clone())
        except (AttributeError, NotImplementedError, StructureError):
            return False
        return True

    def faces(self) -> list[Face]:
        """Return the proximal step, and the value where there is one, at points where it is finite."""
        prox = Face("prox", lambda g, x: g.prox(x, GAMMAS[0]), (self.x,))
        if not self.has_value:
            return [prox]
        inside = detach(self.fresh().prox(self.x.clone(), GAMMAS[0]))
        return [prox, Face("value", lambda g, x: g.value(x), (inside,))]

    def prox(self, x: Any, gamma: Any) -> Any:
        """Evaluate the proximal operator on a copy."""
        return detach(self.component.prox(clone(x), gamma))


def shape(case: Case) -> None:
    """Map images to images of the same kind, and to one value per sample."""
    if (text := mismatch(case.prox(case.x, 0.2), case.x, float("inf"))) is not None:
        raise Failure(f"prox changes the kind of its image: {text}")
    if case.has_value and case.component.value(case.x).shape != (3,):
        raise Failure(
            f"value returns shape {tuple(case.component.value(case.x).shape)} for 3 samples, not (3,)"
        )


def firmly_non_expansive(case: Case) -> None:
    """Never move two points apart: ⟨Px − Pu, x − u⟩ ≥ ‖Px − Pu‖² (convex priors)."""
    if not getattr(case.component, "convex", True):
        raise Skip("not convex")
    u: Any = case.domain.randn(3, case.generator(2))
    for gamma in GAMMAS:
        moved, apart = case.prox(case.x, gamma) - case.prox(u, gamma), case.x - u
        gain = (moved.conj() * apart).real.flatten(1).sum(1)
        excess = float(((norm(moved) ** 2 - gain) / norm(apart) ** 2).max())
        if excess > CONVERGED:
            raise Failure(
                f"prox is not firmly non-expansive at γ = {gamma}: ‖Px − Pu‖² exceeds ⟨Px − Pu, x − u⟩ by "
                f"{excess:.1e} of ‖x − u‖², so it is the proximal operator of no convex function"
            )


def prox_optimal(case: Case) -> None:
    """Minimise γ·g(u) + ½‖u − x‖²: no nearby point is better."""
    if not case.has_value:
        raise Skip("no value to minimise")
    for gamma in GAMMAS:
        p = case.prox(case.x, gamma)
        best = _objective(case, p, gamma)
        for rival in _rivals(case, p):
            gain = best - _objective(case, rival, gamma)
            gain = torch.where(torch.isfinite(gain), gain, torch.zeros_like(gain))
            if float((gain / (0.5 * norm(case.x) ** 2)).max()) > CONVERGED:
                raise Failure(
                    f"prox(x, {gamma}) does not minimise γ·g(u) + ½‖u − x‖²: a neighbour is better by "
                    f"{float(gain.max()):.2e}{_gamma_suspect(case, p, gamma)}"
                )


def per_sample_gamma(case: Case) -> None:
    """Take γ per sample ``(B,)``, each sample by its own."""
    gammas = torch.tensor([0.1, 0.5, 2.0], dtype=case.x.real.dtype)
    try:
        together = case.prox(case.x, gammas)
    except Exception as error:
        raise Failure(f"γ per sample (B,) is refused: {type(error).__name__}: {error}") from error
    for i, gamma in enumerate(gammas):
        alone = case.prox(case.x[i : i + 1], float(gamma))
        if (text := mismatch(together[i : i + 1], alone, 1e-4)) is not None:
            raise Failure(f"with γ per sample, sample {i} does not use its own γ = {float(gamma):g}: {text}")


def gradient(case: Case) -> None:
    """Have the gradient that belongs to its value (smooth priors)."""
    if not getattr(case.component, "smooth", False) or not has(case.component, "grad", "value"):
        raise Skip("not smooth")
    x = case.x.clone().requires_grad_()
    (want,) = torch.autograd.grad(case.component.value(x).sum(), x)
    if (text := mismatch(detach(case.component.grad(case.x.clone())), want, case.tolerance)) is not None:
        raise Failure(f"grad is not the gradient of value: {text}")


def _objective(case: Case, u: Any, gamma: float) -> Tensor:
    value: Tensor = gamma * case.component.value(u).detach() + 0.5 * norm(u - case.x) ** 2
    return value


def _rivals(case: Case, p: Any) -> list[Any]:
    """Points near p in random directions, and towards x, the origin and the mean image."""
    directions: list[Any] = [case.domain.randn(3, case.generator(5 + k)) for k in range(3)]
    directions += [case.x - p, -p, p.mean((-2, -1), keepdim=True) - p]
    return [p + t * d for d in directions for t in (0.1, -0.1, 0.01, -0.01, 1e-3)]


def _gamma_suspect(case: Case, p: Any, gamma: float) -> str:
    for name, other in (("2γ", 2 * gamma), ("γ/2", gamma / 2), ("1/γ", 1 / gamma), ("γ²", gamma**2)):
        best = _objective(case, p, other)
        if all(float((best - _objective(case, r, other)).max()) <= CONVERGED for r in _rivals(case, p)):
            return f"; it uses {name} in place of γ"
    return ""


CHECKS = (
    *HYGIENE,
    Check("shape", shape, after=SOUND),
    Check("firmly_non_expansive", firmly_non_expansive, after=(*SOUND, "shape", "batch")),
    Check("prox_optimal", prox_optimal, after=(*SOUND, "shape", "batch", "firmly_non_expansive")),
    Check("per_sample_gamma", per_sample_gamma, after=(*SOUND, "shape", "batch")),
    Check("gradient", gradient, after=(*SOUND, "shape")),
)
