"""``wellposed simulate``: a sharp image in, a measurement whose truth is known out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from wellposed.cli._exit import OK
from wellposed.cli._output import examples, json_option


@click.command(
    "simulate",
    epilog=examples(
        "wellposed simulate photo.png --kernel kernel.png -o measured.safetensors --picture blurred.png",
        "wellposed simulate photo.png --generator deblurring.camera_shake --seed 7 -o measured.safetensors",
        "wellposed simulate photo.png --physics core.identity --noise-param sigma=0.1 -o noisy.safetensors",
    ),
)
@click.argument("photo", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="NAME.safetensors")
@click.option("--kernel", type=click.Path(path_type=Path), help="Picture or .npy of a blur kernel.")
@click.option("--physics", metavar="NAME", help="The physics; deblurring.blur with --kernel or --generator.")
@click.option("--param", "params", multiple=True, metavar="KEY=VALUE", help="Of the physics (repeatable).")
@click.option("--generator", metavar="NAME", help="Draws parameters of the physics.")
@click.option(
    "--generator-param", "generator_params", multiple=True, metavar="KEY=VALUE", help="(repeatable)"
)
@click.option(
    "--noise", default="core.gaussian", show_default=True, metavar="NAME", help="none for no noise."
)
@click.option(
    "--noise-param", "noise_params", multiple=True, metavar="KEY=VALUE", help="[default: sigma=0.01]"
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--picture", type=click.Path(path_type=Path), help="Also write the measured picture.")
@click.option("--force", is_flag=True, help="Replace existing files.")
@json_option
def command(
    photo: Path, output: Path, picture: Path | None, seed: int, force: bool, as_json: bool, **parts: Any
) -> int:
    """Measure PHOTO as a camera with known blur and noise would, and keep the truth beside it.

    `wellposed reconstruct` and `wellposed compare` take the file; everything needed is in it.
    """
    from wellposed import registry as registries
    from wellposed.cli._saving import TENSORS, require_free, save_picture
    from wellposed.runs import simulate
    from wellposed.runs._photos import read_photo

    registry = registries.default()
    if output.suffix.lower() != TENSORS:
        raise click.UsageError(f"--output {output}: a measurement is written to a {TENSORS} file.")
    require_free(output, force, registry)
    if picture is not None:
        require_free(picture, force, registry)
    source = read_photo(photo, registry)
    made = _parts(source, registry, **parts)
    measurement = simulate(source.y, **made, seed=seed, meta=source.meta)  # type: ignore[arg-type]
    measurement.save(output, overwrite=True)
    if picture is not None:
        save_picture(picture, measurement.y, measurement, registry)  # type: ignore[arg-type]
    _tell(measurement, output, as_json)
    return OK


def _parts(
    source: Any,
    registry: Any,
    *,
    kernel: Path | None,
    physics: str | None,
    params: tuple[str, ...],
    generator: str | None,
    generator_params: tuple[str, ...],
    noise: str,
    noise_params: tuple[str, ...],
) -> dict[str, Any]:
    from wellposed.cli._params import create, parse_params

    parts: dict[str, Any] = {"physics": _physics(source, registry, kernel, physics, params, generator)}
    if generator is not None:
        parts["generator"] = create(
            generator, "generator", parse_params(generator_params, "--generator-param"), registry
        )
    elif generator_params:
        raise click.UsageError("--generator-param needs --generator NAME.")
    if noise != "none":
        given = parse_params(noise_params, "--noise-param")
        default = {"sigma": 0.01} if noise == "core.gaussian" else {}
        parts["noise"] = create(noise, "noise", {**default, **given}, registry)
    return parts


def _physics(
    source: Any,
    registry: Any,
    kernel: Path | None,
    physics: str | None,
    params: tuple[str, ...],
    generator: str | None,
) -> Any:
    from wellposed.cli._params import create, parse_params
    from wellposed.runs._config import takes
    from wellposed.runs._photos import BLUR, read_kernel, require_smaller

    if physics is None and kernel is None and generator is None:
        raise click.UsageError(
            "what blurs the photo? Give --kernel FILE, --generator NAME or --physics NAME."
        )
    name = physics or BLUR
    given = parse_params(params)
    if "domain" not in given and takes(name, "domain", registry):
        given["domain"] = list(source.y.shape[1:])
    if kernel is not None:
        given["kernel"] = read_kernel(kernel, registry)
        require_smaller(given["kernel"], source.y)
        require_takes_kernel(name, registry)
        return registry.create(name, **given)
    if name == BLUR and "kernel" not in given:
        given["kernel"] = [[1.0]]  # no blur, until the generator draws one
    return create(name, "physics", given, registry)


def require_takes_kernel(name: str, registry: Any) -> None:
    """Refuse ``--kernel`` for a physics that has none."""
    from wellposed.runs._config import takes

    if not takes(name, "kernel", registry):
        raise click.UsageError(f"--kernel is of no use to {name}, which takes no kernel.")


def _tell(measurement: Any, output: Path, as_json: bool) -> None:
    from wellposed.cli._output import print_json

    shapes = {"y": list(measurement.y.shape), "reference": list(measurement.reference.shape)}
    if as_json:
        print_json({"output": str(output), "physics": repr(measurement.physics), **shapes})
    else:
        click.echo(f"{output}: {measurement.physics!r}")
