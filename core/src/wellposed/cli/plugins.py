"""``wellposed plugins``: the packs, those that failed included."""

from __future__ import annotations

from typing import Any

import click

from wellposed import registry
from wellposed.cli._output import examples, json_option, print_json, print_table
from wellposed.registry import KNOWN, PackFailure, Registry


@click.command(
    "plugins",
    epilog=examples(
        "wellposed plugins", "wellposed plugins --json", "WELLPOSED_DISABLE_PLUGINS=ct wellposed plugins"
    ),
)
@json_option
def command(as_json: bool) -> None:
    """List the installed packs, what failed to load, and what could be installed."""
    found = registry.default()
    if as_json:
        print_json(as_data(found))
        return
    rows = [(p.name, f"{p.dist} {p.version}", f"{len(p.components)} components") for p in found.packs]
    rows += [(f.pack, f"{f.dist} {f.version}", f"failed at {f.stage}: {f.cause}") for f in whole(found)]
    rows += [(pack, "", f"kept out by {switch}") for pack, switch in found.disabled.items()]
    print_table(("pack", "distribution", "state"), rows)
    absent = sorted(KNOWN.keys() - {row[0] for row in rows})
    if absent:
        click.echo(f'Not installed: {", ".join(absent)}. pip install "wellposed[PACK]" adds one.')


def whole(found: Registry) -> list[PackFailure]:
    """Return the failures of whole packs, leaving out those of single records."""
    return [failure for failure in found.failures if failure.item is None]


def as_data(found: Registry) -> dict[str, Any]:
    """Return packs, failures and switches as plain data."""
    return {
        "packs": [
            {
                "name": p.name,
                "dist": p.dist,
                "version": p.version,
                "components": [c.name for c in p.components],
            }
            for p in found.packs
        ],
        "failures": [failure_data(failure) for failure in found.failures],
        "disabled": dict(found.disabled),
    }


def failure_data(failure: PackFailure) -> dict[str, str | None]:
    """Return a failure as plain data."""
    return {
        "pack": failure.pack,
        "dist": failure.dist,
        "version": failure.version,
        "stage": failure.stage,
        "item": failure.item,
        "cause": failure.cause,
        "fix": failure.fix,
    }
