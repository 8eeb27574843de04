"""K-space from NumPy and MATLAB files: arrays by stated names, axes by stated letters."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import FileFormatError
from wellposed.measurement import Measurement
from wellposed_mri.files.array_axes import (
    BY_AXES,
    IMAGE,
    SHOTS,
    complex_values,
    key_of,
    kspace_key,
    mask_like,
    ordered,
    require_letters,
    shot_letters,
    trajectory_of,
)
from wellposed_mri.files.arrays import Array, arrays
from wellposed_mri.files.opening import MAX_BYTES
from wellposed_mri.files.scan import (
    Maps,
    measurement,
    require_choice,
    require_sizes,
    sampled,
    shot_measurement,
    sizes,
)
from wellposed_mri.files.trajectory_units import Unit, in_cycles_per_fov, require_unit


@attrs.frozen
class ArrayReader:
    """Read k-space from ``.npy``, ``.npz`` or ``.mat`` (every version, v7.3 too).

    Parameters
    ----------
    maps
        As in :class:`~wellposed_mri.HDF5Reader`, where the file has no sensitivities.
    kspace, sensitivities, mask, trajectory
        The arrays' names in the file; by default the usual ones (``kspace``, ``maps``, ``mask``, ``traj``
        and so on).
    axes
        What the axes of k-space are, a letter each: b slices, c coils, d depth, h rows, w columns; with a
        trajectory s shots, m samples. By default ``hw``, ``chw``, ``bchw`` or ``bcdhw`` for 2 to 5 axes, and
        ``csm`` with a trajectory. A file with the coils last is read by ``axes="hwc"``; sensitivities are
        taken to have the same order.
    shape
        Size of the image, which a trajectory does not tell.
    trajectory_unit
        As in :class:`~wellposed_mri.HDF5Reader`.
    centred
        Whether the origin of k-space is in the middle; ``False`` for the order of an FFT, origin first.
    max_bytes
        Largest array that is allocated.
    """

    maps: Maps = "espirit"
    kspace: str | None = None
    sensitivities: str | None = None
    mask: str | None = None
    trajectory: str | None = None
    axes: str | None = None
    shape: tuple[int, ...] | None = attrs.field(default=None, converter=sizes)
    trajectory_unit: Unit = "auto"
    centred: bool = True
    max_bytes: int = MAX_BYTES

    def __attrs_post_init__(self) -> None:
        """Check the choices."""
        require_choice(self.maps)
        require_unit(self.trajectory_unit)
        require_letters(self.axes)
        require_sizes(self.shape)

    def read(self, path: str | PathLike[str]) -> Measurement:
        """Return k-space ``(slices, coils, *image)``, or shots ``(slices, coils, shots, samples)``.

        Raises
        ------
        FileFormatError
            Damaged, too large, without k-space under a known name, real, or with axes that do not fit.
        """
        found = arrays(path, self.max_bytes)
        key = kspace_key(path, found, self.kspace)
        known = {"format": "MATLAB" if Path(path).suffix.lower() == ".mat" else "NumPy", "kspace": key}
        maps = self._maps(path, found)
        points = key_of(path, found, "trajectory", self.trajectory)
        if points is not None:
            trajectory = trajectory_of(path, points, found[points])
            return self._along(path, key, found[key], trajectory, maps, known)
        return self._cartesian(path, key, found, maps, known)

    def _cartesian(
        self,
        path: str | PathLike[str],
        key: str,
        found: Mapping[str, Array],
        maps: Maps | Tensor,
        known: Mapping[str, Any],
    ) -> Measurement:
        values = complex_values(path, key, found[key])
        kspace = ordered(path, values, self.axes or BY_AXES.get(values.ndim, ""), IMAGE)
        if not self.centred:
            kspace = torch.fft.fftshift(kspace, tuple(range(2, kspace.ndim)))
        name = key_of(path, found, "mask", self.mask)
        mask = sampled(kspace) if name is None else mask_like(path, found[name], kspace, self.centred)
        slices = kspace.shape[0] if kspace.ndim == 4 else kspace.shape[2]
        return measurement(path, kspace, mask, maps, {**known, "slices_per_volume": slices})

    def _along(
        self,
        path: str | PathLike[str],
        key: str,
        array: Array,
        trajectory: Tensor,
        maps: Maps | Tensor,
        known: Mapping[str, Any],
    ) -> Measurement:
        size = self.shape
        if size is None and isinstance(maps, Tensor):
            size = tuple(maps.shape[-trajectory.shape[-1] :])
        if size is None:
            raise FileFormatError(
                f"{fspath(path)}: has a trajectory, which does not tell the size of the image; pass "
                "shape=[rows, columns] (on the command line --reader mri.array_reader:shape=[ROWS,COLUMNS])."
            )
        values = complex_values(path, key, array)
        letters = shot_letters(values.shape, len(trajectory), self.axes)
        data = ordered(path, values, letters, SHOTS)
        if data.shape[2:] != trajectory.shape[:-1]:
            raise FileFormatError(
                f"{fspath(path)}: data {values.shape} read as {letters!r} have {tuple(data.shape[2:])} shots "
                f"and samples, and the trajectory has {tuple(trajectory.shape[:-1])}; state the axes, such "
                "as axes='csm' for (coils, shots, samples)."
            )
        in_fov, unit = in_cycles_per_fov(path, trajectory, size, self.trajectory_unit)
        return shot_measurement(path, data, in_fov, size, maps, {**known, "trajectory_unit": unit})

    def _maps(self, path: str | PathLike[str], found: Mapping[str, Array]) -> Maps | Tensor:
        key = key_of(path, found, "sensitivities", self.sensitivities)
        if key is None:
            return self.maps
        values = complex_values(path, key, found[key])
        # the letters of k-space serve where there are as many of them
        stated = self.axes or ""
        letters = stated if len(stated) == values.ndim and set(stated) <= set(IMAGE) else ""
        return ordered(path, values, letters or BY_AXES.get(values.ndim, ""), IMAGE)
