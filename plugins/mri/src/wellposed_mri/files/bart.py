"""BART's ``.cfl``/``.hdr`` pairs: sixteen axes, columns first, complex floats."""

from __future__ import annotations

import errno
import math
import os
from os import PathLike, fspath
from pathlib import Path

import attrs
import numpy as np
import torch
from torch import Tensor

from wellposed.atomic import atomic_path, write_text
from wellposed.errors import FileFormatError, OutputExistsError
from wellposed.measurement import Measurement
from wellposed_mri.files.opening import MAX_BYTES, bounded
from wellposed_mri.files.scan import (
    Maps,
    measurement,
    require_choice,
    require_sizes,
    sampled,
    shot_measurement,
    sizes,
)
from wellposed_mri.trajectories import from_bart

SUFFIXES = (".cfl", ".hdr")


def cfl_shape(path: str | PathLike[str]) -> tuple[int, ...]:
    """Return the dimensions in the header of a pair, checked against the size of its data."""
    header, data = Path(path).with_suffix(".hdr"), Path(path).with_suffix(".cfl")
    if not Path(path).exists() and not header.exists() and not data.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), fspath(path))
    for part in (header, data):
        if not part.exists():
            raise FileFormatError(f"{part}: is missing; a BART array is a pair of .hdr and .cfl.")
    if header.stat().st_size > 1 << 20:
        raise FileFormatError(f"{header}: is too large for a BART header.")
    lines = header.read_bytes().decode("latin-1").splitlines()
    try:
        place = next(i for i, line in enumerate(lines) if line.strip() == "# Dimensions")
        shape = tuple(int(n) for n in lines[place + 1].split())
    except (StopIteration, IndexError, ValueError) as error:
        raise FileFormatError(f"{header}: is not a BART header: no numbers after '# Dimensions'.") from error
    if not shape or min(shape) < 1 or len(shape) > 32:
        raise FileFormatError(f"{header}: has the impossible dimensions {shape}.")
    if data.stat().st_size != 8 * math.prod(shape):
        raise FileFormatError(
            f"{data}: has {data.stat().st_size} bytes, but {8 * math.prod(shape)} belong to "
            f"dimensions {shape}."
        )
    return shape


def read_cfl(path: str | PathLike[str], max_bytes: int = MAX_BYTES) -> Tensor:
    """Return the array of a pair ``name.cfl``, ``name.hdr`` in BART's own axis order, complex64.

    Raises
    ------
    FileFormatError
        Where the header has no dimensions, or they do not fit the size of the data.
    """
    shape, data = cfl_shape(path), Path(path).with_suffix(".cfl")
    bounded(data, shape, 8, max_bytes)
    values = np.fromfile(data, dtype="<c8").reshape(shape[::-1])
    return torch.from_numpy(values).permute(*range(len(shape) - 1, -1, -1))


def write_cfl(path: str | PathLike[str], array: Tensor, *, overwrite: bool = False) -> None:
    """Write an array, in BART's own axis order, as ``name.cfl`` and ``name.hdr``.

    Raises
    ------
    OutputExistsError
        If either file exists and ``overwrite`` is false, or the ``.hdr`` is another format's (Analyze).
    """
    data, header = Path(path).with_suffix(".cfl"), Path(path).with_suffix(".hdr")
    for part in (data, header):
        if part.exists() and not overwrite:
            raise OutputExistsError(f"{part} exists already; pass overwrite=True or another name.")
    if header.exists() and b"# Dimensions" not in header.read_bytes()[:4096]:
        raise OutputExistsError(f"{header} is not a BART header, and would be replaced; take another name.")
    shape = " ".join(str(n) for n in (*array.shape, *(1,) * (16 - array.ndim)))
    values = array.detach().cpu().to(torch.complex64).permute(*range(array.ndim - 1, -1, -1))
    with atomic_path(data, overwrite=overwrite) as temporary:
        values.contiguous().resolve_conj().numpy().astype("<c8").tofile(temporary)
    write_text(header, f"# Dimensions\n{shape}\n", overwrite=overwrite)


@attrs.frozen
class BARTReader:
    """Read k-space from BART's ``.cfl`` and ``.hdr``: axes x, y, z, coils, …; slices on axis 13.

    Parameters
    ----------
    maps, max_bytes
        As in :class:`~wellposed_mri.HDF5Reader`.
    sensitivities
        Another pair with coil maps, as ``bart ecalib`` writes them: x, y, z, coils, sets.
    trajectory
        Another pair with the trajectory ``(3, samples, shots)`` in BART's unit, cycles/FOV; the data are then
        ``(1, samples, shots, coils)``.
    shape
        Size of the image (rows, columns), which a trajectory does not tell.
    """

    maps: Maps = "espirit"
    sensitivities: str | None = None
    trajectory: str | None = None
    shape: tuple[int, ...] | None = attrs.field(default=None, converter=sizes)
    max_bytes: int = MAX_BYTES

    def __attrs_post_init__(self) -> None:
        """Check the choices."""
        require_choice(self.maps)
        require_sizes(self.shape)

    def read(self, path: str | PathLike[str]) -> Measurement:
        """Return k-space ``(slices, coils, [z,] y, x)``, or shots, with its physics.

        Raises
        ------
        FileFormatError
            Where files are damaged, or axes are in use that k-space does not have.
        """
        full = _sixteen(read_cfl(path, self.max_bytes))
        maps = self.maps if self.sensitivities is None else self._maps()
        if self.trajectory is not None:
            return self._along(path, full, maps)
        used = [axis for axis in range(4, full.ndim) if full.shape[axis] > 1 and axis != SLICES]
        if used:
            raise FileFormatError(
                f"{fspath(path)}: axes {used} of {_shown(full)} are in use; k-space with x, y, z, "
                "coils (and slices on axis 13) is expected. read_cfl() reads anything."
            )
        x, y, z, coils = full.shape[:4]
        kspace = full.reshape(x, y, z, coils, -1).permute(4, 3, 2, 1, 0).contiguous()
        kspace = kspace[:, :, 0] if z == 1 else kspace
        if min(kspace.shape[-2:]) < 2:
            raise FileFormatError(
                f"{fspath(path)}: k-space of {x} × {y} × {z} is no image; data along a trajectory are read "
                "with trajectory='NAME.cfl' and shape=[rows, columns]. On the command line: "
                "--reader mri.bart_reader:trajectory=NAME.cfl,shape=[ROWS,COLUMNS]."
            )
        meta = {"format": "BART", "slices_per_volume": kspace.shape[0] if z == 1 else z}
        return measurement(path, kspace, sampled(kspace), maps, meta)

    def _along(self, path: str | PathLike[str], full: Tensor, maps: Maps | Tensor) -> Measurement:
        assert self.trajectory is not None
        points = read_cfl(self.trajectory, self.max_bytes).real
        points = points.reshape(*points.shape[:2], -1)
        size = self.shape or (tuple(maps.shape[-2:]) if isinstance(maps, Tensor) else None)
        if size is None:
            raise FileFormatError(
                f"{fspath(path)}: a trajectory does not tell the size of the image; pass shape=[rows, "
                "columns] (on the command line --reader mri.bart_reader:…,shape=[ROWS,COLUMNS])."
            )
        one, samples, shots, coils = full.shape[:4]
        if one != 1 or samples * shots * coils != full.numel():
            raise FileFormatError(
                f"{fspath(path)}: data {_shown(full)} do not fit the trajectory {tuple(points.shape)}; "
                "(1, samples, shots, coils) and (3, samples, shots) are expected."
            )
        require_fit(path, points, samples, shots)
        data = full.reshape(samples, shots, coils).permute(2, 1, 0)[None].contiguous()
        trajectory = from_bart(points, len(size))
        return shot_measurement(path, data, trajectory, size, maps, {"format": "BART"})

    def _maps(self) -> Tensor:
        assert self.sensitivities is not None
        full = _sixteen(read_cfl(self.sensitivities, self.max_bytes))
        x, y, z, coils, sets = full.shape[:5]
        found = full.reshape(x, y, z, coils, sets, -1).permute(5, 4, 3, 2, 1, 0).contiguous()
        return found[:, :, :, 0] if z == 1 else found


SLICES = 13


def require_fit(path: str | PathLike[str], trajectory: Tensor, samples: int, shots: int) -> None:
    """Raise :class:`FileFormatError` unless BART's ``trajectory`` has a point for every sample."""
    shape = tuple(trajectory.shape)
    if (
        shape[:1] != (3,)
        or (*shape[1:], 1)[:2] != (samples, shots)
        or trajectory.numel() != 3 * samples * shots
    ):
        raise FileFormatError(
            f"{fspath(path)}: data of {samples} samples and {shots} shots do not fit the trajectory {shape}; "
            "(1, samples, shots, coils) and (3, samples, shots) are expected."
        )


def _sixteen(array: Tensor) -> Tensor:
    return array.reshape(*array.shape, *(1,) * (16 - array.ndim))


def _shown(full: Tensor) -> tuple[int, ...]:
    """Return the dimensions up to the last one in use."""
    used = max((axis for axis in range(full.ndim) if full.shape[axis] > 1), default=0)
    return tuple(full.shape[: used + 1])
