"""Transforms: a group that acts, and not a bag of augmentations."""

from __future__ import annotations

import itertools
from typing import Any

import torch

from wellposed.errors import ParameterError
from wellposed.spaces import AnySpace, Space
from wellposed.testing.case import Case as BaseCase
from wellposed.testing.case import Check, Failure, Skip, clone, detach
from wellposed.testing.checks.hygiene import HYGIENE
from wellposed.testing.diagnose import mismatch, ratio
from wellposed.testing.operator_case import relative
from wellposed.testing.probes import eps, gaussian
from wellposed.vectors import leaves, subtract

SMALL = 8
"""Groups of at most as many elements are tried whole."""


class Case(BaseCase):
    """A transform; its images are as large as its accuracy asks, and as smooth."""

    @property
    def accuracy(self) -> float:
        """The relative error that the group laws may have."""
        return max(float(getattr(self.pristine, "accuracy", 0.0)), 100 * eps(self.domain))

    @property
    def _default(self) -> AnySpace:
        least = int(getattr(self.pristine, "smallest_size", 1))
        return Space((1, max(least, 6), max(least, 6)), torch.float64)

    @property
    def default_domain(self) -> AnySpace:  # type: ignore[override]
        """Square images: quarter turns act on no others."""
        return self._default

    def images(self, batch: int = 2) -> Any:
        """Images on which the transform claims its accuracy: its own probes where it has them."""
        if callable(getattr(self.pristine, "probe", None)) and isinstance(self.domain, Space):
            shape = (batch, *self.domain.concrete_shape)
            return self.component.probe(shape, self.generator(40), self.domain.dtype or torch.float64)
        return gaussian(self.domain, self.generator(40), batch)

    def elements(self) -> list[Any]:
        """Return a few group elements."""
        return [self.component.sample(self.generator(41 + k)) for k in range(4)]

    def faces(self) -> list[Any]:
        """Acting with one fixed element, and with its inverse."""
        from wellposed.testing.case import Face

        g = self.component.sample(self.generator(41))
        x = self.images(3)
        return [
            Face("act", lambda T, v: T.act(v, g), (x,)),
            Face("act by the inverse", lambda T, v: T.act(v, T.inverse(g)), (x,)),
        ]


def a_few(transform: Any, x: Any, generator: torch.Generator) -> list[Any]:
    """Return all elements of a small group, and some of a large one, drawn."""
    try:
        found = list(itertools.islice(transform.elements(leaves(x)[0].shape), SMALL + 1))
    except (AttributeError, ParameterError):  # infinite, or a group by shape alone
        found = []
    return found if 0 < len(found) <= SMALL else [transform.sample(generator) for _ in range(4)]


def sampling(case: Case) -> None:
    """Draw the same element from the same generator, and never touch the global random state."""
    state = torch.get_rng_state()
    x = case.images()
    first, again = (case.component.act(x, case.component.sample(case.generator(50))) for _ in range(2))
    if not torch.equal(state, torch.get_rng_state()):
        raise Failure("sample(generator) draws from the global random state; use the generator")
    if (text := mismatch(again, first, case.tolerance)) is not None:
        raise Failure(f"sample draws two elements from one seed: {text}")


def shape(case: Case) -> None:
    """Map images to images of the same shape and dtype, linearly."""
    x: Any = case.images()
    u: Any = gaussian(case.domain, case.generator(51), 2)
    for g in case.elements():
        image = case.component.act(clone(x), g)
        if (text := mismatch(image, torch.zeros_like(x), float("inf"))) is not None:
            raise Failure(f"act changes the kind of its image: {text}")
        whole = case.component.act(2.0 * x - 0.5 * u, g)
        parts = 2.0 * image - 0.5 * case.component.act(clone(u), g)
        if (error := relative(subtract(whole, parts), whole, parts)) > 10 * case.tolerance:
            raise Failure(f"act is not linear in the image (relative difference {error:.1e})")


def inverse(case: Case) -> None:
    """Undo g by ``inverse(g)``, from both sides."""
    x = case.images()
    for g in case.elements():
        if (text := inverse_violation(case.component, x, g, case.accuracy)) is not None:
            raise Failure(text)


def compose(case: Case) -> None:
    """Act with ``compose(g, h)`` as with h first and g second."""
    x = case.images()
    elements = case.elements()
    for g, h in itertools.pairwise(elements):
        if (text := compose_violation(case.component, x, g, h, case.accuracy)) is not None:
            raise Failure(text)


def identity(case: Case) -> None:
    """Have an identity that changes nothing."""
    if not callable(getattr(case.component, "identity", None)):
        raise Skip("no identity")
    x = case.images()
    if (
        text := mismatch(case.component.act(clone(x), case.component.identity()), x, case.accuracy)
    ) is not None:
        raise Failure(f"the identity changes the image: {text}")


def inverse_violation(T: Any, x: Any, g: Any, accuracy: float) -> str | None:
    """Return how T_g⁻¹ T_g x differs from x, or ``None``."""
    for text, first, second in (("T_g⁻¹ T_g x", g, T.inverse(g)), ("T_g T_g⁻¹ x", T.inverse(g), g)):
        back = detach(T.act(T.act(clone(x), first), second))
        if (error := relative(subtract(back, x), x)) > accuracy:
            c = ratio(leaves(back)[0], leaves(x)[0])
            why = f", it is scaled by {c.real:.4g}" if c is not None else ""
            return f"inverse(g) does not undo g: {text} differs from x by {error:.1e}{why}, for g = {g!r}"
    return None


def compose_violation(T: Any, x: Any, g: Any, h: Any, accuracy: float) -> str | None:
    """Return how T_gh x differs from T_g T_h x, or ``None``."""
    at_once = detach(T.act(clone(x), T.compose(g, h)))
    in_turn = detach(T.act(T.act(clone(x), h), g))
    if relative(subtract(at_once, in_turn), x) <= accuracy:
        return None
    reversed_order = detach(T.act(T.act(clone(x), g), h))
    if relative(subtract(at_once, reversed_order), x) <= accuracy:
        return "compose(g, h) is hg, not gh: the order is reversed (T_gh = T_g T_h, h acts first)"
    error = relative(subtract(at_once, in_turn), x)
    return f"compose(g, h) does not act as h and then g: they differ by {error:.1e}, for g = {g!r}, h = {h!r}"


def law_violation(T: Any, x: Any, g: Any, h: Any, accuracy: float) -> str | None:
    """Return the first group law that T breaks on ``x``, or ``None``."""
    return inverse_violation(T, x, g, accuracy) or compose_violation(T, x, g, h, accuracy)


_SOUND = ("evaluates", "mutation", "determinism", "history", "sampling")

CHECKS = (
    *HYGIENE,
    Check("sampling", sampling, after=("evaluates",)),
    Check("shape", shape, after=_SOUND),
    Check("inverse", inverse, after=(*_SOUND, "shape")),
    Check("compose", compose, after=(*_SOUND, "shape", "inverse")),
    Check("identity", identity, after=(*_SOUND, "shape")),
)
