"""Running a group: every section of cases in a process of its own, one row per case.

A process of its own keeps the sections' OpenMP runtimes, caches and imports apart; within a case both sides
share everything, and take turns.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from itertools import groupby
from typing import Any

import attrs

from bench import groups
from bench.case import Case
from bench.machine import machine, versions
from bench.measure import compare

Row = dict[str, Any]


def run_group(group: str, seconds: float, only: str = "") -> dict[str, Any]:
    """Return the results of a group; ``only`` selects cases whose name contains it."""
    chosen = [c for c in groups.cases(group) if only in c.name]
    rows: list[Row] = []
    for section, members in groupby(chosen, key=lambda c: (section_of(c.name), c.threads)):
        rows += _in_process(group, [c.name for c in members], seconds, section[1])
    return {
        "group": group,
        "schema": 1,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine(),
        "versions": versions(),
        "rows": rows,
    }


def section_of(name: str) -> str:
    """Return the part of a case's name before the colon."""
    return name.partition(":")[0]


def _in_process(group: str, names: list[str], seconds: float, threads: int) -> list[Row]:
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-m", "bench", "worker", group, str(seconds), *names]
    rows = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if not line.startswith("{"):
                continue
            rows.append(json.loads(line))
            print(summary(rows[-1]), file=sys.stderr, flush=True)
    if process.returncode:
        raise SystemExit(f"the benchmark of {names[len(rows)]!r} failed; its error is above")
    return rows


def work(group: str, seconds: float, names: list[str]) -> None:
    """Measure the named cases here and print a row for each."""
    by_name = {c.name: c for c in groups.cases(group)}
    for name in names:
        print(json.dumps(measure_case(by_name[name], seconds)), flush=True)


def measure_case(case: Case, seconds: float) -> Row:
    """Return the row of one case."""
    if not case.external:
        import torch

        torch.set_num_threads(case.threads)
    sides = case.prepare()
    if not sides.accuracy <= case.tolerance:
        raise SystemExit(
            f"{case.name}: the two sides differ by {sides.accuracy:.2g}, more than {case.tolerance:g}; "
            "they do not compute the same thing, so their times say nothing."
        )
    timing = compare(sides, seconds, case.external)
    row: Row = {
        "case": case.name,
        "ours": case.ours,
        "peer": case.peer,
        "ratio": timing.ours_ms / timing.peer_ms,
        "target": case.target,
        "excess_ms": timing.ours_ms - timing.peer_ms,
        "excess_target_ms": case.excess_target_ms,
        "accuracy": sides.accuracy,
        "threads": case.threads,
        "versions": versions(),
        "note": case.note,
        "curve": case.curve,
        "x": case.x,
    }
    return row | attrs.asdict(timing)


def met(row: Row) -> bool | None:
    """Whether a row reaches what was asked; ``None`` where nothing was."""
    asked = [
        row[value] <= row[limit]
        for value, limit in (("ratio", "target"), ("excess_ms", "excess_target_ms"))
        if row[limit] is not None
    ]
    return all(asked) if asked else None


def summary(row: Row) -> str:
    """Return one line about a row, for a terminal."""
    word = {None: "", True: "met", False: "MISSED"}[met(row)]
    asked = f"target {row['target']:g}" if row["target"] is not None else ""
    if row["excess_target_ms"] is not None:
        asked = f"excess {row['excess_ms']:.4g} ms of {row['excess_target_ms']:g}"
    return (
        f"{row['case']:58} {row['ours_ms']:10.4g} / {row['peer_ms']:10.4g} ms = {row['ratio']:6.3f}  "
        f"{asked} {word}"
    )
