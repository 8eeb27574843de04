"""The outcome of a conformance run, for a notebook, a terminal and a test alike."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Literal

import attrs

from wellposed.errors import ConformanceError

Status = Literal["passed", "failed", "skipped", "expected"]


@attrs.frozen
class Result:
    """What one check found: ``message`` says what is wrong (or why the check did not apply).

    ``status`` is ``"passed"``, ``"failed"``, ``"skipped"`` (does not apply; ``message`` says why) or
    ``"expected"`` (a failure that was declared, with its reason). ``reproduce`` is one line to paste.
    """

    check: str
    status: Status
    message: str = ""
    reproduce: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether this result leaves the component conformant."""
        return self.status != "failed"


def _tuple(results: Iterable[Result]) -> tuple[Result, ...]:
    return tuple(results)


@attrs.frozen
class Report:
    """Every result of one component, in the order in which the checks ran."""

    component: str
    kind: str
    results: tuple[Result, ...] = attrs.field(converter=_tuple)
    seed: int = 0
    where: str = ""

    @property
    def ok(self) -> bool:
        """Whether no check failed unexpectedly."""
        return all(r.ok for r in self.results)

    @property
    def failures(self) -> tuple[Result, ...]:
        """The results that failed."""
        return tuple(r for r in self.results if not r.ok)

    @property
    def failed(self) -> frozenset[str]:
        """Names of the checks that failed."""
        return frozenset(r.check for r in self.failures)

    def __getitem__(self, check: str) -> Result:
        """Return the result of one check by its name; :class:`KeyError` if it was not run."""
        for result in self.results:
            if result.check == check:
                return result
        raise KeyError(
            f"no result of a check {check!r}; there are: {', '.join(r.check for r in self.results)}"
        )

    def raise_for_failures(self) -> None:
        """Raise :class:`~wellposed.errors.ConformanceError` with the whole report unless it is ok."""
        if not self.ok:
            raise ConformanceError(str(self))

    def _count(self, status: Status) -> int:
        return sum(r.status == status for r in self.results)

    @property
    def title(self) -> str:
        """One line: what was checked, where, and the counts."""
        parts = [f"{self._count('passed')} passed"]
        parts += [f"{n} {word}" for status, word in _COUNTED if (n := self._count(status))]
        where = f" on {self.where}" if self.where else ""
        return f"{self.component} ({self.kind}){where}: {', '.join(parts)}"

    def __str__(self) -> str:
        """Return the title, every failure with the way to reproduce it, and the rest in brief."""
        lines = [self.title]
        for r in self.results:
            if r.status == "failed":
                lines += [f"  FAILED {r.check}: {r.message}", f"         reproduce: {r.reproduce}"]
            elif r.status == "expected":
                lines.append(f"  known failure {r.check}: {r.message}")
        passed = [r.check for r in self.results if r.status == "passed"]
        lines += [f"  passed: {', '.join(passed)}"] if passed else []
        lines += [f"  skipped, {reason}: {', '.join(names)}" for reason, names in self._skipped().items()]
        return "\n".join(lines)

    def _skipped(self) -> dict[str, list[str]]:
        reasons: dict[str, list[str]] = {}
        for r in self.results:
            if r.status == "skipped":
                reasons.setdefault(r.message, []).append(r.check)
        return reasons

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{_MARK[r.status]}</td><td><code>{html.escape(r.check)}</code></td>"
            f"<td style='text-align:left'>{html.escape(r.message)}"
            + (f"<br><code>{html.escape(r.reproduce)}</code>" if r.status == "failed" else "")
            + "</td></tr>"
            for r in self.results
        )
        return f"<p><b>{html.escape(self.title)}</b></p><table>{rows}</table>"


_COUNTED: tuple[tuple[Status, str], ...] = (
    ("failed", "FAILED"),
    ("expected", "known failures"),
    ("skipped", "skipped"),
)
_MARK: dict[Status, str] = {"passed": "✓", "failed": "✗", "skipped": "–", "expected": "⚠"}
