"""The table of a run in the terminal."""

from __future__ import annotations

import math
from typing import Any

from wellposed.runs import Outcome, Run

_DIGITS = {"psnr": 2, "ssim": 3}


def print_scores(run: Run) -> None:
    """Print one row per outcome, the best of each column in bold; errors below."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    columns = [m for m in run.metrics if any(o.scores.get(m) is not None for o in run.outcomes)]
    grid = Table(box=SIMPLE_HEAD, pad_edge=False, title=Text(run.title, style="bold"), title_justify="left")
    grid.add_column("method", no_wrap=True)
    for column in (*columns, "seconds"):
        grid.add_column(_heading(column), justify="right", no_wrap=True)
    best = {column: _best(run, column) for column in columns}
    for outcome in run.outcomes:
        cells = [_cell(outcome, column, best[column]) for column in columns]
        dim = "dim" if outcome.is_input else ""
        grid.add_row(Text(outcome.method, style=dim), *cells, Text(_seconds(outcome)), style=dim)
    console = Console()
    console.print(grid)
    for outcome in run.failed:
        console.print(Text(f"✗ {outcome.method}: {outcome.error}", style="red"))


def _heading(column: str) -> str:
    return {"psnr": "PSNR (dB)", "ssim": "SSIM"}.get(column, column)


def _cell(outcome: Outcome, column: str, best: float | None) -> Any:
    from rich.text import Text

    value = outcome.scores.get(column)
    text = "–" if value is None or math.isnan(value) else f"{value:.{_DIGITS.get(column, 4)}f}"
    return Text(text, style="bold green" if value is not None and value == best else "")


def _best(run: Run, column: str) -> float | None:
    values = [o.scores.get(column) for o in run.outcomes if not o.is_input]
    known = [v for v in values if v is not None and not math.isnan(v)]
    if not known:
        return None
    return max(known) if getattr(run.metrics[column], "higher_is_better", True) else min(known)


def _seconds(outcome: Outcome) -> str:
    if outcome.seconds is None:
        return "–"
    return f"{outcome.seconds:.2f}"
