"""``wellposed doctor``: the environment, and each thing that is broken with its cause and its cure."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from typing import Any

import click

from wellposed import registry
from wellposed._version import __version__
from wellposed.cli._exit import FAILED, OK
from wellposed.cli._group import clashes
from wellposed.cli._output import examples, json_option, print_json, print_table
from wellposed.cli.plugins import as_data, failure_data
from wellposed.errors import RegistryError
from wellposed.registry import PackFailure
from wellposed.registry._diagnose import target_failures

_REQUIRED = ("torch", "numpy", "scipy", "attrs", "pluggy", "packaging", "safetensors", "click", "rich")
_OPTIONAL = {
    "hypothesis": 'wellposed check: pip install "wellposed[testing]"',
    "pytest": 'tests of a pack: pip install "wellposed[testing]"',
    "PyYAML": 'YAML configurations: pip install "wellposed[yaml]"',
}


@click.command("doctor", epilog=examples("wellposed doctor", "wellposed doctor --json > report.json"))
@json_option
def command(as_json: bool) -> int:
    """Look at the environment and import what every installed pack offers.

    Exit code 1 when something is broken; each problem comes with its cause and its fix.
    """
    found = _found()
    failures = [*found.failures, *clashes(found), *target_failures(found)]
    failures += [_absent(name) for name in _REQUIRED if _version(name) is None]
    data = {
        "ok": not failures,
        "environment": _environment(),
        "optional": {name: _version(name) for name in _OPTIONAL},
        **as_data(found),
        "failures": [failure_data(failure) for failure in failures],
    }
    if as_json:
        print_json(data)
    else:
        _print(data, failures)
    return FAILED if failures else OK


def _found() -> registry.Registry:
    try:
        return registry.default()
    except RegistryError:  # WELLPOSED_STRICT_PLUGINS makes any problem an error; here they are listed
        return registry.Registry.discover({**os.environ, "WELLPOSED_STRICT_PLUGINS": "0"})


def _environment() -> dict[str, str | None]:
    versions = {name: _version(name) for name in _REQUIRED}
    return {
        "wellposed": __version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "devices": _devices(),
        **versions,
    }


def _version(dist: str) -> str | None:
    try:
        return metadata.version(dist)
    except metadata.PackageNotFoundError:
        return None


def _absent(dist: str) -> PackFailure:
    error = ModuleNotFoundError(f"{dist}, which wellposed needs, is not installed")
    return PackFailure("core", "wellposed", __version__, "target", error, dist)


def _devices() -> str:
    try:
        import torch
    except (ImportError, OSError) as error:
        return f"torch cannot be imported: {error}"
    devices = [f"cpu ({torch.get_num_threads()} threads)"]
    devices += [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    return ", ".join(devices + (["mps"] if torch.backends.mps.is_available() else []))


def _print(data: dict[str, Any], failures: list[PackFailure]) -> None:
    print_table(
        ("environment", ""), ((key, value or "missing") for key, value in data["environment"].items())
    )
    optional = (
        (key, value or f"not installed; for {_OPTIONAL[key]}") for key, value in data["optional"].items()
    )
    print_table(("optional", ""), optional)
    packs = ((p["name"], f"{p['dist']} {p['version']}", str(len(p["components"]))) for p in data["packs"])
    print_table(("pack", "distribution", "components"), packs)
    for pack, switch in data["disabled"].items():
        click.echo(f"Pack {pack} is kept out by {switch}.")
    for failure in failures:
        click.secho(f"✗ {failure}", fg="red")
        click.echo(f"  fix: {failure.fix}")
    if not failures:
        click.secho("Everything that is installed loads.", fg="green")
