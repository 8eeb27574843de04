"""Readouts along a trajectory: data and coordinates shot by shot, in cycles/FOV."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wellposed.errors import FileFormatError
from wellposed_mri.files.ismrmrd.header import Encoding
from wellposed_mri.files.ismrmrd.readouts import readouts
from wellposed_mri.files.ismrmrd.selection import REVERSE, Selection
from wellposed_mri.files.opening import bounded
from wellposed_mri.files.trajectory_units import Unit, in_cycles_per_fov


def shots(
    path: str | PathLike[str], table: Any, chosen: Selection, encoding: Encoding, unit: Unit, max_bytes: int
) -> tuple[Tensor, Tensor, Unit]:
    """Return data ``(images, coils, shots, samples)``, trajectory ``(shots, samples, d)``, and its unit."""
    heads = table["head"][chosen.rows]
    samples, coils = _one_shape(path, heads)
    per_image = np.bincount(chosen.image, minlength=chosen.images)
    if len(set(per_image.tolist())) != 1:
        raise FileFormatError(
            f"{fspath(path)}: images have {sorted(set(per_image.tolist()))} shots, and one trajectory is "
            "expected for all; read one by contrast=…, repetition=… or slice=…."
        )
    count = int(per_image[0])
    bounded(path, (chosen.images, coils, count, samples), 16, max_bytes)
    data = np.empty((chosen.images, coils, count, samples), dtype=np.complex64)
    seen = np.zeros(chosen.images, dtype=np.int64)
    places: list[list[np.ndarray]] = [[] for _ in range(chosen.images)]
    for image, (row, line) in zip(chosen.image, readouts(path, table, chosen.rows), strict=True):
        data[image, :, seen[image]] = line
        seen[image] += 1
        places[image].append(_with_partition(_points(path, row), row["head"], encoding))
    trajectory = _common(path, places)
    size = encoding.reconstructed if trajectory.shape[-1] == 3 else encoding.reconstructed[1:]
    in_fov, found = in_cycles_per_fov(path, torch.from_numpy(trajectory), size, unit)
    return torch.from_numpy(data), in_fov, found


def _one_shape(path: str | PathLike[str], heads: Any) -> tuple[int, int]:
    kept = heads["number_of_samples"].astype(np.int64) - heads["discard_pre"] - heads["discard_post"]
    for name, values in (("samples", kept), ("coils", heads["active_channels"])):
        if values.min() != values.max() or values.min() < 1:
            raise FileFormatError(
                f"{fspath(path)}: readouts have between {values.min()} and {values.max()} {name}, and one "
                "number is expected."
            )
    return int(kept[0]), int(heads["active_channels"][0])


def _points(path: str | PathLike[str], row: Any) -> np.ndarray:
    """Return the coordinates ``(samples, d)`` of a readout, along columns (x) first as in the file."""
    head = row["head"]
    n, d = int(head["number_of_samples"]), int(head["trajectory_dimensions"])
    values = np.asarray(row["traj"], dtype=np.float32)
    if d not in (2, 3) or values.size != n * d:
        raise FileFormatError(
            f"{fspath(path)}: readout {int(head['scan_counter'])} has a trajectory of {values.size} numbers "
            f"in {d} dimensions for {n} samples; {n} × 2 or 3 are expected of a non-Cartesian scan."
        )
    points = values.reshape(n, d)[int(head["discard_pre"]) : n - int(head["discard_post"])]
    return points[::-1] if int(head["flags"]) & REVERSE else points


def _with_partition(points: np.ndarray, head: Any, encoding: Encoding) -> np.ndarray:
    """Return coordinates rows first; in a stack, the partition's step is the third one."""
    flat = encoding.encoded[0] == 1
    if flat:
        # a third column of a planar trajectory holds density weights, or zeros
        return points[:, 1::-1]
    if points.shape[1] == 3:
        return points[:, ::-1]
    n, centre = encoding.encoded[0], encoding.centres[0]
    step = int(head["idx"]["kspace_encode_step_2"]) - (n // 2 if centre is None else centre)
    scale = 1.0 / n if float(np.abs(points).max()) <= 0.5 * (1 + 1e-3) else 1.0
    return np.concatenate([np.full((len(points), 1), step * scale, np.float32), points[:, ::-1]], 1)


def _common(path: str | PathLike[str], places: list[list[np.ndarray]]) -> np.ndarray:
    stacked = np.stack([np.stack(p) for p in places])
    if not np.allclose(stacked, stacked[:1], atol=1e-5 * max(float(np.abs(stacked).max()), 1e-30)):
        raise FileFormatError(
            f"{fspath(path)}: the images have different trajectories; read one by contrast=…, "
            "repetition=… or slice=…."
        )
    return np.ascontiguousarray(stacked[0])
