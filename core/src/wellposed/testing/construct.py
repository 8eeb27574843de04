"""The first check of a registered component: its examples can be drawn, and its constructor takes them."""

from __future__ import annotations

import re
import traceback
from collections.abc import Collection, Iterator
from pathlib import Path

from wellposed.errors import RegistryError, WellposedError
from wellposed.plugins import Component
from wellposed.registry import Registry
from wellposed.testing.engine import closure
from wellposed.testing.example import Example
from wellposed.testing.report import Result
from wellposed.testing.table import checks_of

CONSTRUCTS = "constructs"
_TAKEN = re.compile(r"attribute '(\w+)' already exists|property '(\w+)' of .* has no setter")


def examples_of(name: str, seed: int, registry: Registry, max_examples: int) -> list[Example]:
    """Return examples of a registered component: drawn from its strategy, or its defaults."""
    record = registry.component(name)
    if record.examples is None:
        return [Example()]
    from wellposed.testing.strategies import draw, resolve

    return draw(resolve(record.examples, name)(), seed, max_examples)


def require_hypothesis(subject: str) -> None:
    """Raise :class:`RegistryError` with the line that installs what the kit draws examples with."""
    try:
        import hypothesis  # noqa: F401
    except ModuleNotFoundError as error:
        raise RegistryError(f'{subject} needs {error.name}: pip install "wellposed[testing]"') from error


def not_constructed(
    record: Component, error: Exception, wanted: Collection[str] | None, registry: Registry
) -> list[Result]:
    """Return the failed check, and each other one as not run."""
    others = checks_of(record.kind, registry)
    chosen = closure(others, None if wanted is None else [n for n in wanted if n != CONSTRUCTS])
    skipped = f"not run, since {CONSTRUCTS} failed"
    failed = Result(CONSTRUCTS, "failed", _what_happened(record, error))
    return [failed, *(Result(check.name, "skipped", skipped) for check in others if check.name in chosen)]


def _what_happened(record: Component, error: Exception) -> str:
    chain = list(_causes(error))
    own = record.target.partition(":")[0].partition(".")[0]
    where = next((frame for e in reversed(chain) if (frame := _own_frame(e, own))), "")
    text = str(error) if isinstance(error, WellposedError) else f"{type(error).__name__}: {error}"
    hint = _hint(record, chain)
    return f"{text}{' at ' + where if where else ''}{'. ' + hint if hint else ''}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    following: BaseException | None = error
    while following is not None:
        yield following
        following = following.__cause__


def _own_frame(error: BaseException, package: str) -> str:
    """Return the innermost ``file:line`` of the component's own package: those below are not its author's."""
    found = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] == package:
            path = Path(frame.f_code.co_filename)
            found = f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}:{line}"
    return found


def _hint(record: Component, chain: list[BaseException]) -> str:
    taken = next((match for e in chain if (match := _TAKEN.search(str(e)))), None)
    if taken:
        name = taken[1] or taken[2]
        return f"{name!r} is a name of the base class; give the argument and its buffer another one."
    if any("before Module.__init__() call" in str(e) for e in chain):
        return "Call super().__init__(…) first in the constructor."
    if record.examples is None:
        return "Its record names no examples, so it is made with no arguments; give it some by examples=."
    return ""
