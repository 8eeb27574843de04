"""``wellposed ct``: look into a scan, and reconstruct one that is larger than memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

__all__ = ["command"]


@click.group("ct")
def command() -> None:
    """Look into CT scans, and reconstruct large ones slice by slice."""


_FILE = click.argument("file", type=click.Path(exists=True, path_type=Path))
_GEOMETRY = click.option(
    "--geometry",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML file of a row's scan.",
)
_STATED = (
    click.option(
        "--values",
        type=click.Choice(["counts", "transmission", "nepers"]),
        help="What FILE's numbers are, where it does not tell: counts, I/I₀, or −log(I/I₀).",
    ),
    click.option("--blank", type=float, metavar="COUNT", help="What a bin counts without the sample."),
    click.option(
        "--angles",
        "angles_deg",
        metavar="START:STOP:N|FILE",
        help="Degrees: N even steps, STOP excluded, or a file with one a line.",
    ),
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def _stated(wrapped: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what a file does not."""
    for option in reversed(_STATED):
        wrapped = option(wrapped)
    return wrapped


@command.command("info")
@_FILE
@_GEOMETRY
@_stated
@_JSON
def info(file: Path, geometry: Path | None, as_json: bool, **stated: Any) -> None:
    """Say what FILE holds: geometry, views, counts, what reconstructing it takes, and what looks wrong.

    One row is read, and one slice reconstructed to take the time.
    """
    from wellposed_ct.scan_facts import describe

    facts = describe(file, geometry, **stated)
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    notes = facts.pop("warnings")
    for name, value in facts.items():
        click.echo(f"{name:<16} {_text(value)}")
    for note in notes:
        click.echo(f"{'warning':<16} {note}")


@command.command("reconstruct")
@_FILE
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help=".npy, .h5, .tif, .nii, .nii.gz, .dcm, or a folder.",
)
@click.option("-m", "--method", metavar="NAME", help="[default: ct.fbp, or ct.fdk for cone beams]")
@click.option("--param", "params", multiple=True, metavar="KEY=VALUE", help="Of the method (repeatable).")
@click.option(
    "--correct",
    "corrections",
    multiple=True,
    metavar="NAME[:KEY=VALUE,…]",
    help="Of the sinograms, in order (repeatable); `wellposed list correction` shows all.",
)
@click.option("--centre", metavar="auto|METHOD|MM", help="Find the centre of rotation, or state it in mm.")
@_GEOMETRY
@_stated
@click.option("--size", type=int, help="Rows and columns of a slice; as many as bins if left out.")
@click.option("--pixel-mm", type=float, help="Side of a pixel; a bin, seen at the axis, if left out.")
@click.option("--rows", metavar="FIRST:LAST", help="Only these detector rows, LAST excluded.")
@click.option("--memory", default="2GiB", show_default=True, help="What slices under way may take.")
@click.option("--water", type=float, help="Attenuation of water, 1/mm, for HU of .dcm.  [default: 0.0193]")
@click.option(
    "--preview",
    type=click.Path(path_type=Path),
    help="The middle slice, first: .png, or as OUTPUT.",
)
@click.option("--report", type=click.Path(path_type=Path), help="A folder for a report of the middle slice.")
@click.option("--resume", is_flag=True, help="Go on with a run that was killed.")
@click.option("--force", is_flag=True, help="Replace OUTPUT, PREVIEW and REPORT, and begin anew.")
@_JSON
def reconstruct(file: Path, output: Path, as_json: bool, **options: Any) -> None:
    """Reconstruct FILE slice by slice within a memory budget: HDF5, TIFF file or folder, .xtekct, sinogram.

    Counts are flat- and dark-corrected. A run that is killed leaves what it has beside OUTPUT, and --resume
    goes on. OUTPUT appears when it is whole.
    """
    from wellposed_ct.stacks.running import run

    facts = run(file, output, **options)
    if as_json:
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    click.echo(
        f"{output}: {facts['slices']} × {facts['size'][0]} × {facts['size'][1]} by {facts['method']} in "
        f"{facts['seconds']:.1f} s, axis at {facts['axis_mm']:.4g} mm"
    )
    if facts["report"]:
        click.echo(facts["report"])


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " × ".join(f"{v:g}" for v in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
