"""Which checks a kind has: the built-in ones, those of the pack that defines it, and those added."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import attrs

from wellposed.errors import ParameterError
from wellposed.nearest import did_you_mean
from wellposed.testing.case import Case, Check

if TYPE_CHECKING:
    from wellposed.registry import Registry

BUILTIN = (
    "physics",
    "noise",
    "denoiser",
    "reconstructor",
    "loss",
    "metric",
    "transform",
    "dataset",
    "reader",
    "writer",
    "generator",
    "prior",
    "fidelity",
)
"""Kinds whose checks are modules of :mod:`wellposed.testing.checks`."""


def _tuple(checks: Iterable[Check]) -> tuple[Check, ...]:
    return tuple(checks)


@attrs.frozen
class KindChecks:
    """The checks of one kind, and the case that prepares a component for them."""

    checks: tuple[Check, ...] = attrs.field(converter=_tuple)
    case: type[Case] = Case


_added: dict[str, KindChecks] = {}


def register_checks(kind: str, checks: Iterable[Check], case: type[Case] | None = None) -> None:
    """Add checks to a kind, or define those of a new kind.

    Parameters
    ----------
    kind
        The kind's name. A pack that defines it can also name a :class:`KindChecks` in its ``Kind`` record.
    checks
        Run after those that the kind has; one of the same name replaces the earlier one.
    case
        How a component of a new kind is prepared; says its faces, on which hygiene is checked.
    """
    before = _added.get(kind)
    earlier = before.checks if before else ()
    keep = case or (before.case if before else Case)
    _added[kind] = KindChecks(_merged(earlier, tuple(checks)), keep)


def kind_checks(kind: str, registry: Registry | None = None) -> KindChecks:
    """Return everything that is checked of a kind; :class:`ParameterError` for a kind without any."""
    known = _builtin(kind) or _of_pack(kind, registry)
    added = _added.get(kind)
    if known is None and added is None:
        names = sorted({*BUILTIN, *_added})
        raise ParameterError(
            f"no checks are known for the kind {kind!r}; known: {', '.join(names)}."
            f"{did_you_mean(kind, names)} Add some with wellposed.testing.register_checks(kind, …)."
        )
    if known is None or added is None:
        return known or added  # type: ignore[return-value]
    return KindChecks(_merged(known.checks, added.checks), known.case if added.case is Case else added.case)


def checks_of(kind: str, registry: Registry | None = None) -> tuple[Check, ...]:
    """Return the checks of a kind, in the order in which they run."""
    return kind_checks(kind, registry).checks


def _builtin(kind: str) -> KindChecks | None:
    if kind not in BUILTIN:
        return None
    module: Any = importlib.import_module(f"wellposed.testing.checks.{kind}")
    return KindChecks(module.CHECKS, module.Case)


def _of_pack(kind: str, registry: Registry | None) -> KindChecks | None:
    from wellposed import registry as registries

    for record in (registry or registries.default()).kinds():
        if record.name == kind and record.checks is None:
            from wellposed.testing.checks.hygiene import COPYING

            return KindChecks(COPYING)
        if record.name == kind:
            assert record.checks is not None
            module, _, attribute = record.checks.partition(":")
            found: KindChecks = getattr(importlib.import_module(module), attribute)
            return found
    return None


def _merged(first: tuple[Check, ...], second: tuple[Check, ...]) -> tuple[Check, ...]:
    names = {check.name for check in second}
    return (*(check for check in first if check.name not in names), *second)
