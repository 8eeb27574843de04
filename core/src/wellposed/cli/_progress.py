"""Progress on the terminal: one line a method, with its iterations and the time left; silent in a pipe."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from wellposed.runs import Listener, Method, Outcome

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


@contextlib.contextmanager
def progress() -> Iterator[Listener]:
    """Yield a listener that draws on standard error, or one that does nothing where that is no terminal."""
    if not sys.stderr.isatty():
        yield Listener()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield Bars(bars)


class Bars(Listener):
    """A bar per method; one that does not tell its iterations pulses."""

    def __init__(self, bars: Progress) -> None:
        self.bars = bars
        self.task: TaskID | None = None

    def method_starts(self, method: Method, iterations: int | None) -> None:
        """Show the method."""
        from wellposed.runs._recording import reports_iterations

        total = iterations if reports_iterations(method.model) else None
        self.task = self.bars.add_task(method.label, total=total)

    def iteration(self, method: Method, count: int) -> None:
        """Move its bar."""
        if self.task is not None:
            self.bars.update(self.task, completed=count)

    def method_ends(self, method: Method, outcome: Outcome, resumed: bool) -> None:
        """Leave a line that says how it went."""
        if self.task is not None:
            self.bars.remove_task(self.task)
        word = "kept" if resumed else "failed" if outcome.error else "done"
        seconds = "" if outcome.seconds is None else f" in {outcome.seconds:.1f} s"
        self.bars.console.print(f"{method.label} {word}{seconds}", style="dim", highlight=False)
