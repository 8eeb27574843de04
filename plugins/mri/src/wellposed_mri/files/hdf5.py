"""One reader for ``.h5``: ISMRMRD raw files and fastMRI volumes are told apart by what is inside."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from typing import Any

import attrs

from wellposed.errors import FileFormatError, ParameterError
from wellposed.measurement import Measurement
from wellposed_mri.files import fastmri, ismrmrd
from wellposed_mri.files.opening import MAX_BYTES, opened
from wellposed_mri.files.scan import (
    Maps,
    measurement,
    require_choice,
    sampled,
    shot_measurement,
    smallest,
)
from wellposed_mri.files.trajectory_units import Unit, require_unit

SUFFIXES = (".h5", ".hdf5", ".mrd")


def _range(values: object) -> tuple[int, int] | None:
    if values is None:
        return None
    if isinstance(values, str) or not isinstance(values, Sequence) or len(values) != 2:
        raise ParameterError(
            f"slices = {values!r}, but a range (first, after the last) is expected; (3, 4) is slice 3."
        )
    return int(values[0]), int(values[1])


@attrs.frozen
class HDF5Reader:
    """Read k-space from ISMRMRD (``dataset/xml``, ``dataset/data``) or fastMRI (``kspace``) HDF5 files.

    Parameters
    ----------
    maps
        How the physics gets its coil maps: ``espirit``, ``rss``, or ``none`` for no physics (a single coil
        needs none).
    slices
        Range of slices ``(first, after the last)`` of a fastMRI volume; all of them by default.
    slice, contrast, phase, repetition, set
        Which images of an ISMRMRD file: a number, or ``None`` for all of them, which become samples in the
        order set, repetition, phase, contrast, slice (the last one fastest). Averages are averaged.
    whiten
        Make the coils' noise white with unit variance where an ISMRMRD file has a noise scan.
    ghost_correction
        Of an echo-planar ISMRMRD file: take the phase between readouts of the two directions from its
        navigators (``ACQ_IS_PHASECORR_DATA``); ``False`` leaves the ghost.
    trajectory_unit
        Of a non-Cartesian ISMRMRD file: ``cycles/pixel``, ``cycles/FOV``, ``radians/pixel``, or ``auto`` to
        tell it by the reach of the trajectory.
    max_bytes
        Largest array that is allocated.
    """

    maps: Maps = "espirit"
    slices: tuple[int, int] | None = attrs.field(default=None, converter=_range)
    slice: int | None = None
    contrast: int | None = 0
    phase: int | None = 0
    repetition: int | None = 0
    set: int | None = 0
    whiten: bool = True
    ghost_correction: bool = True
    trajectory_unit: Unit = "auto"
    max_bytes: int = MAX_BYTES

    def __attrs_post_init__(self) -> None:
        """Check the choices."""
        require_choice(self.maps)
        require_unit(self.trajectory_unit)

    def read(self, path: str | PathLike[str]) -> Measurement:
        """Read ``path``.

        Returns
        -------
        Measurement
            ``y`` is k-space ``(images, coils, H, W)`` (or with depth before H), centred, or shots
            ``(images, coils, shots, samples)``; ``physics`` the encoding. ``meta`` has ``format`` and, where
            known, ``voxel_mm``, ``affine`` (voxels to scanner millimetres), ``crop`` (what of the image the
            scanner would show), ``images`` (how many along each counter); of fastMRI also
            ``reconstruction_rss``, ``acquisition``, ``max``. ``reference`` is fastMRI's target, a magnitude
            of the centre, NaN outside; without it ``None``.

        Raises
        ------
        FileFormatError
            Damaged, of another kind, too large, or without a calibration region.
        """
        with opened(path) as file:
            if "kspace" in file:
                kspace, mask, meta = fastmri.read_volume(path, file, self.slices, self.max_bytes)
                mask = sampled(kspace) if mask is None else mask
                return fastmri.with_target(measurement(path, kspace, mask, self.maps, meta))
            return self._ismrmrd(path, file)

    def _ismrmrd(self, path: str | PathLike[str], file: Any) -> Measurement:
        group = ismrmrd.ismrmrd_group(file)
        if group is None:
            raise FileFormatError(
                f"{fspath(path)}: holds {', '.join(list(file)[:5]) or 'nothing'}; neither an ISMRMRD "
                "dataset (xml and data) nor fastMRI's kspace."
            )
        chosen = {axis: getattr(self, axis) for axis in ismrmrd.AXES}
        options = ismrmrd.Options(
            chosen, self.whiten, self.ghost_correction, self.trajectory_unit, self.max_bytes
        )
        scan = ismrmrd.read_scan(path, group, options)
        if scan.trajectory is not None:
            return shot_measurement(path, scan.y, scan.trajectory, scan.image, self.maps, scan.meta)
        assert scan.mask is not None
        return measurement(path, scan.y, smallest(scan.mask), self.maps, scan.meta, scan.calibration)
