"""The facts of ``.h5`` files: fastMRI's volumes, and ISMRMRD's readouts."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any

import torch

from wellposed.errors import FileFormatError
from wellposed_mri.files import fastmri, ismrmrd
from wellposed_mri.files.facts.cost import Size
from wellposed_mri.files.hdf5 import HDF5Reader
from wellposed_mri.files.opening import opened
from wellposed_mri.files.trajectory_units import in_cycles_per_fov

Facts = dict[str, Any]


def hdf5_facts(path: str | PathLike[str], reader: HDF5Reader) -> tuple[Facts, Size]:
    """Return the facts of an HDF5 file, and the size of what ``reader`` reads of it."""
    with opened(path) as file:
        if "kspace" in file:
            return _fastmri(path, file, reader)
        group = ismrmrd.ismrmrd_group(file)
        if group is None:
            raise FileFormatError(f"{fspath(path)}: neither an ISMRMRD dataset nor a fastMRI file.")
        return _ismrmrd(path, group, reader)


def _fastmri(path: str | PathLike[str], file: Any, reader: HDF5Reader) -> tuple[Facts, Size]:
    known = fastmri.head(path, file)
    slices, coils, rows, columns = known.shape
    facts: Facts = {
        "format": "fastMRI", "trajectory": "cartesian", "slices": slices, "coils": coils,
        "image": [rows, columns], "reference": known.target is not None,
    }  # fmt: skip
    if known.crop is not None:
        facts["crop"] = list(known.crop)
    mask = fastmri.stored_mask(path, file, columns)
    if mask is not None:
        facts["acceleration"] = round(columns / max(float(mask.sum()), 1.0), 2)
    first, last = fastmri.chosen_slices(path, known, reader.slices)
    return {**facts, **known.attributes}, Size(last - first, coils, (rows, columns))


def _ismrmrd(path: str | PathLike[str], group: Any, reader: HDF5Reader) -> tuple[Facts, Size]:
    encoding, heads = ismrmrd.encoding_of(path, group), group["data"]["head"]
    index, flags = heads["idx"], heads["flags"]
    cartesian = encoding.trajectory in ("cartesian", "epi", "other")
    size = encoding.image if cartesian else encoding.reconstructed
    image = size if size[0] > 1 else size[1:]
    counts = {axis: int(index[axis].max()) + 1 for axis in ismrmrd.AXES}
    facts: Facts = {
        "format": "ISMRMRD", "trajectory": encoding.trajectory, "readouts": len(heads),
        "noise readouts": int(((flags & ismrmrd.NOISE) != 0).sum()),
        **{f"{axis}s": counts[axis] for axis in reversed(ismrmrd.AXES)},
        "averages": int(index["average"].max()) + 1,
        "coils": int(heads["active_channels"].max()), "encoded": list(encoding.encoded),
        "image": list(image), "field of view mm": list(encoding.field_of_view),
    }  # fmt: skip
    if encoding.trajectory == "epi":
        facts["navigators"] = int(((flags & ismrmrd.NAVIGATOR) != 0).sum())
    images = 1
    for axis, count in counts.items():
        images *= count if getattr(reader, axis) is None else 1
    if cartesian:
        return facts, Size(images, facts["coils"], image)
    found = _reach(path, group["data"], heads, encoding, reader)
    every = 1
    for count in counts.values():
        every *= count
    points = found["shots"] * found["samples"] // every
    return {**facts, **found}, Size(images, facts["coils"], image, max(points, 1))


def _reach(
    path: str | PathLike[str], table: Any, heads: Any, encoding: Any, reader: HDF5Reader
) -> dict[str, Any]:
    imaging = (heads["flags"] & ismrmrd.NOISE) == 0
    first = int(imaging.argmax())
    row = table[first]
    n, d = int(row["head"]["number_of_samples"]), int(row["head"]["trajectory_dimensions"])
    facts = {"shots": int(imaging.sum()), "samples": n}
    if d < 2 or len(row["traj"]) != n * d:
        return {**facts, "trajectory reach": 0.0, "trajectory unit": "none in the file"}
    points = torch.from_numpy(row["traj"].reshape(n, d)[:, 1::-1].copy())
    unit = in_cycles_per_fov(path, points, encoding.reconstructed[1:], reader.trajectory_unit)[1]
    return {**facts, "trajectory reach": round(float(points.abs().max()), 4), "trajectory unit": unit}
