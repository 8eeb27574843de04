"""A blur kernel from an image or a NumPy file: nonnegative, of sum one."""

from __future__ import annotations

import zipfile
from os import PathLike
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from wellposed.errors import FileFormatError
from wellposed_viz.photo._deep import Array
from wellposed_viz.photo.reader import PhotoReader

MAX_PIXELS = 2**22


def read_kernel(
    path: str | PathLike[str], max_pixels: int = MAX_PIXELS, *, bright_border: bool = False
) -> Tensor:
    """Return the kernel in ``path`` as ``(h, w)`` float32, nonnegative, of sum one.

    Parameters
    ----------
    path
        A grey image (or a colour one whose channels agree), ``.npy``, or ``.npz`` with one array or one
        named ``kernel``. Values are taken as stored and divided by their sum.
    max_pixels
        Largest kernel accepted; 2²² unless told otherwise.
    bright_border
        Whether to accept a kernel that looks inverted: bright all along its border and dark inside.

    Raises
    ------
    FileFormatError
        Not such a file, damaged, too large, not two-dimensional; NaN, negative, all zero, or inverted.
    """
    suffix = Path(path).suffix.lower()
    if suffix in (".npy", ".npz"):
        values = _read_numpy(path, suffix, max_pixels)
    else:
        y = PhotoReader(max_pixels).read(path).y
        assert isinstance(y, Tensor)
        if bool((y != y[:, :1]).any()):
            raise FileFormatError(f"{path}: is coloured, and a kernel is one grey image; convert it to grey.")
        values = y[0, 0].numpy()
    kernel = _normalised(path, values)
    if not bright_border and looks_inverted(kernel):
        raise FileFormatError(
            f"{path}: is bright all along its border and darker inside; is it inverted (black on white)? "
            "Invert it, or say bright_border=True if it is meant so."
        )
    return torch.from_numpy(kernel)


def looks_inverted(kernel: Array) -> bool:
    """Whether the border is bright nearly everywhere, brighter on average than the inside, which has gaps.

    Light that spreads leaves the border dark; a trail drawn in black leaves it white. A thin trail hardly
    changes the mean of the inside, so that the means alone would not tell.
    """
    if min(kernel.shape) < 5:
        return False
    inside = kernel[1:-1, 1:-1]
    border = np.concatenate([kernel[0], kernel[-1], kernel[1:-1, 0], kernel[1:-1, -1]])
    bright = np.quantile(border, 0.1) > 0.5 * kernel.max()
    return bool(bright and border.mean() > inside.mean() and inside.min() < 0.5 * np.median(border))


def _normalised(path: str | PathLike[str], values: Array) -> Array:
    # one blur for all samples and channels may come as (1, 1, h, w)
    while values.ndim > 2 and values.shape[0] == 1:
        values = values[0]
    if values.ndim != 2 or values.size == 0:
        raise FileFormatError(f"{path}: has shape {values.shape}, and a kernel is (height, width).")
    if values.dtype.kind not in "buif":
        raise FileFormatError(f"{path}: holds {values.dtype}, and a kernel is made of real numbers.")
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise FileFormatError(f"{path}: some values are NaN or infinite; repair the kernel.")
    if values.min() < 0:
        raise FileFormatError(
            f"{path}: its smallest value is {values.min():.3g}, and a kernel is nonnegative; clip it first."
        )
    if values.max() == 0:
        raise FileFormatError(f"{path}: is all zero (black); a kernel is bright where light goes.")
    values /= values.max()  # the sum of huge numbers may overflow
    kernel: Array = (values / values.sum()).astype(np.float32)
    return kernel


def _read_numpy(path: str | PathLike[str], suffix: str, max_pixels: int) -> Array:
    try:
        if suffix == ".npy":
            # mapped, so that a header that promises terabytes allocates nothing
            found: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        else:
            found = _read_npz(path, max_pixels)
    except FileFormatError:
        raise
    except Exception as error:  # damaged archives raise anything from SyntaxError to BadZipFile
        raise FileFormatError(
            f"{path}: is not a readable {suffix} file of plain numbers ({type(error).__name__}: "
            f"{str(error)[:120]}); save it again with numpy.save."
        ) from error
    if found.size > max_pixels:
        raise _too_large(path, found.size, max_pixels)
    return np.array(found)


def _read_npz(path: str | PathLike[str], max_pixels: int) -> Array:
    with zipfile.ZipFile(path) as archive:
        sizes = {info.filename.removesuffix(".npy"): info.file_size for info in archive.infolist()}
    name = "kernel" if "kernel" in sizes else next(iter(sizes), None)
    if name is None or (len(sizes) > 1 and name != "kernel"):
        raise FileFormatError(f"{path}: holds {len(sizes)} arrays; one, or one named 'kernel', is expected.")
    if sizes[name] > 16 * max_pixels + 4096:
        raise _too_large(path, sizes[name] // 8, max_pixels)
    with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as member:
        _check_npy_header(path, member.read(12 + 2**16), max_pixels)
    with np.load(path, allow_pickle=False) as file:
        found: Array = file[name]
    return found


def _check_npy_header(path: str | PathLike[str], start: bytes, max_pixels: int) -> None:
    import io
    import math

    stream = io.BytesIO(start)
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, _ = read(stream)
    if math.prod(shape) > max_pixels:
        raise _too_large(path, math.prod(shape), max_pixels)


def _too_large(path: str | PathLike[str], size: int, max_pixels: int) -> FileFormatError:
    return FileFormatError(f"{path}: has some {size} values, more than max_pixels={max_pixels}.")
