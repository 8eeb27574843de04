"""What a raw file holds, from its headers alone, and what reconstructing it will take."""

from __future__ import annotations

import math
import time
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import torch

from wellposed.errors import FileFormatError
from wellposed_mri.files import array_axes, arrays, bart, fastmri, ismrmrd
from wellposed_mri.files.opening import opened
from wellposed_mri.files.trajectory_units import in_cycles_per_fov

WORK = {"SENSE": (20, 4, 5), "l1_wavelet": (100, 8, 90)}
"""Per method: iterations after which it usually stops, and what one costs, counted in Fourier transforms of a
slice: so many per coil, and so many for the image (wavelets with their shifts). Measured at 128² to 384²."""

GRIDDED = 6
"""A non-uniform transform against an FFT of the same image, about; the doubled grid of its Gram likewise."""


def describe(path: str | PathLike[str]) -> dict[str, Any]:
    """Return the facts about a raw file by name.

    Only headers (and the trajectory of a few readouts) are read; one Fourier transform is timed.
    """
    suffix = Path(path).suffix.lower()
    if suffix in bart.SUFFIXES:
        facts = _bart(path)
    elif suffix in arrays.SUFFIXES:
        facts = _arrays(path)
    else:
        facts = _hdf5(path)
    slow = GRIDDED if "trajectory reach" in facts else 1
    return {**facts, **_cost(facts["coils"], facts["slices"], facts["image"], slow)}


def _hdf5(path: str | PathLike[str]) -> dict[str, Any]:
    with opened(path) as file:
        if "kspace" in file:
            return _fastmri(path, file)
        group = ismrmrd.ismrmrd_group(file)
        if group is None:
            raise FileFormatError(f"{fspath(path)}: neither an ISMRMRD dataset nor a fastMRI file.")
        return _ismrmrd(path, group)


def _fastmri(path: str | PathLike[str], file: Any) -> dict[str, Any]:
    known = fastmri.head(path, file)
    slices, coils, rows, columns = known.shape
    facts: dict[str, Any] = {
        "format": "fastMRI", "trajectory": "cartesian", "slices": slices, "coils": coils,
        "image": [rows, columns], "reference": known.target is not None,
    }  # fmt: skip
    if known.crop is not None:
        facts["crop"] = list(known.crop)
    mask = fastmri.stored_mask(path, file, columns)
    if mask is not None:
        facts["acceleration"] = round(columns / max(float(mask.sum()), 1.0), 2)
    return {**facts, **known.attributes}


def _ismrmrd(path: str | PathLike[str], group: Any) -> dict[str, Any]:
    encoding, heads = ismrmrd.encoding_of(path, group), group["data"]["head"]
    index, flags = heads["idx"], heads["flags"]
    cartesian = encoding.trajectory in ("cartesian", "epi", "other")
    size = encoding.image if cartesian else encoding.reconstructed
    facts: dict[str, Any] = {
        "format": "ISMRMRD", "trajectory": encoding.trajectory, "readouts": len(heads),
        "noise readouts": int(((flags & ismrmrd.NOISE) != 0).sum()),
    }  # fmt: skip
    for name, axis in (
        ("slices", "slice"),
        *((f"{a}s", a) for a in ("contrast", "repetition", "phase", "set")),
    ):
        facts[name] = int(index[axis].max()) + 1
    facts["averages"] = int(index["average"].max()) + 1
    facts |= {
        "coils": int(heads["active_channels"].max()), "encoded": list(encoding.encoded),
        "image": list(size if size[0] > 1 else size[1:]), "field of view mm": list(encoding.field_of_view),
    }  # fmt: skip
    return facts if cartesian else {**facts, **_reach(path, group["data"], heads, encoding)}


def _reach(path: str | PathLike[str], table: Any, heads: Any, encoding: Any) -> dict[str, Any]:
    imaging = (heads["flags"] & ismrmrd.NOISE) == 0
    first = int(imaging.argmax())
    row = table[first]
    n, d = int(row["head"]["number_of_samples"]), int(row["head"]["trajectory_dimensions"])
    facts = {"shots": int(imaging.sum()), "samples": n}
    if d < 2 or len(row["traj"]) != n * d:
        return {**facts, "trajectory reach": 0.0, "trajectory unit": "none in the file"}
    points = torch.from_numpy(row["traj"].reshape(n, d)[:, 1::-1].copy())
    unit = in_cycles_per_fov(path, points, encoding.reconstructed[1:])[1]
    return {**facts, "trajectory reach": round(float(points.abs().max()), 4), "trajectory unit": unit}


def _bart(path: str | PathLike[str]) -> dict[str, Any]:
    shape = (*bart.cfl_shape(path), *(1,) * 16)[:16]
    x, y, z, coils = shape[:4]
    return {
        "format": "BART", "trajectory": "cartesian", "dimensions": list(bart.cfl_shape(path)),
        "slices": shape[13], "coils": coils, "image": [y, x] if z == 1 else [z, y, x],
    }  # fmt: skip


def _arrays(path: str | PathLike[str]) -> dict[str, Any]:
    found = arrays.arrays(path)
    key = array_axes.kspace_key(path, found)
    shape = found[key].shape
    points = array_axes.key_of(path, found, "trajectory", None)
    facts: dict[str, Any] = {
        "format": "MATLAB" if Path(path).suffix.lower() == ".mat" else "NumPy",
        "trajectory": "cartesian" if points is None else points,
        "arrays": arrays.listing(found), "k-space": key,
    }  # fmt: skip
    if points is not None:
        return {**facts, **_array_trajectory(path, found, points, shape)}
    if not 2 <= len(shape) <= 5:
        raise FileFormatError(f"{fspath(path)}: {key!r} of shape {shape} is no k-space (2 to 5 axes).")
    letters = array_axes.BY_AXES[len(shape)]
    sizes = dict(zip(letters, shape, strict=True))
    return {
        **facts, "axes": letters, "slices": sizes.get("b", 1), "coils": sizes.get("c", 1),
        "image": [sizes[c] for c in "dhw" if c in sizes],
    }  # fmt: skip


def _array_trajectory(
    path: str | PathLike[str], found: dict[str, arrays.Array], points: str, shape: tuple[int, ...]
) -> dict[str, Any]:
    """Return what a trajectory tells; its reach in cycles/FOV is the only hint at the image's size."""
    trajectory = array_axes.trajectory_of(path, points, found[points])
    reach = float(trajectory.abs().max())
    maps = array_axes.key_of(path, found, "sensitivities", None)
    d = trajectory.shape[-1]
    image = list(found[maps].shape[-d:]) if maps else [max(16, round(2 * reach))] * d
    facts = {
        "shots": trajectory.shape[:-2].numel(), "samples": trajectory.shape[-2], "slices": 1,
        "coils": shape[0] if len(shape) > 2 else 1, "image": image, "trajectory reach": round(reach, 4),
    }  # fmt: skip
    if maps is None and reach <= 4:
        raise FileFormatError(
            f"{fspath(path)}: its trajectory {points!r} reaches ±{reach:.4g}, so the size of the image is "
            "not in the file; read it with shape=[rows, columns]."
        )
    return facts


def _cost(coils: int, slices: int, image: list[int], slow: int) -> dict[str, Any]:
    pixels = math.prod(image)
    transform = _transform_seconds(image) * pixels / math.prod(image[-2:])
    # k-space, maps and their conjugates stay; FISTA keeps some ten images.
    memory = 8 * pixels * (3 * coils + 10) * slices
    seconds = {
        f"{name} seconds": round(count * (per_coil * slow * coils + own) * slices * transform, 2)
        for name, (count, per_coil, own) in WORK.items()
    }
    return {
        "k-space MiB": round(8 * pixels * coils * slices / 2**20, 1),
        "memory MiB": round(memory / 2**20, 1),
        **seconds,
    }


def _transform_seconds(image: list[int]) -> float:
    size = [min(n, 1024) for n in image[-2:]]
    plane = torch.zeros(1, *size, dtype=torch.complex64)
    torch.fft.fft2(plane)
    start = time.perf_counter()
    for _ in range(5):
        torch.fft.fft2(plane)
    return (time.perf_counter() - start) / 5 * math.prod(image[-2:]) / plane.numel()
