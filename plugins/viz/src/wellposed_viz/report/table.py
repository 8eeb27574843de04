"""The table of scores: which numbers are best, and how settings read."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from wellposed_viz.entries import Entry

_HIGHER_IS_BETTER = {"psnr": True, "ssim": True, "seconds": False}


@attrs.frozen
class Row:
    """One method, with the names of the columns in which it is the best."""

    entry: Entry
    best: frozenset[str]
    settings: str


def rows(entries: Iterable[Entry]) -> list[Row]:
    """Return one row per entry in the given order; the measured input is never best, ties all are.

    A time is the best only among several.
    """
    listed = list(entries)
    winners = {column: _best(listed, column) for column in _HIGHER_IS_BETTER}
    return [
        Row(
            entry,
            frozenset(c for c, best in winners.items() if not entry.is_input and getattr(entry, c) == best),
            ", ".join(f"{name} = {value}" for name, value in entry.settings.items()),
        )
        for entry in listed
    ]


def _best(entries: list[Entry], column: str) -> float:
    values = [getattr(e, column) for e in entries if not e.is_input]
    known = [v for v in values if v is not None and v == v]
    if not known or (column == "seconds" and len(known) == 1):  # a time alone is neither short nor long
        return float("nan")  # equals nothing
    return float(max(known) if _HIGHER_IS_BETTER[column] else min(known))
