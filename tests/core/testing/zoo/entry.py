"""How the zoo is kept: every wrong component names the check that must catch it, and the diagnosis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs


@attrs.frozen
class Entry:
    name: str
    make: Callable[[], Any]
    check: str = ""
    message: str = ""
    options: dict[str, Any] = attrs.field(factory=dict)


@attrs.define
class Cage:
    """Collects the entries of one module; ``options`` go to ``check``."""

    options: dict[str, Any] = attrs.field(factory=dict)
    entries: list[Entry] = attrs.field(factory=list)

    def wrong(self, check: str, message: str, make: Callable[..., Any] | None = None, **options: Any) -> Any:
        """Enter the decorated class: it must fail ``check`` with ``message`` (a pattern), and no other."""

        def enter(cls: Any) -> Any:
            build = cls if make is None else (lambda: make(cls))
            self.entries.append(Entry(cls.__name__, build, check, message, self.options | options))
            return cls

        return enter

    def right(self, name: str, make: Callable[[], Any], **options: Any) -> None:
        """Enter something that must pass every check."""
        self.entries.append(Entry(name, make, options=self.options | options))
