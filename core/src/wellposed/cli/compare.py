"""``wellposed compare``: methods side by side on one measurement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from wellposed.cli._output import examples, json_option
from wellposed.cli._problem import problem_options


@click.command(
    "compare",
    epilog=examples(
        "wellposed compare measured.safetensors -m optim.tv -m deblurring.wiener -o comparison",
        "wellposed compare measured.safetensors -m optim.tv:weight=1e-3 -m optim.tv:weight=1e-2 -o weights",
        "wellposed compare photo.png --kernel kernel.png -m optim.tv -m optim.pnp -o comparison",
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-m",
    "--method",
    "methods",
    multiple=True,
    required=True,
    metavar="NAME[:KEY=VALUE,…]",
    help="(repeatable)",
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The folder to write.")
@click.option("--reference", type=click.Path(path_type=Path), help="The sharp picture, for scores.")
@click.option("--title", help="Of the report.")
@problem_options
@click.option("--force", is_flag=True, help="Replace earlier results.")
@click.option("--resume", is_flag=True, help="Finish an interrupted comparison: keep what is done.")
@json_option
def command(
    file: Path,
    methods: tuple[str, ...],
    output: Path,
    reference: Path | None,
    title: str | None,
    force: bool,
    resume: bool,
    as_json: bool,
    **problem: Any,
) -> int:
    """Reconstruct FILE by several methods and write a table, pictures and a report into a folder.

    FILE is a measurement of `wellposed simulate`, or a photo with --kernel. All methods get the same data,
    physics and noise. Exit code 1 when a method fails; the others are kept.
    """
    from wellposed import registry as registries
    from wellposed.cli._carry_out import carry_out, exclusive
    from wellposed.cli._params import create_method
    from wellposed.cli._problem import measured, pack_of, with_reference
    from wellposed.runs import Run

    exclusive(force, resume)
    registry = registries.default()
    made = [create_method(text, {}, registry) for text in methods]
    measurement = measured(file, registry, prefer=pack_of(methods[0]), **problem)
    if reference is not None:
        measurement = with_reference(measurement, reference, registry)
    run = Run(title or f"Methods on {file.name}", measurement, made, config={"file": str(file)})
    return carry_out(run, output, force=force, resume=resume, as_json=as_json)
