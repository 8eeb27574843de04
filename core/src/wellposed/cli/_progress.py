"""Progress on the terminal: one line a method, with its iterations and the time left; silent in a pipe."""

from __future__ import annotations

import contextlib
import sys
import time
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
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", style="dim"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield Bars(bars)


class Bars(Listener):
    """A bar per method; one that does not tell its iterations pulses."""

    def __init__(self, bars: Progress) -> None:
        self.bars = bars
        self.task: TaskID | None = None
        self.total: int | None = None
        self.since = 0.0

    def method_starts(self, method: Method, iterations: int | None) -> None:
        """Show the method."""
        from wellposed.runs._recording import reports_iterations

        self.total = iterations if reports_iterations(method.model) else None
        self.since = time.monotonic()
        self.task = self.bars.add_task(method.label, total=self.total, left="")

    def iteration(self, method: Method, count: int) -> None:
        """Move its bar, and say how long the rest will take at this pace."""
        if self.task is not None and self.total:
            rest = (time.monotonic() - self.since) / count * (self.total - count)
            left = f"iteration {count} of {self.total}, at most {_duration(rest)} left"
            self.bars.update(self.task, completed=count, left=left)

    def method_ends(self, method: Method, outcome: Outcome, resumed: bool) -> None:
        """Leave a line that says how it went."""
        if self.task is not None:
            self.bars.remove_task(self.task)
        word = "kept from before" if resumed else "failed" if outcome.error else "done"
        seconds = "" if outcome.seconds is None or resumed else f" in {_duration(outcome.seconds)}"
        self.bars.console.print(f"{method.label} {word}{seconds}", style="dim", highlight=False)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
