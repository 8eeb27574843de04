"""What a command writes: refused before the work where it cannot be, and as large as the user's picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor

from wellposed.atomic import _check_target
from wellposed.errors import ParameterError
from wellposed.measurement import Measurement
from wellposed.registry import Registry, install_line
from wellposed.runs import Outcome, Run
from wellposed.runs._greys import magnitude, window_of
from wellposed.runs._photos import preferred
from wellposed.runs._reports import create_writer

TENSORS = ".safetensors"


def require_free(path: Path, force: bool, registry: Registry, writer: bool = True) -> None:
    """Raise now what saving to ``path`` would raise after the work."""
    _check_target(path, force)
    if writer and path.suffix.lower() != TENSORS and not registry.for_file("writer", path):
        known = sorted({s for c in registry.components(kind="writer") for s in c.suffixes})
        hint = "" if known else f" Pictures need pack viz: {install_line('viz')}."
        raise ParameterError(
            f"Cannot write {path}: no writer for {path.suffix or 'a name without an ending'!r}; "
            f"use one of {', '.join([TENSORS, *known])}.{hint}"
        )


def save_image(path: Path, run: Run, outcome: Outcome, registry: Registry) -> None:
    """Write the reconstruction on the pixels that were measured, with the metadata of the measurement."""
    image = run.saved(outcome)
    assert isinstance(image, Tensor)
    prefer = _home(run.measurement, outcome.method)
    if _is_for_pictures(path, prefer, registry) and not _holds_pictures(image, run.measurement.physics):
        image, which = middle_plane(image)
        image, low, high = windowed(image)
        click.echo(
            f"{path} is a picture{which}, black at {low:.4g} and white at {high:.4g}; {TENSORS} keeps the "
            "values.",
            err=True,
        )
    save_picture(path, image, run.measurement, registry, prefer)


def middle_plane(image: Tensor) -> tuple[Tensor, str]:
    """Return the plane in the middle of slices or of a volume ``(1, 1, H, W)``, and words that say which."""
    if image.ndim < 4 or image.shape[:-2].numel() == 1:
        return image, ""
    planes = image[:, 0].reshape(-1, 1, *image.shape[-2:])
    middle = len(planes) // 2
    which = f" of slice {middle + 1} of {len(planes)}" if len(planes) > 1 else ""
    which += f", channel 1 of {image.shape[1]}" if image.shape[1] > 1 else ""
    return planes[middle : middle + 1], which


def windowed(image: Tensor) -> tuple[Tensor, float, float]:
    """Return ``image``, or a complex one's magnitude, scaled to [0, 1], and the values of black and white.

    White is the 99.9th percentile, so that one bright pixel does not make the rest black.
    """
    low, high = window_of(image, white=0.999)
    values = magnitude(image)
    scaled = (values - low) / (high - low)
    return torch.where(values.isfinite(), scaled.clamp(0, 1), values), low, high


def _is_for_pictures(path: Path, prefer: str, registry: Registry) -> bool:
    """Return whether the writer that will be taken is a photograph's, which knows [0, 1] only."""
    if path.suffix.lower() == TENSORS:
        return False
    return preferred(registry.for_file("writer", path), prefer)[0].partition(".")[0] == "viz"


def _holds_pictures(image: Tensor, physics: Any) -> bool:
    """Return whether the image is one in [0, 1], and not one with units or a phase."""
    operator = getattr(physics, "operator", physics)
    return not image.is_complex() and getattr(operator, "data_are_pictures", True)


def _home(measurement: Measurement, method: str) -> str:
    """Return the pack whose data these are: that of the physics, or else that of the method."""
    physics = measurement.physics
    package = type(getattr(physics, "operator", physics)).__module__.partition(".")[0]
    return package.removeprefix("wellposed_") if package != "wellposed" else method.partition(".")[0]


def save_picture(
    path: Path, image: Tensor, measurement: Measurement, registry: Registry, prefer: str | None = None
) -> None:
    """Write ``image`` to ``path``; ``.safetensors`` keeps every digit, pictures what their format holds.

    Where several packs write such files (DICOM), the writer of the pack ``prefer`` is taken.

    The target was checked by :func:`require_free`, so what is there now may be replaced.
    """
    if path.suffix.lower() == TENSORS:
        Measurement(image, meta=measurement.meta).save(path, overwrite=True)
        return
    name = preferred(registry.for_file("writer", path), prefer)[0]
    create_writer(name, registry, overwrite=True).write(path, image, measurement.meta)
