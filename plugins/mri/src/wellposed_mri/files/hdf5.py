"""One reader for ``.h5``: ISMRMRD raw files and fastMRI volumes are told apart by what is inside."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any, TypeAlias

import attrs
import torch
from torch import Tensor

from wellposed.errors import FileFormatError
from wellposed.measurement import Measurement
from wellposed_mri.files import ismrmrd
from wellposed_mri.files.opening import MAX_BYTES, bounded, opened
from wellposed_mri.files.scan import Maps, measurement, require_choice, sampled

Found: TypeAlias = tuple[Tensor, Tensor, dict[str, Any]]
"""K-space, its mask, and what else the file says."""

SUFFIXES = (".h5", ".hdf5", ".mrd")


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
    contrast, repetition
        Which images of an ISMRMRD file.
    max_bytes
        Largest array that is allocated.
    """

    maps: Maps = "espirit"
    slices: tuple[int, int] | None = None
    contrast: int = 0
    repetition: int = 0
    max_bytes: int = MAX_BYTES

    def __attrs_post_init__(self) -> None:
        """Check the choice."""
        require_choice(self.maps)

    def read(self, path: str | PathLike[str]) -> Measurement:
        """Read ``path``.

        Returns
        -------
        Measurement
            ``y`` is k-space ``(slices, coils, H, W)`` (or with depth before H), centred; ``physics`` the
            encoding; ``meta`` has ``format``, ``voxel_mm`` where known, and what fastMRI adds:
            ``reconstruction_rss``, ``acquisition``, ``max``.

        Raises
        ------
        FileFormatError
            Damaged, of another kind, too large, non-Cartesian, or without a calibration region.
        """
        with opened(path) as file:
            if "kspace" in file:
                kspace, mask, meta = self._fastmri(path, file)
            else:
                kspace, mask, meta = self._ismrmrd(path, file)
        return measurement(path, kspace, mask, self.maps, meta)

    def _ismrmrd(self, path: str | PathLike[str], file: Any) -> Found:
        group = ismrmrd_group(file)
        if group is None:
            raise FileFormatError(
                f"{fspath(path)}: holds {', '.join(list(file)[:5]) or 'nothing'}; neither an ISMRMRD "
                "dataset (xml and data) nor fastMRI's kspace."
            )
        kspace, encoding = ismrmrd.read_kspace(path, group, self.max_bytes, self.contrast, self.repetition)
        meta: dict[str, Any] = {"format": "ISMRMRD", "trajectory": encoding.trajectory}
        if all(encoding.field_of_view):
            sizes = zip(encoding.field_of_view, encoding.reconstructed, strict=True)
            meta["voxel_mm"] = [fov / n for fov, n in sizes]
        return kspace, sampled(kspace), meta

    def _fastmri(self, path: str | PathLike[str], file: Any) -> Found:
        stored = file["kspace"]
        if stored.ndim not in (3, 4) or stored.dtype.kind != "c":
            raise FileFormatError(
                f"{fspath(path)}: kspace has shape {stored.shape} of {stored.dtype}, but complex "
                "(slices, [coils,] rows, columns) is expected."
            )
        first, last = self.slices or (0, stored.shape[0])
        bounded(path, (max(last - first, 0), *stored.shape[1:]), 8, self.max_bytes)
        kspace = torch.from_numpy(stored[first:last].astype("complex64"))
        kspace = kspace[:, None] if kspace.ndim == 3 else kspace
        meta: dict[str, Any] = {"format": "fastMRI", "slices": [first, last]}
        for key in ("acquisition", "max", "norm"):
            if key in file.attrs:
                meta[key] = _plain(file.attrs[key])
        for name in ("reconstruction_rss", "reconstruction_esc"):
            if name in file:
                meta[name] = torch.from_numpy(file[name][first:last].astype("float32"))
        mask = sampled(kspace)
        if "mask" in file:
            mask = torch.from_numpy(file["mask"][()].astype("float32")).reshape(1, 1, -1)
        return kspace, mask, meta


def ismrmrd_group(file: Any) -> Any:
    """Return the group that holds an ISMRMRD ``xml`` and ``data``, or ``None``."""
    for group in file.values():
        if hasattr(group, "keys") and "xml" in group and "data" in group:
            return group
    return None


def _plain(value: Any) -> str | float:
    return value if isinstance(value, str) else float(value)
