"""What a pack says about itself: records with string targets, yielded by a few hooks.

A pack's entry point (group ``wellposed.plugins``) names one tiny module, ``wellposed_<pack>._plugin``,
which imports nothing but the standard library and this module. Its hooks return *records*: names,
one-line summaries and ``"module:attribute"`` strings. Nothing heavy is imported before somebody uses a
component, so a hundred installed packs cost a user milliseconds, and a broken one costs nothing.

>>> from wellposed.plugins import Component, hookimpl
>>> @hookimpl
... def components():
...     yield Component(
...         kind="physics", name="mypack.tilt", target="wellposed_mypack.operators:Tilt",
...         summary="Rotate the sample about its own axis.",
...     )
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import pluggy

from wellposed.errors import ParameterError

__all__ = ["GROUP", "Command", "Component", "Hooks", "Kind", "ReportSection", "hookimpl", "hookspec"]

GROUP = "wellposed.plugins"
"""The entry-point group that packs are found by."""

hookspec = pluggy.HookspecMarker("wellposed")
hookimpl = pluggy.HookimplMarker("wellposed")
"""Marks a function of ``_plugin.py`` as the pack's implementation of the hook of the same name."""

_WORD = r"[a-z][a-z0-9_]*"
_PATTERNS = {
    "kind": (re.compile(_WORD), "a lower-case word such as 'physics'"),
    "name": (re.compile(rf"{_WORD}(\.{_WORD})+"), "'<pack>.<snake_case>' such as 'mri.multicoil'"),
    "word": (re.compile(r"[a-z][a-z0-9_-]*"), "a lower-case word such as 'train'"),
    "target": (
        re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*"),
        "'module:attribute' such as 'wellposed_mri.operators:MultiCoilMRI'",
    ),
}


def _matches(rule: str, optional: bool = False) -> Any:
    pattern, wanted = _PATTERNS[rule]

    def check(record: Any, field: attrs.Attribute[Any], value: object) -> None:
        if optional and value is None:
            return
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ParameterError(f"{type(record).__name__}({field.name}={value!r}): expected {wanted}.")

    return check


def _one_line(record: Any, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, str) or not value.strip() or "\n" in value:
        raise ParameterError(f"{type(record).__name__}(summary={value!r}): expected one line of text.")


def _suffixes(values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise ParameterError(f"Component(suffixes={values!r}): expected a tuple such as ('.h5', '.hdf5').")
    suffixes = tuple(value.lower() for value in values)
    for suffix in suffixes:
        if not suffix.startswith("."):
            raise ParameterError(f"Component(suffixes=…): {suffix!r} must start with a dot, as in '.h5'.")
    return suffixes


@attrs.frozen
class Component:
    """One thing a pack offers: found by ``name``, imported from ``target`` when first used.

    Parameters
    ----------
    kind
        A kind known to the registry: ``physics``, ``noise``, ``denoiser``, ``reconstructor``, ``loss``,
        ``metric``, ``transform``, ``dataset``, ``reader``, ``writer``, ``generator``, or one that a pack
        defines by the ``kinds`` hook.
    name
        ``<pack>.<snake_case>``; the prefix is the name of the entry point.
    target
        ``"module:attribute"`` of a class, or of a function that returns the object.
    summary
        One line: what a user gets.
    examples
        ``"module:function"``; the function takes nothing and returns a hypothesis strategy of constructor
        arguments, by which the conformance kit tests the component.
    reference
        The paper or book, with a DOI or URL where there is one.
    suffixes
        Readers and writers only: the file name endings they handle, so that one is chosen without
        importing any.
    known_failures
        ``{check: reason}``: conformance checks that fail by nature. Strict: one that passes is an error.
    """

    kind: str = attrs.field(validator=_matches("kind"))
    name: str = attrs.field(validator=_matches("name"))
    target: str = attrs.field(validator=_matches("target"))
    summary: str = attrs.field(validator=_one_line)
    examples: str | None = attrs.field(default=None, validator=_matches("target", optional=True))
    reference: str | None = None
    suffixes: tuple[str, ...] = attrs.field(default=(), converter=_suffixes)
    known_failures: Mapping[str, str] = attrs.field(factory=dict, converter=dict, hash=False)

    @property
    def pack(self) -> str:
        """The prefix of the name."""
        return self.name.partition(".")[0]


@attrs.frozen
class Kind:
    """A role that components play, with the protocol (``"module:attribute"``) that states its calls.

    ``checks`` names a :class:`wellposed.testing.KindChecks`: what the conformance kit verifies of the kind.
    """

    name: str = attrs.field(validator=_matches("kind"))
    summary: str = attrs.field(validator=_one_line)
    protocol: str | None = attrs.field(default=None, validator=_matches("target", optional=True))
    checks: str | None = attrs.field(default=None, validator=_matches("target", optional=True))


@attrs.frozen
class Command:
    """A command ``wellposed NAME``; ``target`` is a ``click.Command``, imported when it runs."""

    name: str = attrs.field(validator=_matches("word"))
    target: str = attrs.field(validator=_matches("target"))
    summary: str = attrs.field(validator=_one_line)


@attrs.frozen
class ReportSection:
    """A section of the HTML report; ``target`` is ``f(run) -> str`` of HTML (empty: nothing to say).

    Sections are sorted by ``order``, then by name; the built-in ones use 0 to 100.
    """

    name: str = attrs.field(validator=_matches("name"))
    target: str = attrs.field(validator=_matches("target"))
    summary: str = attrs.field(validator=_one_line)
    order: int = 100


class Hooks:
    """Every hook a pack may implement, all of them optional.

    The first four are asked once, at discovery. The ``on_…`` hooks are events: return values are ignored
    and an exception becomes a warning, because an observer must not spoil a run.
    """

    @hookspec
    def components(self) -> Iterable[Component]:  # type: ignore[empty-body]
        """Yield the components that this pack offers, readers and writers included."""

    @hookspec
    def kinds(self) -> Iterable[Kind]:  # type: ignore[empty-body]
        """Yield kinds that this pack adds to those of the core."""

    @hookspec
    def commands(self) -> Iterable[Command]:  # type: ignore[empty-body]
        """Yield commands that this pack adds to ``wellposed`` on the command line."""

    @hookspec
    def report_sections(self) -> Iterable[ReportSection]:  # type: ignore[empty-body]
        """Yield sections that this pack adds to the HTML report of a run."""

    @hookspec
    def on_run_start(self, run: Any) -> None:
        """Hear that a run (reconstruct, compare, demo, train) begins; ``run`` describes it."""

    @hookspec
    def on_method_start(self, run: Any, method: str) -> None:
        """Hear that ``method`` (a component's name) starts within ``run``."""

    @hookspec
    def on_method_done(self, run: Any, method: str, result: Any) -> None:
        """Hear that ``method`` finished with ``result``."""

    @hookspec
    def on_run_done(self, run: Any, error: BaseException | None) -> None:
        """Hear that the run ended; ``error`` is what stopped it, or ``None``."""


RECORDS: Mapping[str, type] = {
    "components": Component,
    "kinds": Kind,
    "commands": Command,
    "report_sections": ReportSection,
}
"""Which record each asking hook yields."""
