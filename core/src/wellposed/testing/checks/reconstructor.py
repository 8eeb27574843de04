"""Reconstructors and samplers: measurements and physics in, images out, nothing else touched."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from wellposed.errors import UnsuitableError
from wellposed.operators import Identity
from wellposed.spaces import AnySpace, ProductSpace, Space
from wellposed.structure import Equivariant, Symmetry
from wellposed.testing.case import Case as BaseCase
from wellposed.testing.case import Check, Face, Failure, Skip, clone, detach, has
from wellposed.testing.checks.hygiene import HYGIENE, SOUND
from wellposed.testing.checks.transform import a_few
from wellposed.testing.diagnose import mismatch
from wellposed.testing.fixtures import Weighting
from wellposed.testing.probes import eps, fill, image, space_of
from wellposed.vectors import add, leaves, map_vector, scale


class Case(BaseCase):
    """A method, tried on a small physics with a little noise."""

    default_domain = Space((1, 8, 8), torch.float64)

    @cached_property
    def domain(self) -> AnySpace:
        """Where images live: the space given, or the physics' own."""
        own = getattr(self.given_physics, "domain", None)
        if self.given_domain is None and isinstance(own, Space | ProductSpace):
            return fill(own)
        return super().domain

    @cached_property
    def physics(self) -> Any:
        """The physics that is worked with, a copy of the one given where it can be copied."""
        return self.fresh_physics()

    def fresh_physics(self) -> Any:
        """Return the physics as it was given, or a plain one."""
        if self.given_physics is None:
            return Weighting(self.domain, self.seed)
        try:
            return copy.deepcopy(self.given_physics)
        except Exception:  # whatever a foreign __deepcopy__ raises
            return self.given_physics

    @cached_property
    def x(self) -> Any:
        """True images."""
        return image(self.domain, self.generator(1), 3)

    @cached_property
    def y(self) -> Any:
        """Measurements with a little noise."""
        y = detach(self.physics.A(self.x))
        return add(y, scale(0.01, space_of(y).randn(3, self.generator(2))))

    @property
    def tolerance(self) -> float:
        """Iterative methods amplify rounding, and stop sample by sample."""
        return 1e-6 if eps(self.domain) < 1e-10 else 1e-3

    def faces(self) -> list[Face]:
        """Reconstructing a batch."""
        return [Face("the reconstructor", lambda R, y: R(y, self.physics), (self.y,))]


def shape(case: Case) -> None:
    """Return images of the shape and dtype of the truth."""
    got = case.call(case.faces()[0])
    if (text := mismatch(got, case.x, float("inf"))) is not None:
        raise Failure(f"the reconstruction is not like the images of the physics: {text}")


def physics(case: Case) -> None:
    """Leave the physics as it was."""
    given = case.fresh_physics()
    before, state = detach(given.A(clone(case.x))), _state(given)
    case.component(clone(case.y), given)
    text = mismatch(detach(given.A(clone(case.x))), before, 0.0)
    changed = [k for k, v in _state(given).items() if k not in state or not torch.equal(v, state[k])]
    if text is not None or changed:
        what = f"its {changed[0]!r}" if changed else f"A: {text}"
        raise Failure(
            f"the reconstructor changes the physics that it was given ({what}); use physics.replace(…)"
        )


def gradient(case: Case) -> None:
    """Pass finite gradients to its input and to its parameters, where it is differentiable at all."""
    y = map_vector(lambda t: t.clone().requires_grad_(), case.y)
    out = case.component(y, case.physics)
    trainable = [p for p in _parameters(case.component) if p.requires_grad]
    if not any(t.requires_grad for t in leaves(out)):
        if trainable:
            raise Failure("it has trainable parameters, but its output carries no gradient")
        raise Skip("not differentiable")
    loss = torch.stack([t.abs().square().sum() for t in leaves(out)]).sum()
    found = torch.autograd.grad(loss, [*leaves(y), *trainable], allow_unused=True)
    if any(g is not None and not bool(torch.isfinite(g).all()) for g in found):
        raise Failure("gradients through the reconstructor are not finite")
    if trainable and all(g is None for g in found[len(leaves(y)) :]):
        raise Failure("no gradient reaches any of its trainable parameters")


def equivariance(case: Case) -> None:
    """Have the equivariance that it declares, of its own or its physics': R(T y) = T R(y)."""
    declared = _symmetries(case)
    if not declared:
        raise Skip("declares no equivariance, or the physics has no such symmetry")
    plain = detach(case.component(clone(case.y), case.physics))
    for e in declared:
        for g in a_few(e.T_in, plain, case.generator(20)):
            left = detach(case.component(e.T_in.act(clone(case.y), g), case.physics))
            right = e.T_out.act(clone(plain), g)
            if (text := mismatch(left, right, max(e.accuracy, case.tolerance))) is not None:
                raise Failure(f"equivariance is declared, but R(T y) is not T R(y): {text}, for g = {g!r}")


def _symmetries(case: Case) -> list[Symmetry]:
    """Return what is declared of the method alone, and of the physics where the method keeps it."""
    declared = case.component.evidence() if has(case.component, "evidence") else ()
    of_physics = case.physics.evidence() if has(case.physics, "evidence") else ()
    found = [e for e in declared if isinstance(e, Symmetry)]
    for promise in (e for e in declared if isinstance(e, Equivariant)):
        for e in (e for e in of_physics if isinstance(e, Symmetry)):
            if promise.to is None or isinstance(e.T_in, promise.to):
                found.append(Symmetry(e.T_out, e.T_in, promise.accuracy + e.accuracy))
    return found


def needs(case: Case) -> None:
    """Refuse a physics that lacks what the attribute ``needs`` declares, by :class:`UnsuitableError`."""
    asked = getattr(case.component, "needs", ())
    if not asked:
        raise Skip("declares no needs")
    tried = 0
    for dtype in (torch.float32, torch.complex64):
        wrong = Identity(Space(tuple(case.domain.shape), dtype)) if isinstance(case.domain, Space) else None
        if wrong is None or all(need.met(wrong.domain.zeros(1), wrong) for need in asked):
            continue
        tried += 1
        try:
            case.component(wrong.domain.zeros(1), wrong)
        except UnsuitableError:
            continue
        except Exception as error:
            raise Failure(f"a need is declared, but a physics without it raises {error!r}") from error
        raise Failure("a need is declared, but a physics without it gets an answer; use the decorator needs")
    if not tried:
        raise Skip("every plain physics has what it needs")


def samples(case: Case) -> None:
    """Draw posterior samples like the truth, the same ones from the same generator (samplers)."""
    if not has(case.component, "sample"):
        raise Skip("not a sampler")
    state = torch.get_rng_state()
    drawn, again, other = (_draw(case, salt) for salt in (3, 3, 4))
    if not torch.equal(state, torch.get_rng_state()):
        raise Failure("sample() draws from the global random state; use the generator")
    for s in drawn:
        if (text := mismatch(s, case.x, float("inf"))) is not None:
            raise Failure(f"a posterior sample is not like the images of the physics: {text}")
    if any(mismatch(a, b, case.tolerance) is not None for a, b in zip(drawn, again, strict=True)):
        raise Failure("sample() draws differently from one seed")
    if all(mismatch(a, b, 0.0) is None for a, b in zip(drawn, other, strict=True)):
        raise Failure("sample() ignores its generator: two seeds give the same samples")


def calibration(case: Case) -> None:
    """Sample the exact posterior of a Gaussian-mixture prior (samplers that take one)."""
    from wellposed.testing.calibration import THRESHOLD, calibration_defect, prepared

    if not has(case.component, "sample"):
        raise Skip("not a sampler")
    mixture, sampler = prepared(case.component, case.generator(5))
    if sampler is None:
        raise Skip("takes no score, prior or denoiser to be replaced by that of a known mixture")
    defect = calibration_defect(sampler, mixture, generator=case.generator(6))
    if defect > THRESHOLD:
        raise Failure(
            f"samples are not from the posterior: sliced Wasserstein distance to exact samples is "
            f"{defect:.2f} times the posterior's spread (allowed {THRESHOLD})"
        )


def _draw(case: Case, salt: int) -> list[Any]:
    drawn = case.component.sample(clone(case.y), case.physics, 3, case.generator(salt))
    found = [detach(s) for s in drawn]
    if len(found) != 3:
        raise Failure(f"sample(y, physics, 3, generator) gives {len(found)} samples")
    return found


def _parameters(component: Any) -> list[Tensor]:
    return list(component.parameters()) if isinstance(component, nn.Module) else []


def _state(physics: Any) -> dict[str, Tensor]:
    values = physics.state_dict() if isinstance(physics, nn.Module) else getattr(physics, "__dict__", {})
    return {k: v.detach().clone() for k, v in values.items() if isinstance(v, Tensor)}


CHECKS = (
    *HYGIENE,
    Check("shape", shape, after=SOUND),
    Check("physics", physics, after=("evaluates", "determinism", "history")),
    Check("gradient", gradient, after=SOUND),
    Check("equivariance", equivariance, after=(*SOUND, "shape", "batch")),
    Check("needs", needs, after=("evaluates",)),
    Check("samples", samples, after=("evaluates",)),
    Check("calibration", calibration, after=("samples",)),
)
