"""``wellposed mri info FILE``: what a raw file holds, and what reconstructing it will take."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import click

from wellposed.errors import FileFormatError

ITERATIONS = 100


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
    facts = describe(file)
    if as_json:
        import json

        click.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        click.echo(f"{name:<16} {_text(value)}")


def describe(path: Path) -> dict[str, Any]:
    """Return the facts about a raw file by name."""
    facts = _bart(path) if path.suffix.lower() in (".cfl", ".hdr") else _hdf5(path)
    return {**facts, **_cost(facts["coils"], facts["slices"], facts["image"])}


def _hdf5(path: Path) -> dict[str, Any]:
    from wellposed_mri.files import ismrmrd
    from wellposed_mri.files.hdf5 import ismrmrd_group
    from wellposed_mri.files.opening import opened

    with opened(path) as file:
        if "kspace" in file:
            shape = file["kspace"].shape
            return {
                "format": "fastMRI", "trajectory": "cartesian", "slices": shape[0],
                "coils": shape[1] if len(shape) == 4 else 1, "image": list(shape[-2:]),
                "reference": "reconstruction_rss" in file or "reconstruction_esc" in file,
            }  # fmt: skip
        group = ismrmrd_group(file)
        if group is None:
            raise FileFormatError(f"{path}: neither an ISMRMRD dataset nor a fastMRI file.")
        encoding = ismrmrd.encoding_of(path, group)
        heads = group["data"]["head"]
        index = heads["idx"]
        image = list(encoding.reconstructed if encoding.encoded[0] > 1 else encoding.reconstructed[1:])
        return {
            "format": "ISMRMRD", "trajectory": encoding.trajectory, "readouts": len(heads),
            "noise readouts": int(((heads["flags"] & ismrmrd.NOISE) != 0).sum()),
            "slices": int(index["slice"].max()) + 1, "contrasts": int(index["contrast"].max()) + 1,
            "repetitions": int(index["repetition"].max()) + 1,
            "coils": int(heads["active_channels"].max()), "encoded": list(encoding.encoded),
            "image": image, "field of view mm": list(encoding.field_of_view),
        }  # fmt: skip


def _bart(path: Path) -> dict[str, Any]:
    from wellposed_mri.files.bart import cfl_shape

    x, y, z, coils = (*cfl_shape(path), 1, 1, 1, 1)[:4]
    return {
        "format": "BART", "trajectory": "cartesian", "slices": 1, "coils": coils,
        "image": [y, x] if z == 1 else [z, y, x],
    }  # fmt: skip


def _cost(coils: int, slices: int, image: list[int]) -> dict[str, Any]:
    import torch

    pixels = math.prod(image)
    plane = torch.zeros(1, *image[-2:], dtype=torch.complex64)
    torch.fft.fft2(plane)
    start = time.perf_counter()
    for _ in range(5):
        torch.fft.fft2(plane)
    transform = (time.perf_counter() - start) / 5 * pixels / plane.numel()
    # k-space, maps and their conjugates stay; FISTA keeps some ten images.
    memory = 8 * pixels * (3 * coils + 10) * slices
    # two transforms per coil and iteration, multiplications and the prox about as much again
    return {
        "k-space MiB": round(8 * pixels * coils * slices / 2**20, 1),
        "memory MiB": round(memory / 2**20, 1),
        "SENSE seconds": round(15 * 4 * coils * slices * transform, 2),
        "l1_wavelet seconds": round(ITERATIONS * 4 * coils * slices * transform, 2),
    }


def _text(value: Any) -> str:
    return " × ".join(f"{v:g}" for v in value) if isinstance(value, list) else str(value)
