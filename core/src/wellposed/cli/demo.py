"""``wellposed demo``: the main job on a real photograph, by `wellposed run` of a configuration we ship."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click

from wellposed.cli._output import examples, json_option

CONFIG = Path(__file__).with_name("demo.toml")


@click.command(
    "demo",
    epilog=examples(
        "wellposed demo",
        "wellposed demo --image camera --output camera-demo",
        "wellposed demo --config > experiment.toml",
    ),
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("wellposed-demo"), show_default=True
)
@click.option("--image", metavar="NAME", help="Another photograph: camera, cat, coffee, rocket, …")
@click.option("--seed", type=int, default=0, show_default=True, help="Of camera shake and noise.")
@click.option("--config", "show", is_flag=True, help="Print the configuration instead of running it.")
@click.option("--force", is_flag=True, help="Replace earlier results.")
@click.option("--resume", is_flag=True, help="Finish an interrupted demo.")
@json_option
def command(
    output: Path, image: str | None, seed: int, show: bool, force: bool, resume: bool, as_json: bool
) -> int:
    """Blur a photograph by camera shake, add noise, and undo both by several methods.

    Prints a table of PSNR, SSIM and seconds, and writes report.html, pictures and results.json.
    """
    if show:
        click.echo(CONFIG.read_text(encoding="utf-8"), nl=False)
        return 0
    from wellposed.cli._carry_out import carry_out, exclusive
    from wellposed.runs import planned

    exclusive(force, resume)
    config: dict[str, Any] = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    if image is not None:
        config["image"]["params"]["name"] = image
    run, _ = planned(config, seed=seed)
    return carry_out(run, output, force=force, resume=resume, as_json=as_json)
