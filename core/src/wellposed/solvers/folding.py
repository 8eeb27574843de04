"""Solves inside ``torch.func.vmap``: what is mapped over becomes part of the batch.

A solver needs numbers to know when to stop, which vmap hides; but every sample is a system of its own anyway.
So the mapped axis is taken off its tensors and folded into their batch, and around each call of the operator
it is put back: the operator may close over mapped tensors as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.solvers.progress import Callback
from wellposed.solvers.solution import Solution
from wellposed.spaces import Vector
from wellposed.vectors import leaves, map_vector

_functorch: Any = torch._C._functorch


@attrs.frozen(eq=False)
class Folded:
    """A map on vectors, on folded ones."""

    fold: Fold
    inner: Callable[[Any], Any]

    def __call__(self, x: Vector) -> Vector:
        """Return the folded image of a folded vector."""
        image: Vector = self.fold.lower(self.inner(self.fold.lift(x)))
        return image


@attrs.frozen(eq=False)
class Fold:
    """The innermost vmap: its level, how many it maps over, and the batch of each."""

    level: int
    count: int
    batch: int

    def lower(self, x: Any) -> Any:
        """Return ``(count·B, …)`` of mapped ``(B, …)``."""
        return map_vector(self._lower, x)

    def _lower(self, t: Tensor) -> Tensor:
        flat: Tensor = _functorch._remove_batch_dim(t, self.level, self.count, 0)
        return flat.flatten(0, 1)

    def lift(self, x: Any) -> Any:
        """Return mapped ``(B, …)`` of ``(count·B, …)``."""
        return map_vector(self._lift, x)

    def _lift(self, t: Tensor) -> Tensor:
        apart = t.reshape(self.count, self.batch, *t.shape[1:])
        mapped: Tensor = _functorch._add_batch_dim(apart, 0, self.level)
        return mapped

    def of(self, f: Callable[[Any], Any]) -> Folded:
        """Return ``f`` on folded vectors."""
        return Folded(self, f)

    def callback(self, report: Callback | None) -> Callback | None:
        """Return ``report`` as one that hears of the folded system."""
        if report is None:
            return None
        return lambda k, x, residual: report(k, self.lift(x), self._lift(residual))

    def solution(self, solved: Solution) -> Solution:
        """Return a solution of the folded system as one of the mapped systems."""
        return attrs.evolve(
            solved,
            x=self.lift(solved.x),
            iterations=self._lift(solved.iterations),
            residual=self._lift(solved.residual),
            converged=self._lift(solved.converged),
        )


def fold_of(f: Callable[[Any], Any], b: Vector) -> Fold | None:
    """Return how to fold the innermost vmap that is not folded yet; ``None`` where there is none."""
    if _functorch.peek_interpreter_stack() is None:
        return None
    from torch._functorch.pyfunctorch import VmapInterpreter, retrieve_all_functorch_interpreters

    done = _levels(f)
    for interpreter in reversed(retrieve_all_functorch_interpreters()):
        if isinstance(interpreter, VmapInterpreter) and interpreter.level() not in done:
            return Fold(interpreter.level(), interpreter.batch_size(), leaves(b)[0].shape[0])
    return None


def _levels(f: Callable[[Any], Any]) -> set[int]:
    return {f.fold.level, *_levels(f.inner)} if isinstance(f, Folded) else set()


def refuse_graph(b: Vector, image: Vector) -> None:
    """Raise :class:`ParameterError` where gradients are due: once vmap is over, the operator is gone."""
    if any(t.requires_grad for t in (*leaves(b), *leaves(image))):
        raise ParameterError(
            "a solve inside torch.func.vmap carries no gradient; use the batch axis instead of vmap, "
            "differentiable=False, or torch.no_grad()."
        )
