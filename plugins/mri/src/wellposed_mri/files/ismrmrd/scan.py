"""A whole file: k-space or shots, white noise, calibration, voxel size and orientation."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any

import attrs
import numpy as np
from torch import Tensor

from wellposed.errors import FileFormatError, ParameterError
from wellposed_mri.coils import whiten as whitened
from wellposed_mri.files.ismrmrd.cartesian import sort
from wellposed_mri.files.ismrmrd.epi import straightener
from wellposed_mri.files.ismrmrd.header import Encoding, encoding_of
from wellposed_mri.files.ismrmrd.noise import noise_of
from wellposed_mri.files.ismrmrd.noncartesian import shots
from wellposed_mri.files.ismrmrd.selection import Selection, of_calibration, of_image
from wellposed_mri.files.orientation import affine_of_slices
from wellposed_mri.files.trajectory_units import Unit


@attrs.frozen(eq=False)
class Scan:
    """What a raw file comes to.

    ``y`` is k-space ``(images, coils, [z,] y, x)`` with its ``mask``, or shots ``(images, coils, shots,
    samples)`` with their ``trajectory`` in cycles/FOV; ``calibration`` k-space of the coil maps, where they
    were acquired apart.
    """

    y: Tensor
    image: tuple[int, ...]
    mask: Tensor | None
    trajectory: Tensor | None
    calibration: Tensor | None
    meta: dict[str, Any]


@attrs.frozen
class Options:
    """What the user chose: see :class:`~wellposed_mri.HDF5Reader`; ``counters`` are those of the images."""

    counters: Mapping[str, int | None]
    whiten: bool
    ghost_correction: bool
    unit: Unit
    max_bytes: int


def read_scan(path: str | PathLike[str], group: Any, options: Options) -> Scan:
    """Read the images that the ``options`` choose."""
    encoding, table = encoding_of(path, group), group["data"]
    heads = table["head"]
    embedded = encoding.calibration not in ("separate", "external", "other")
    selection = of_image(path, heads, options.counters, embedded)
    cartesian = encoding.trajectory in ("cartesian", "epi") or (
        encoding.trajectory == "other" and not heads["trajectory_dimensions"][selection.rows].any()
    )
    meta = {"format": "ISMRMRD", "trajectory": encoding.trajectory, "images": dict(selection.counts)}
    dwell = float(heads["sample_time_us"][selection.rows[0]])
    coils = int(heads["active_channels"][selection.rows].max())
    noise = noise_of(path, table, coils, dwell, encoding.noise_bandwidth) if options.whiten else None
    reading = _cartesian if cartesian else _noncartesian
    scan = reading(path, table, selection, encoding, options, meta)
    place = _orientation(heads, selection, encoding, scan)
    scan = attrs.evolve(scan, meta={**scan.meta, **place, "whitened": noise is not None})
    return scan if noise is None else _white(path, scan, noise)


def _cartesian(
    path: str | PathLike[str],
    table: Any,
    selection: Selection,
    encoding: Encoding,
    options: Options,
    meta: dict[str, Any],
) -> Scan:
    straight = None
    if encoding.trajectory == "epi":
        straight = straightener(
            path, table, selection.rows, encoding, options.ghost_correction, options.max_bytes
        )
        meta["ghost_correction"] = bool(straight.phases)
    y, mask = sort(path, table, selection, encoding, options.max_bytes, straight)
    lines = of_calibration(path, table["head"], options.counters, selection)
    calibration = (
        None if lines is None else sort(path, table, lines, encoding, options.max_bytes, straight)[0]
    )
    if calibration is not None and selection.images != calibration.shape[0]:
        calibration = calibration.repeat(selection.images // calibration.shape[0], 1, 1, 1, 1)
    if encoding.encoded[0] == 1:
        y, mask = y[:, :, 0], mask[:, :, 0]
        calibration = None if calibration is None else calibration[:, :, 0]
    meta["crop"] = list(encoding.crop[-(y.ndim - 2) :])
    return Scan(y, tuple(y.shape[2:]), mask, None, calibration, meta)


def _noncartesian(
    path: str | PathLike[str],
    table: Any,
    selection: Selection,
    encoding: Encoding,
    options: Options,
    meta: dict[str, Any],
) -> Scan:
    y, trajectory, found = shots(path, table, selection, encoding, options.unit, options.max_bytes)
    meta["trajectory_unit"] = found
    image = encoding.reconstructed[-trajectory.shape[-1] :]
    return Scan(y, image, None, trajectory, None, meta)


def _white(path: str | PathLike[str], scan: Scan, noise: Tensor) -> Scan:
    try:
        y = whitened(scan.y, noise)
        calibration = None if scan.calibration is None else whitened(scan.calibration, noise)
    except ParameterError as error:
        raise FileFormatError(f"{fspath(path)}: {error} Or read the file with whiten=False.") from error
    if scan.mask is not None:
        y = y * scan.mask
    return attrs.evolve(scan, y=y, calibration=calibration)


def _orientation(heads: Any, selection: Selection, encoding: Encoding, scan: Scan) -> dict[str, Any]:
    """Return ``slices_per_volume``, ``voxel_mm`` and ``affine``, as far as they are known."""
    size = scan.image if len(scan.image) == 3 else (selection.counts["slice"], *scan.image)
    found: dict[str, Any] = {"slices_per_volume": size[0]}
    voxel = encoding.voxel if scan.trajectory is None else encoding.shown_voxel
    if voxel is None:
        return found
    found["voxel_mm"] = list(voxel)
    picked = heads[selection.rows[selection.image < selection.counts["slice"]]]
    first = np.unique(picked["idx"]["slice"], return_index=True)[1]
    affine = affine_of_slices(picked[first], voxel, (size[0], size[1], size[2]))
    return found if affine is None else {**found, "affine": affine}
