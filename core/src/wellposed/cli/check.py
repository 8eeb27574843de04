"""``wellposed check``: the conformance kit from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import click

from wellposed import registry
from wellposed.cli._exit import FAILED, MISSING, OK
from wellposed.cli._output import examples, json_option, print_json
from wellposed.errors import ParameterError, RegistryError
from wellposed.nearest import did_you_mean

if TYPE_CHECKING:
    from wellposed.registry import PackFailure
    from wellposed.testing import Report


@click.command(
    "check",
    epilog=examples(
        "wellposed check deblurring.blur",
        "wellposed check mypack",
        "wellposed check mypack.tilt --seed 7 --json",
    ),
)
@click.argument("names", nargs=-1, required=True, metavar="NAME|PACK...")
@click.option("--seed", type=int, default=0, show_default=True, help="Repeat a run with its seed.")
@click.option("--check", "checks", multiple=True, metavar="CHECK", help="Run only this check (repeatable).")
@json_option
def command(names: tuple[str, ...], seed: int, checks: tuple[str, ...], as_json: bool) -> int:
    """Check that components keep their promises: adjoints, structure, batches, gradients.

    A pack's name stands for all of its components, and for what the pack could not register. One that
    breaks is reported and the others go on. Exit code 1 when a check fails, 3 when nothing could be
    checked; each failure prints one line that reproduces it. Needs hypothesis: the extra wellposed[testing].
    """
    from wellposed.testing.construct import require_hypothesis

    require_hypothesis("`wellposed check`")
    found, broken = _found(names)
    if checks and len(found) > 1:
        found = _having(found, checks)
    reports = []
    for report in chain(broken, _checked(found, seed, checks, alone=len(found) + len(broken) == 1)):
        reports.append(report)
        if not as_json:
            click.echo(str(report))
    if as_json:
        print_json([_data(report) for report in reports])
    elif len(reports) > 1:
        click.echo(_sum(reports))
    if not found:
        return MISSING
    return OK if all(report.ok for report in reports) else FAILED


def _found(words: tuple[str, ...]) -> tuple[list[str], list[Report]]:
    """Return the components that ``words`` name, and a report of each thing that is not available."""
    names: list[str] = []
    broken: list[Report] = []
    for word in words:
        try:
            names += _expand(word)
        except RegistryError as error:
            if len(words) == 1 and not _failures(word):
                raise
            if not _failures(word):
                broken.append(_unavailable(word, str(error)))
        broken += [_unavailable(f.item or f.pack, str(f)) for f in _failures(word)]
    return names, broken


def _having(names: list[str], checks: tuple[str, ...]) -> list[str]:
    """Return the components whose kind has all ``checks``, each of which some kind must have."""
    from wellposed.testing import checks_of
    from wellposed.testing.construct import CONSTRUCTS

    known = {
        name: {CONSTRUCTS, *(check.name for check in checks_of(registry.default().component(name).kind))}
        for name in names
    }
    everything = set().union(*known.values())
    for check in checks:
        if check not in everything:
            raise ParameterError(
                f"there is no check {check!r} here.{did_you_mean(check, sorted(everything))}"
            )
    return [name for name in names if known[name].issuperset(checks)]


def _expand(word: str) -> list[str]:
    if "." in word:
        return [registry.default().component(word).name]
    found = registry.components(pack=word)
    if not found:
        raise RegistryError(f"Pack {word!r} has no components to check.")
    return [component.name for component in found]


def _failures(pack: str) -> list[PackFailure]:
    return [failure for failure in registry.failures() if failure.pack == pack]


def _unavailable(name: str, cause: str) -> Report:
    from wellposed.testing import Report, Result

    return Report(name, "not available", [Result("loads", "failed", cause, "wellposed doctor")])


def _checked(names: list[str], seed: int, checks: tuple[str, ...], *, alone: bool) -> Iterator[Report]:
    from wellposed.testing import Report, Result, check

    for name in names:
        try:
            yield check(name, seed=seed, checks=checks or None)
        except Exception as error:  # one component must not end the check of the others
            if alone:
                raise
            text = f"it cannot be checked: {type(error).__name__}: {error}"
            again = f"wellposed check {name} --seed {seed}"
            kind = registry.default().component(name).kind
            yield Report(name, kind, [Result("runs", "failed", text, again)], seed)


def _sum(reports: list[Report]) -> str:
    failed = [report.component for report in reports if not report.ok]
    good = len(reports) - len(failed)
    return f"{good} of {len(reports)} passed" + (f"; FAILED: {', '.join(failed)}" if failed else "")


def _data(report: Report) -> dict[str, Any]:
    rows = [
        {"check": r.check, "ok": r.ok, "status": r.status, "message": r.message, "reproduce": r.reproduce}
        for r in report.results
    ]
    return {"component": report.component, "ok": report.ok, "results": rows}
