"""The page in the documentation, drawn from a group's results: tables, where we lose, pictures."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from bench.pictures import curves, ratios
from bench.running import Row, met, section_of

DIGITS = 4


def rounded(value: Any) -> Any:
    """Return results with every float to four significant digits: more would be noise."""
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()} | _ratio_of_rounded(value)
    if isinstance(value, list):
        return [rounded(v) for v in value]
    return _significant(value) if isinstance(value, float) else value


def _ratio_of_rounded(row: dict[str, Any]) -> dict[str, float]:
    # So that a reader who divides two columns finds the third.
    if "ours_ms" not in row:
        return {}
    ours, peer = _significant(row["ours_ms"]), _significant(row["peer_ms"])
    return {"ratio": _significant(ours / peer)}


def _significant(x: float) -> float:
    return float(f"{x:.{DIGITS}g}") if math.isfinite(x) else x


def write(results: dict[str, Any], folder: Path) -> None:
    """Write ``<group>.md`` and its pictures into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files(results).items():
        (folder / name).write_text(text)


def files(results: dict[str, Any]) -> dict[str, str]:
    """Return the page and its pictures by file name."""
    group, rows = results["group"], results["rows"]
    found = {f"{group}.md": markdown(results), f"{group}-ratios.svg": ratios(rows)}
    if any(r["curve"] for r in rows):
        found[f"{group}-growth.svg"] = curves(rows)
    return found


def markdown(results: dict[str, Any]) -> str:
    """Return the page."""
    group, rows = results["group"], results["rows"]
    parts = [
        "---\norphan: true\n---",
        f"<!-- Drawn from bench/results/{group}.json by `python -m bench page`; do not edit. -->",
        f"# Benchmarks: {group}",
        _preface(results),
        f"![Ratio of our time to the peer's, by case]({group}-ratios.svg)",
        "## Where we lose",
        _losses(rows),
    ]
    for section, members in groupby(rows, key=lambda r: section_of(r["case"])):
        parts += [f"## {section.capitalize()}", _table(list(members))]
        if section == "growth":
            parts.append(f"![Time over size]({group}-growth.svg)")
    return "\n\n".join(parts) + "\n"


def _preface(results: dict[str, Any]) -> str:
    machine, versions = results["machine"], results["versions"]
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"Measured on {results['date']} on {machine['cores']} cores of a machine with {machine['cpu']}, "
        f"{machine['system']}, Python {machine['python']}: {named}.\n\n"
        "Times are medians; both sides of a row ran in turns in one process, with equal numbers of threads, "
        "after a warm-up; samples during which another program took the processor are not counted. The ratio "
        "is ours / peer: below 1 we are faster. *Difference* is the relative distance of the results. "
        "MiB is how far one call raises resident memory. Absolute times drift from machine to machine; "
        f"reproduce them with `make bench GROUP={results['group']}`."
    )


def _losses(rows: list[Row]) -> str:
    missed = [r for r in rows if met(r) is False]
    slower = [r for r in rows if met(r) is None and r["ratio"] > 1]
    lines = [f"- **{r['case']}** misses its target: {_asked(r)}." for r in missed]
    lines += [f"- {r['case']}: {r['ratio']:#.3g} × {_peer(r)} (nothing was asked)." for r in slower]
    return (
        "\n".join(lines)
        or "Every target of this group is met, and no case without one is slower than its peer."
    )


def _asked(row: Row) -> str:
    if row["target"] is not None:
        return f"{row['ratio']:#.3g} × {_peer(row)}, asked for {row['target']:.3g} ×"
    return f"{_time(row['excess_ms'])} more than {_peer(row)}, asked for {_time(row['excess_target_ms'])}"


def _peer(row: Row) -> str:
    return str(row["peer"]).replace("|", r"\|")


def _table(rows: list[Row]) -> str:
    head = "| case | ours | peer | ours | peer | ratio | asked | | difference | MiB | threads |"
    lines = [head, "|---|---|---|--:|--:|--:|--:|---|--:|--:|--:|"]
    lines += [_line(r) for r in rows]
    notes = dict.fromkeys(r["note"] for r in rows if r["note"])
    return "\n".join(lines) + "".join(f"\n\n{note[0].upper()}{note[1:]}." for note in notes)


def _line(row: Row) -> str:
    mark = {None: "", True: "✓", False: "✗"}[met(row)]
    asked = "" if row["target"] is None else f"≤ {row['target']:.3g}"
    if row["excess_target_ms"] is not None:
        asked = f"{_time(row['excess_ms'])} of ≤ {_time(row['excess_target_ms'])} more"
    cells: Iterable[str] = (
        row["case"].partition(": ")[2], row["ours"], _peer(row), _time(row["ours_ms"]), _time(row["peer_ms"]),
        f"{row['ratio']:#.3g}", asked, mark, f"{row['accuracy']:.1g}",
        f"{_mib(row['ours_mib'])} / {_mib(row['peer_mib'])}", str(row["threads"]),
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _time(ms: float) -> str:
    if abs(ms) < 0.1:
        return f"{ms * 1e3:.2f} µs"
    return f"{ms:.3g} ms" if abs(ms) < 1000 else f"{ms / 1e3:.3g} s"


def _mib(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
