"""``wellposed mri info FILE``: what a raw file holds, and what reconstructing it will take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.group("mri")
def command() -> None:
    """Look into raw MRI files."""


@command.command("info")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(file: Path, as_json: bool) -> None:
    """Say what FILE holds: encoding, coils, trajectory, and memory and time that a reconstruction takes.

    Only headers are read, except that one Fourier transform is timed.
    """
    from wellposed_mri.files.facts import describe

    facts = describe(file)
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
