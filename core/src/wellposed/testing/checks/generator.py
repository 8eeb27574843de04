"""Generators of parameters ξ: tensors with a batch axis, the same ones for the same seed."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor

from wellposed.testing.case import Case as BaseCase
from wellposed.testing.case import Check, Failure
from wellposed.testing.checks.hygiene import COPYING
from wellposed.testing.diagnose import mismatch


class Case(BaseCase):
    """A generator; ``step`` takes ``generator=`` or ``seed=``."""

    def step(self, batch: int, seed: int, component: Any = None) -> dict[str, Any]:
        """Draw once, seeded in the way that the generator offers."""
        target = self.component if component is None else component
        names = inspect.signature(target.step).parameters
        if "generator" in names:
            return dict(target.step(batch, generator=self.generator(seed)))
        if "seed" in names:
            return dict(target.step(batch, seed=seed))
        raise Failure("step takes neither generator= nor seed=, so nobody can repeat what it drew")


def step(case: Case) -> None:
    """Return ``{name: tensor}`` with the batch first."""
    for batch in (1, 3):
        drawn = case.step(batch, 1)
        if not drawn:
            raise Failure("step returns no parameter")
        for name, value in drawn.items():
            if not isinstance(value, Tensor):
                raise Failure(f"step returns {name!r} as a {type(value).__name__}, not a tensor")
            if value.ndim == 0 or value.shape[0] != batch:
                raise Failure(
                    f"step({batch}) returns {name!r} of shape {tuple(value.shape)}: the batch is not first"
                )


def seeding(case: Case) -> None:
    """Draw the same for the same seed, another for another, and leave the global random state alone."""
    state = torch.get_rng_state()
    first, again, other = case.step(3, 1), case.step(3, 1), case.step(3, 2)
    if not torch.equal(state, torch.get_rng_state()):
        raise Failure("step draws from the global random state in spite of the seed it was given")
    if (text := _difference(first, again)) is not None:
        raise Failure(f"step draws differently from one seed: {text}")
    if _difference(first, other) is None:
        raise Failure("step ignores its seed: it draws the same for two seeds")


def streams(case: Case) -> None:
    """Draw sample i from its own stream: a longer batch begins like a shorter one."""
    long, short = case.step(3, 1), case.step(2, 1)
    if (text := _difference({k: v[:2] for k, v in long.items()}, short)) is not None:
        raise Failure(
            f"what sample 0 gets depends on the batch size: {text}; give each sample a stream of its own"
        )
    if all(torch.equal(v[0], v[1]) for v in long.values()):
        raise Failure("every sample of a batch gets the same parameters")


def _difference(a: dict[str, Any], b: dict[str, Any]) -> str | None:
    if a.keys() != b.keys():
        return f"names {sorted(a)} and {sorted(b)}"
    for name in a:
        if a[name].is_floating_point() or a[name].is_complex():
            text = mismatch(a[name], b[name], 1e-6)
        else:
            text = None if torch.equal(a[name], b[name]) else "entries differ"
        if text is not None:
            return f"{name!r}: {text}"
    return None


CHECKS = (
    Check("step", step),
    Check("seeding", seeding, after=("step",)),
    Check("streams", streams, after=("step", "seeding")),
    *COPYING,
)
