"""``wellposed reconstruct``: a user's own file in, an image out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from wellposed.cli._exit import FAILED, OK
from wellposed.cli._output import examples, json_option
from wellposed.cli._problem import problem_options


@click.command(
    "reconstruct",
    epilog=examples(
        "wellposed reconstruct photo.png --kernel kernel.png --method optim.tv -o sharp.png",
        "wellposed reconstruct photo.tif --kernel kernel.npy -m optim.pnp --noise-level 0.02 -o sharp.tif",
        "wellposed reconstruct p.png --kernel k.npy -m optim.pnp --param denoiser=@optim.bm3d -o x.png",
        "wellposed reconstruct measured.safetensors --method optim.tv --param weight=1e-3 -o image.png",
        "wellposed reconstruct scan.h5 --method mri.sense --report report -o image.nii.gz",
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-m", "--method", required=True, metavar="NAME", help="`wellposed list reconstructor` shows all."
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The image to write.")
@click.option(
    "--param",
    "params",
    multiple=True,
    metavar="KEY=VALUE",
    help="Of the method (repeatable); VALUE is a number, a text, or @NAME for the component NAME.",
)
@problem_options
@click.option("--report", type=click.Path(path_type=Path), help="A folder for a report of what was done.")
@click.option("--force", is_flag=True, help="Replace OUTPUT and the report.")
@json_option
def command(
    file: Path,
    method: str,
    output: Path,
    params: tuple[str, ...],
    report: Path | None,
    force: bool,
    as_json: bool,
    **problem: Any,
) -> int:
    """Reconstruct the image behind FILE, a photo or a saved measurement.

    --kernel says what blurred a photo; a measurement of `wellposed simulate` knows. The picture keeps its
    size, bit depth, transparency and metadata. Exit code 4 for a file that is no image, or in the way.
    """
    from wellposed import registry as registries
    from wellposed.cli._params import create_method, parse_params
    from wellposed.cli._problem import measured, pack_of
    from wellposed.cli._saving import require_free, save_image
    from wellposed.needs import require
    from wellposed.runs import Run, RunFolder, write_reports

    registry = registries.default()
    require_free(output, force, registry)
    folder = None if report is None else RunFolder.open(report, overwrite=force, resumable=False)
    chosen = create_method(method, parse_params(params), registry)
    measurement = measured(file, registry, prefer=pack_of(method), **problem)
    require(chosen.model, measurement.y, measurement.physics, chosen.label)
    run = Run(file.name, measurement, (chosen,))
    run = _execute(run, registry)
    outcome = run.outcomes[-1]
    if outcome.image is None or outcome.error is not None:
        click.echo(f"Error: {chosen.label} failed: {outcome.error}", err=True)
        return FAILED
    pages = [] if folder is None else write_reports(run, folder, registry)
    save_image(output, run, outcome, registry)
    _tell(run, output, as_json)
    if pages and not as_json:
        click.echo(str(pages[0]))
    return OK


def _execute(run: Any, registry: Any) -> Any:
    from wellposed.cli._progress import progress
    from wellposed.runs import execute

    with progress() as listener:
        return execute(run, listener=listener, history=False, registry=registry)


def _tell(run: Any, output: Path, as_json: bool) -> None:
    from wellposed.cli._output import print_json
    from wellposed.runs._folder import plain

    outcome = run.outcomes[-1]
    if as_json:
        print_json(plain({**outcome.row(), "output": str(output)}))
        return
    known = {name.upper(): value for name, value in outcome.scores.items() if value is not None}
    scores = "".join(f", {name} {value:.4g}" for name, value in known.items())
    click.echo(f"{output}: {outcome.method} in {outcome.seconds:.1f} s{scores}")
