"""Datasets: a length, and items that stay what they are."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wellposed.testing.case import Case as BaseCase
from wellposed.testing.case import Check, Failure, Skip
from wellposed.testing.checks.hygiene import COPYING


class Case(BaseCase):
    """A map-style dataset."""


def items(case: Case) -> None:
    """Have ``len(dataset)`` items of finite tensors."""
    n = len(case.component)
    if n == 0:
        raise Skip("empty")
    for index in {0, n - 1}:
        tensors = list(_tensors(case.component[index]))
        if not tensors:
            raise Failure(f"item {index} holds no tensor")
        if any(not bool(torch.isfinite(t).all()) for t in tensors):
            raise Failure(f"item {index} holds non-finite values")


def repeatable(case: Case) -> None:
    """Return the same item twice, and leave the global random state alone."""
    if len(case.component) == 0:
        raise Skip("empty")
    state = torch.get_rng_state()
    first, again = list(_tensors(case.component[0])), list(_tensors(case.component[0]))
    if not torch.equal(state, torch.get_rng_state()):
        raise Failure(
            "reading an item draws from the global random state; derive a stream from (seed, index)"
        )
    if len(first) != len(again) or any(not torch.equal(a, b) for a, b in zip(first, again, strict=True)):
        raise Failure("reading an item twice gives two results; derive randomness from (seed, index)")


def _tensors(item: Any) -> Any:
    if isinstance(item, Tensor):
        yield item
    elif isinstance(item, dict):
        for value in item.values():
            yield from _tensors(value)
    elif isinstance(item, list | tuple):
        for value in item:
            yield from _tensors(value)


CHECKS = (
    Check("items", items),
    Check("repeatable", repeatable, after=("items",)),
    *COPYING,
)
