"""``wellposed run``: a configuration in, a table and a report out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from wellposed.cli._output import examples, json_option

_OUTPUT = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Folder; [run] output or NAME-results if left out.",
)


@click.command(
    "run",
    epilog=examples(
        "wellposed run experiment.toml",
        "wellposed run experiment.toml --output results --seed 1",
        "wellposed run experiment.toml --resume",
    ),
)
@click.argument("config", type=click.Path(path_type=Path))
@_OUTPUT
@click.option("--seed", type=int, help="Of kernel and noise; [run] seed or 0 if left out.")
@click.option("--force", is_flag=True, help="Replace earlier results.")
@click.option("--resume", is_flag=True, help="Finish an interrupted run: keep what is done.")
@json_option
def command(
    config: Path, output: Path | None, seed: int | None, force: bool, resume: bool, as_json: bool
) -> int:
    """Simulate, reconstruct and compare as the file CONFIG says.

    CONFIG (TOML, YAML or JSON) names components: an image, a physics, noise, and the methods to compare.
    `wellposed demo --config` prints one to start from. All mistakes of the file are listed at once, with
    exit code 4; exit code 1 when a method fails.
    """
    from wellposed.cli._carry_out import carry_out, exclusive
    from wellposed.runs import planned

    exclusive(force, resume)
    given: dict[str, Any] = {} if seed is None else {"seed": seed}
    run, table = planned(config, **given)
    where = output or Path(table.get("output", f"{config.stem}-results"))
    return carry_out(run, where, force=force, resume=resume, as_json=as_json)
