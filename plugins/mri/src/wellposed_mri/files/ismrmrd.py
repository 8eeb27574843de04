"""ISMRMRD raw files: readouts with headers, sorted into k-space.

Only HDF5 and the standard's own layout are needed for reading, so no other library is.
"""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any
from xml.etree import ElementTree

import attrs
import numpy as np
import torch
from torch import Tensor

from wellposed.errors import FileFormatError
from wellposed_mri.files.opening import bounded
from wellposed_mri.fourier import centred_fft, centred_ifft

MAX_HEADER = 1 << 22
NOISE, REVERSE = 1 << 18, 1 << 21
SKIPPED = NOISE | 1 << 22 | 1 << 23 | 1 << 25 | 1 << 26 | 1 << 27
"""Noise, navigator, phase-correction, feedback and dummy readouts are not part of the image."""


@attrs.frozen
class Encoding:
    """What the header says of the first encoding: matrix sizes (z, y, x), fields of view in mm."""

    encoded: tuple[int, int, int]
    reconstructed: tuple[int, int, int]
    field_of_view: tuple[float, float, float]
    trajectory: str
    centres: tuple[int | None, int | None]


def encoding_of(path: str | PathLike[str], group: Any) -> Encoding:
    """Return the encoding in the XML header; :class:`FileFormatError` where it is missing or damaged."""
    text = group["xml"][0]
    if len(text) > MAX_HEADER or b"<!DOCTYPE" in text:
        raise FileFormatError(f"{fspath(path)}: the ISMRMRD header is not one: too long, or with a DOCTYPE.")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise FileFormatError(f"{fspath(path)}: the ISMRMRD header is not valid XML: {error}") from error
    found = root.find("{*}encoding")
    if found is None or found.find("{*}encodedSpace/{*}matrixSize") is None:
        raise FileFormatError(f"{fspath(path)}: the ISMRMRD header has no encodedSpace with a matrixSize.")
    encoded = tuple(int(v) for v in _axes(found, "encodedSpace/{*}matrixSize", "0"))
    reconstructed = tuple(int(v) for v in _axes(found, "reconSpace/{*}matrixSize", "0"))
    space = "reconSpace" if any(reconstructed) else "encodedSpace"
    fov = tuple(float(v) for v in _axes(found, f"{space}/{{*}}fieldOfView_mm", "0"))
    return Encoding(
        encoded,  # type: ignore[arg-type]
        reconstructed if all(reconstructed) else encoded,  # type: ignore[arg-type]
        fov,  # type: ignore[arg-type]
        (found.findtext("{*}trajectory") or "cartesian").lower(),
        (_centre(found, "kspace_encoding_step_2"), _centre(found, "kspace_encoding_step_1")),
    )


def _axes(found: ElementTree.Element, where: str, default: str) -> list[str]:
    return [found.findtext(f"{{*}}{where}/{{*}}{axis}") or default for axis in "zyx"]


def _centre(found: ElementTree.Element, name: str) -> int | None:
    text = found.findtext(f"{{*}}encodingLimits/{{*}}{name}/{{*}}center")
    return None if text is None else int(text)


def read_kspace(
    path: str | PathLike[str], group: Any, max_bytes: int, contrast: int, repetition: int
) -> tuple[Tensor, Encoding]:
    """Return k-space ``(slices, coils, [z,] y, x)``, averaged over averages, without readout oversampling."""
    encoding = encoding_of(path, group)
    if encoding.trajectory != "cartesian":
        raise FileFormatError(
            f"{fspath(path)}: the trajectory is {encoding.trajectory!r}; this reader sorts Cartesian "
            "readouts. Read data and trajectory with the ismrmrd package and use NonCartesianMRI."
        )
    table = group["data"]
    heads = table["head"]
    index = heads["idx"]
    wanted = (heads["flags"] & np.uint64(SKIPPED)) == 0
    wanted &= (index["contrast"] == contrast) & (index["repetition"] == repetition)
    if not wanted.any():
        raise FileFormatError(
            f"{fspath(path)}: no imaging readouts of contrast {contrast} and repetition {repetition} among "
            f"{len(heads)}."
        )
    coils = int(heads["active_channels"][wanted].max())
    slices = int(index["slice"][wanted].max()) + 1
    shape = (slices, coils, *encoding.encoded)
    bounded(path, shape, 16, max_bytes)
    kspace = np.zeros(shape, dtype=np.complex64)
    counts = np.zeros((slices, *encoding.encoded[:2]), dtype=np.float32)
    for number in np.flatnonzero(wanted):
        _place(path, table[int(number)], encoding, kspace, counts)
    kspace /= np.maximum(counts, 1)[:, None, :, :, None]
    y = torch.from_numpy(kspace)
    y = y[:, :, 0] if encoding.encoded[0] == 1 else y
    return _without_oversampling(y, encoding), encoding


def _place(
    path: str | PathLike[str], row: Any, encoding: Encoding, kspace: np.ndarray, counts: np.ndarray
) -> None:
    head = row["head"]
    samples, coils = int(head["number_of_samples"]), int(head["active_channels"])
    data = np.asarray(row["data"], dtype=np.float32).view(np.complex64)
    index = head["idx"]
    z, y = (
        int(index[f"kspace_encode_step_{axis}"]) + (0 if centre is None else n // 2 - centre)
        for axis, centre, n in zip((2, 1), encoding.centres, encoding.encoded[:2], strict=True)
    )
    start = encoding.encoded[2] // 2 - int(head["center_sample"])
    stop = start + samples
    inside = 0 <= z < encoding.encoded[0] and 0 <= y < encoding.encoded[1]
    if data.size != samples * coils or coils > kspace.shape[1] or not inside or start < 0:
        raise FileFormatError(
            f"{fspath(path)}: readout {int(head['scan_counter'])} (step {y}, {z}; {samples} samples of "
            f"{coils} coils around {int(head['center_sample'])}) does not fit the header's matrix "
            f"{encoding.encoded}."
        )
    if stop > encoding.encoded[2]:
        raise FileFormatError(
            f"{fspath(path)}: a readout of {samples} samples is longer than the "
            f"{encoding.encoded[2]} encoded."
        )
    line = data.reshape(coils, samples)
    if int(head["flags"]) & REVERSE:
        line = line[:, ::-1]
    kspace[int(index["slice"]), :coils, z, y, start:stop] += line
    counts[int(index["slice"]), z, y] += 1


def _without_oversampling(y: Tensor, encoding: Encoding) -> Tensor:
    wide, narrow = encoding.encoded[2], encoding.reconstructed[2]
    if narrow >= wide:
        return y
    image = centred_ifft(y, (-1,)).narrow(-1, wide // 2 - narrow // 2, narrow)
    return centred_fft(image, (-1,))
