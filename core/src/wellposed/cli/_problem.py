"""The options by which a command is told its problem: a file, and what blurred it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor

from wellposed.cli._params import create, parse_method, parse_params
from wellposed.errors import FileFormatError, ParameterError
from wellposed.forward import ForwardModel
from wellposed.measurement import Measurement
from wellposed.registry import Registry
from wellposed.runs import Region
from wellposed.runs._config import takes
from wellposed.runs._photos import BLUR, blurred_by, read_kernel, read_photo
from wellposed.vectors import leaves

Boundary = click.Choice(["valid", "reflect", "replicate", "zero", "circular"])

_OPTIONS = (
    click.option("--kernel", type=click.Path(path_type=Path), help="Picture or .npy of the blur kernel."),
    click.option("--flip-kernel", is_flag=True, help="Turn the kernel by 180°, as some programs store it."),
    click.option(
        "--boundary",
        type=Boundary,
        default="valid",
        show_default=True,
        help="What lies beyond the border, with --kernel; valid: nothing is known, as in a camera.",
    ),
    click.option("--physics", metavar="NAME", help="What made the data, in place of --kernel."),
    click.option(
        "--physics-param",
        "physics_params",
        multiple=True,
        metavar="KEY=VALUE",
        help="(repeatable); @NAME stands for the component NAME.",
    ),
    click.option("--noise-level", type=float, metavar="SIGMA", help="σ of the noise; estimated if left out."),
    click.option(
        "--reader",
        metavar="NAME[:KEY=VALUE,…]",
        help="How FILE is read; by its ending if left out (`wellposed list reader`).",
    ),
)


def problem_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what made the data."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def pack_of(method: str) -> str:
    """Return the pack of a method ``NAME[:KEY=VALUE,…]``."""
    return method.partition(":")[0].partition(".")[0]


def measured(
    path: Path,
    registry: Registry,
    *,
    kernel: Path | None,
    flip_kernel: bool,
    boundary: str,
    physics: str | None,
    physics_params: tuple[str, ...],
    noise_level: float | None,
    reader: str | None,
    prefer: str | None = None,
) -> Measurement:
    """Return the measurement in the file ``path``, with the physics that the options name.

    Where several packs read such files, those of the pack ``prefer`` (the method's) are asked, if any.
    """
    _agree(kernel, physics, physics_params, flip_kernel)
    pack = prefer if physics is None else physics.partition(".")[0]
    found = read_photo(path, registry, reader=_reader(reader, registry), prefer=pack)
    finite(path, found)
    operator: Any = found.physics
    if kernel is not None:
        operator = blurred_by(
            picture(path, found), read_kernel(kernel, registry, flip=flip_kernel), boundary, registry
        )
    elif physics is not None:
        operator = physics_for(physics, parse_params(physics_params, "--physics-param"), found, registry)
    if operator is None:
        raise click.UsageError(f"{path} does not say what made it; give --kernel FILE or --physics NAME.")
    if noise_level is not None:
        noise = registry.create("core.gaussian", sigma=noise_level)
        operator = ForwardModel(getattr(operator, "operator", operator), noise)
    return found.replace(physics=operator)


def _reader(text: str | None, registry: Registry) -> Any:
    if text is None:
        return None
    name, params = parse_method(text, "--reader")
    return create(name, "reader", params, registry)


def _agree(kernel: Path | None, physics: str | None, params: tuple[str, ...], flip: bool) -> None:
    if kernel is not None and physics is not None:
        raise click.UsageError(f"--kernel stands for --physics {BLUR}; give one of them.")
    if params and physics is None:
        raise click.UsageError("--physics-param needs --physics NAME.")
    if flip and kernel is None:
        raise click.UsageError("--flip-kernel needs --kernel FILE.")


def physics_for(name: str, params: dict[str, Any], found: Measurement, registry: Registry) -> Any:
    """Return the physics ``name``, whose domain is the shape of ``y`` unless told; check that ``y`` fits."""
    y = found.y
    if "domain" not in params and isinstance(y, Tensor) and takes(name, "domain", registry):
        params = {**params, "domain": list(y.shape[1:])}
    operator = create(name, "physics", params, registry)
    space = getattr(operator, "range", None)
    if space is not None and isinstance(y, Tensor) and not space.admits(y):
        raise ParameterError(
            f"{name} makes data of {space}, but the file holds {tuple(y.shape)}; "
            "give the size of the unknown image: --physics-param domain='[C, H, W]'."
        )
    return operator


def picture(path: Path, found: Measurement) -> Tensor:
    """Return ``y`` as one picture ``(1, C, H, W)``."""
    if not isinstance(found.y, Tensor) or found.y.ndim != 4:
        shape = tuple(leaves(found.y)[0].shape)
        raise FileFormatError(f"{path}: holds data of shape {shape}, and a picture (1, C, H, W) is expected.")
    return found.y


def with_reference(measurement: Measurement, path: Path, registry: Registry) -> Measurement:
    """Return the measurement with the sharp picture in ``path`` as its reference.

    Where the unknown image is larger than both, the reference is known only on the measured pixels, and
    methods are compared there: the border that it lacks is set to NaN and never looked at.
    """
    if path.suffix.lower() == ".npy" and _is_no_picture(measurement.physics):
        return _with_array(measurement, path)
    truth = picture(path, read_photo(path, registry))
    y = picture(path, measurement)
    domain = getattr(measurement.physics, "domain", None)
    wanted = tuple(truth.shape[1:]) if domain is None else tuple(domain.shape)
    if tuple(truth.shape[1:]) == wanted:
        return measurement.replace(reference=truth)
    if truth.shape != y.shape:
        raise ParameterError(
            f"the reference has shape {tuple(truth.shape[1:])}; the data have {tuple(y.shape[1:])} and the "
            f"unknown image {wanted}, and it must be like one of them."
        )
    whole = truth.new_full((1, *wanted), float("nan"))
    region = Region.between(whole, truth)
    assert region is not None
    region.crop(whole).copy_(truth)
    return measurement.replace(reference=whole)


def _is_no_picture(physics: Any) -> bool:
    """Return whether the data are of another kind than the image: no reader of data knows it then."""
    operator = getattr(physics, "operator", physics)
    domain = getattr(operator, "domain", None)
    is_complex = getattr(getattr(domain, "dtype", None), "is_complex", False)
    return domain is not None and (is_complex or not getattr(operator, "data_are_pictures", True))


def _with_array(measurement: Measurement, path: Path) -> Measurement:
    """Return the measurement with the image in a ``.npy`` file as its reference, whole or its centre.

    The centre is what ``meta["crop"]`` tells. Real images of complex unknowns are magnitudes.
    """
    domain = measurement.physics.domain
    batch, wanted = leaves(measurement.y)[0].shape[0], tuple(domain.shape)
    truth = _array(path)
    sizes = tuple(truth.shape[truth.ndim - len(wanted) + 1 :])
    crop = tuple(measurement.meta.get("crop") or ())
    allowed = [wanted[1:], (*wanted[1 : len(wanted) - len(crop)], *crop)]
    if sizes not in allowed or truth.numel() != batch * wanted[0] * math.prod(sizes):
        listed = " or ".join(dict.fromkeys(str((batch, wanted[0], *s)) for s in allowed))
        raise ParameterError(
            f"{path}: holds an image of shape {tuple(truth.shape)}, but {listed} is expected."
        )
    whole = torch.full((batch, *wanted), float("nan"), dtype=truth.dtype)
    part = whole
    for axis, (n, size) in enumerate(zip(wanted[1:], sizes, strict=True), start=2):
        part = part.narrow(axis, n // 2 - size // 2, size)
    part.copy_(truth.reshape(part.shape))
    magnitude = domain.dtype.is_complex and not truth.is_complex()
    meta = {**measurement.meta, "reference_is_magnitude": True} if magnitude else measurement.meta
    return measurement.replace(reference=whole.to(domain.dtype), meta=meta)


def _array(path: Path) -> Tensor:
    try:
        found = np.load(path, allow_pickle=False)
        return torch.from_numpy(found if found.dtype.kind in "fc" else found.astype("float64"))
    except (OSError, ValueError, TypeError, EOFError) as error:
        raise FileFormatError(f"{path}: is no array of numbers that NumPy reads ({error}).") from error


def finite(path: Path, found: Measurement) -> None:
    """Refuse NaN and infinite values, which every method would spread over the whole image."""
    bad = sum(int((~part.isfinite()).sum()) for part in leaves(found.y))
    if bad:
        total = sum(part.numel() for part in leaves(found.y))
        raise FileFormatError(f"{path}: {bad} of {total} values are NaN or infinite; repair the data first.")
