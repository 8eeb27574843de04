"""Who wants to see a run while it goes: a progress bar, a notebook, a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wellposed.runs._values import Method, Outcome, Run


class Listener:
    """Hears how a run goes; every method may be overridden, and none does anything here."""

    def run_starts(self, run: Run) -> None:
        """Hear of a run about to begin."""

    def method_starts(self, method: Method, iterations: int | None) -> None:
        """Hear that ``method`` starts, with the most iterations it may take where it says so."""

    def iteration(self, method: Method, count: int) -> None:
        """Hear that ``method`` finished iteration ``count``."""

    def method_ends(self, method: Method, outcome: Outcome, resumed: bool) -> None:
        """Hear what came out; ``resumed`` where it was read from an earlier, interrupted run."""
