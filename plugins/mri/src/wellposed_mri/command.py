"""``wellposed mri info FILE``: what a raw file holds, and what reconstructing it will take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.group("mri")
def command() -> None:
    """Look into raw MRI files."""


@command.command("info")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--reader",
    metavar="NAME[:KEY=VALUE,…]",
    help="How FILE is read; by its ending if left out (`wellposed list reader`).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(file: Path, reader: str | None, as_json: bool) -> None:
    """Say what FILE holds: encoding, coils, trajectory, and memory and time that a reconstruction takes.

    Only headers are read; then a few iterations on noise of the same size are timed.
    """
    from wellposed.cli.components import component
    from wellposed_mri.files.facts import describe

    facts = describe(file, None if reader is None else component(reader, "reader", "--reader"))
    if as_json:
        import json

        click.echo(json.dumps(facts))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name:<{width}}  {_text(value)}")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " × ".join(f"{v:g}" for v in value) if isinstance(value, list) else str(value)
