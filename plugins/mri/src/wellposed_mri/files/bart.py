"""BART's ``.cfl``/``.hdr`` pairs: sixteen axes, columns first, complex floats."""

from __future__ import annotations

import math
from os import PathLike, fspath
from pathlib import Path

import attrs
import numpy as np
import torch
from torch import Tensor

from wellposed.errors import FileFormatError, ParameterError
from wellposed.measurement import Measurement
from wellposed_mri.files.opening import MAX_BYTES, bounded
from wellposed_mri.files.scan import Maps, measurement, require_choice, sampled

SUFFIXES = (".cfl", ".hdr")


def cfl_shape(path: str | PathLike[str]) -> tuple[int, ...]:
    """Return the dimensions in the header of a pair, checked against the size of its data."""
    header, data = Path(path).with_suffix(".hdr"), Path(path).with_suffix(".cfl")
    if not Path(path).exists() and not header.exists() and not data.exists():
        raise FileNotFoundError(f"{fspath(path)}: no such file")
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


def write_cfl(path: str | PathLike[str], array: Tensor) -> None:
    """Write an array, in BART's own axis order, as ``name.cfl`` and ``name.hdr``; existing ones are kept.

    Raises
    ------
    FileExistsError
        If either file exists.
    """
    shape = " ".join(str(n) for n in (*array.shape, *(1,) * (16 - array.ndim)))
    values = array.detach().cpu().to(torch.complex64).permute(*range(array.ndim - 1, -1, -1))
    with Path(path).with_suffix(".cfl").open("xb") as data:
        data.write(values.contiguous().resolve_conj().numpy().astype("<c8").tobytes())
    with Path(path).with_suffix(".hdr").open("x") as header:
        header.write(f"# Dimensions\n{shape}\n")


@attrs.frozen
class BARTReader:
    """Read Cartesian k-space from BART's ``.cfl`` and ``.hdr``: axes x, y, z, coils, …; slices on axis 13.

    Parameters
    ----------
    maps, max_bytes
        As in :class:`~wellposed_mri.HDF5Reader`.
    """

    maps: Maps = "espirit"
    max_bytes: int = MAX_BYTES

    def __attrs_post_init__(self) -> None:
        """Check the choice."""
        require_choice(self.maps)

    def read(self, path: str | PathLike[str]) -> Measurement:
        """Return k-space ``(slices, coils, [z,] y, x)`` with its physics."""
        array = read_cfl(path, self.max_bytes)
        full = array.reshape(*array.shape, *(1,) * (16 - array.ndim))
        used = [axis for axis in range(4, full.ndim) if full.shape[axis] > 1 and axis != 13]
        if used:
            raise FileFormatError(
                f"{fspath(path)}: axes {used} of {tuple(array.shape)} are in use; k-space with x, y, z, "
                "coils (and slices on axis 13) is expected. read_cfl() reads anything."
            )
        x, y, z, coils = full.shape[:4]
        kspace = full.reshape(x, y, z, coils, -1).permute(4, 3, 2, 1, 0).contiguous()
        kspace = kspace[:, :, 0] if z == 1 else kspace
        if min(kspace.shape[-2:]) < 2:
            raise ParameterError(f"{fspath(path)}: k-space of {x}×{y}×{z} is no image.")
        return measurement(path, kspace, sampled(kspace), self.maps, {"format": "BART"})
