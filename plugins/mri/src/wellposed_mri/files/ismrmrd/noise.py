"""The noise scan in front of a measurement: its covariance makes the coils' noise white."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wellposed.errors import FileFormatError, ParameterError
from wellposed_mri.coils import noise_covariance
from wellposed_mri.files.ismrmrd.readouts import readouts
from wellposed_mri.files.ismrmrd.selection import NOISE

ENOUGH = 1 << 19
"""Samples per coil after which no more noise is read."""


def noise_of(
    path: str | PathLike[str], table: Any, coils: int, dwell_us: float, bandwidth: float
) -> Tensor | None:
    """Return the covariance of the noise in imaging samples, ``(coils, coils)``; ``None`` without a scan.

    Noise power goes with the bandwidth: a noise scan sampled at another dwell time is scaled to
    ``dwell_us``, and by the relative noise ``bandwidth`` of the receiver.
    """
    heads = table["head"]
    rows = np.flatnonzero(heads["flags"] & np.uint64(NOISE))
    if len(rows) == 0:
        return None
    lines: list[np.ndarray] = []
    for _, line in readouts(path, table, rows):
        if line.shape[0] != coils:
            raise FileFormatError(
                f"{fspath(path)}: the noise scan has {line.shape[0]} coils and the image {coils}; read it "
                "with whiten=False."
            )
        lines.append(line)
        if sum(part.shape[1] for part in lines) >= ENOUGH:
            break
    noise = torch.from_numpy(np.concatenate(lines, 1)).to(torch.complex128)
    scan_dwell = float(heads["sample_time_us"][rows[0]])
    ratio = scan_dwell / dwell_us if scan_dwell > 0 and dwell_us > 0 else 1.0
    try:
        covariance = noise_covariance(noise)
    except ParameterError as error:
        raise FileFormatError(f"{fspath(path)}: {error} Read it with whiten=False.") from error
    return covariance * (ratio / bandwidth)
