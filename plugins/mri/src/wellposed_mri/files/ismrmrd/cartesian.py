"""Cartesian readouts into k-space: lines where their counters say, averages averaged."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wellposed.errors import FileFormatError
from wellposed_mri.files.ismrmrd.epi import Straightener
from wellposed_mri.files.ismrmrd.header import Encoding
from wellposed_mri.files.ismrmrd.readouts import centre_of, readouts
from wellposed_mri.files.ismrmrd.selection import Selection
from wellposed_mri.files.opening import bounded
from wellposed_mri.fourier import centred_fft, centred_ifft


def sort(
    path: str | PathLike[str],
    table: Any,
    chosen: Selection,
    encoding: Encoding,
    max_bytes: int,
    straight: Straightener | None = None,
) -> tuple[Tensor, Tensor]:
    """Return k-space ``(images, coils, z, y, x)`` without readout oversampling, and where it was sampled.

    The mask is ``(images, 1, z, y, x)`` float32. Readouts go through ``straight`` first, if there is one.
    """
    coils = int(table["head"]["active_channels"][chosen.rows].max())
    shape = (chosen.images, coils, *encoding.encoded)
    bounded(path, shape, 16, max_bytes)
    kspace = np.zeros(shape, dtype=np.complex64)
    counts = np.zeros((chosen.images, *encoding.encoded), dtype=np.float32)
    for image, (row, line) in zip(chosen.image, readouts(path, table, chosen.rows), strict=True):
        if straight is None:
            start = encoding.encoded[2] // 2 - centre_of(row["head"], encoding.encoded[2])
        else:
            line, start = straight(path, row["head"], line), 0
        place = (image, *_place(path, row["head"], start, start + line.shape[1], encoding))
        kspace[place[0], : line.shape[0], *place[1:]] += line
        counts[place] += 1
    kspace /= np.maximum(counts, 1)[:, None]
    mask = torch.from_numpy((counts > 0).astype(np.float32))[:, None]
    return without_oversampling(torch.from_numpy(kspace), mask, encoding.readout)


def _place(
    path: str | PathLike[str], head: Any, start: int, stop: int, encoding: Encoding
) -> tuple[int, int, slice]:
    index, width = head["idx"], encoding.encoded[2]
    z, y = (
        int(index[f"kspace_encode_step_{axis}"]) + (0 if centre is None else n // 2 - centre)
        for axis, centre, n in zip((2, 1), encoding.centres, encoding.encoded[:2], strict=True)
    )
    inside = 0 <= z < encoding.encoded[0] and 0 <= y < encoding.encoded[1]
    if not inside or start < 0 or stop > width:
        raise FileFormatError(
            f"{fspath(path)}: readout {int(head['scan_counter'])} (step {y}, {z}; samples {start} to "
            f"{stop}) does not fit the header's matrix {encoding.encoded} (z, y, x)."
        )
    return z, y, slice(start, stop)


def without_oversampling(y: Tensor, mask: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Return k-space and mask of the central ``width`` columns of the image.

    Where readouts are incomplete (partial echo), the mask keeps the samples of the coarser k-space that lie
    among the acquired ones.
    """
    wide = y.shape[-1]
    if width >= wide:
        return y, mask
    image = centred_ifft(y, (-1,)).narrow(-1, wide // 2 - width // 2, width)
    step = (torch.arange(width) - width // 2) * (wide / width)
    kept = (step.round().long() + wide // 2).clamp(0, wide - 1)
    coarse = mask[..., kept]
    return centred_fft(image, (-1,)) * coarse, coarse
