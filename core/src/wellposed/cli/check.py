"""``wellposed check``: the conformance kit from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from wellposed import registry
from wellposed.cli._exit import FAILED, OK
from wellposed.cli._output import examples, json_option, print_json
from wellposed.errors import RegistryError

if TYPE_CHECKING:
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

    A pack's name stands for all of its components. Exit code 1 when a check fails; each failure prints
    one line that reproduces it.
    """
    wanted = [name for word in names for name in _expand(word)]
    check = _checker()
    reports = []
    for name in wanted:
        report = check(name, seed=seed, checks=checks or None)
        reports.append(report)
        if not as_json:
            click.echo(str(report))
    if as_json:
        print_json([_data(report) for report in reports])
    return OK if all(report.ok for report in reports) else FAILED


def _expand(word: str) -> list[str]:
    if "." in word:
        return [registry.default().component(word).name]
    found = registry.components(pack=word)
    if not found:
        raise RegistryError(f"Pack {word!r} has no components to check.")
    return [component.name for component in found]


def _checker() -> Any:
    try:
        from wellposed.testing import check
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("wellposed"):
            raise
        raise RegistryError(
            f'`wellposed check` needs {error.name}: pip install "wellposed[testing]"'
        ) from error
    return check


def _data(report: Report) -> dict[str, Any]:
    rows = [
        {"check": r.check, "ok": r.ok, "status": r.status, "message": r.message, "reproduce": r.reproduce}
        for r in report.results
    ]
    return {"component": report.component, "ok": report.ok, "results": rows}
