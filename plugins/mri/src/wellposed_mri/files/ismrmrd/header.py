"""The XML header of an ISMRMRD file: sizes, fields of view, and where the centre of k-space lies."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any
from xml.etree import ElementTree

import attrs

from wellposed.errors import FileFormatError

MAX_HEADER = 1 << 22

Triple = tuple[int, int, int]
Lengths = tuple[float, float, float]


@attrs.frozen
class Encoding:
    """What the header says of the first encoding: matrix sizes and fields of view in mm, (z, y, x).

    ``centres`` are the steps (2, 1) at the centre of k-space where encoding limits tell them, ``last`` the
    largest ones; ``calibration`` is the mode of parallel imaging (embedded, separate, …); ``description``
    the numbers of the trajectory's description by name, such as the times of an echo-planar gradient in µs.
    """

    encoded: Triple
    reconstructed: Triple
    encoded_fov: Lengths
    field_of_view: Lengths
    trajectory: str
    centres: tuple[int | None, int | None]
    last: tuple[int | None, int | None]
    calibration: str
    noise_bandwidth: float
    description: Mapping[str, float]

    @property
    def readout(self) -> int:
        """Samples of a readout within the image's field of view: without oversampling."""
        wide, narrow = self.encoded[2], self.reconstructed[2]
        if self.encoded_fov[2] > 0 and self.field_of_view[2] > 0:
            narrow = round(wide * self.field_of_view[2] / self.encoded_fov[2])
        return min(max(narrow, 1), wide)

    @property
    def image(self) -> Triple:
        """Size of the Cartesian image: as encoded, but without readout oversampling."""
        return (*self.encoded[:2], self.readout)

    @property
    def voxel(self) -> Lengths | None:
        """Voxel size of :attr:`image` in mm, where the header tells it."""
        return _ratio(self.encoded_fov, self.encoded)

    @property
    def shown_voxel(self) -> Lengths | None:
        """Voxel size of the reconstructed matrix in mm, where the header tells it."""
        return _ratio(self.field_of_view, self.reconstructed)

    @property
    def crop(self) -> Triple:
        """How much of :attr:`image` the scanner would show: without oversampling along y and z."""
        size = [
            round(n * fov / full) if 0 < fov < full else n
            for n, fov, full in zip(self.image[:2], self.field_of_view, self.encoded_fov, strict=False)
        ]
        return max(size[0], 1), max(size[1], 1), self.readout


def ismrmrd_group(file: Any) -> Any:
    """Return the group that holds an ISMRMRD ``xml`` and ``data``, or ``None``."""
    for group in file.values():
        if hasattr(group, "keys") and "xml" in group and "data" in group:
            return group
    return None


def encoding_of(path: str | PathLike[str], group: Any) -> Encoding:
    """Return the encoding in the group's header; :class:`FileFormatError` where it is missing or damaged."""
    return parse_header(path, group["xml"][0])


def parse_header(path: str | PathLike[str], text: bytes | str) -> Encoding:
    """Return the encoding of the XML ``text``."""
    raw = text.encode() if isinstance(text, str) else bytes(text)
    if len(raw) > MAX_HEADER or b"<!DOCTYPE" in raw:
        raise FileFormatError(f"{fspath(path)}: the ISMRMRD header is not one: too long, or with a DOCTYPE.")
    try:
        root = ElementTree.fromstring(raw)
    except ElementTree.ParseError as error:
        raise FileFormatError(f"{fspath(path)}: the ISMRMRD header is not valid XML: {error}") from error
    found = root.find("{*}encoding")
    if found is None or found.find("{*}encodedSpace/{*}matrixSize") is None:
        raise FileFormatError(f"{fspath(path)}: the ISMRMRD header has no encodedSpace with a matrixSize.")
    bandwidth = root.findtext("{*}acquisitionSystemInformation/{*}relativeReceiverNoiseBandwidth")
    try:
        encoding = _encoding(found, float(bandwidth or 1))
    except ValueError as error:
        raise FileFormatError(f"{fspath(path)}: the ISMRMRD header has a wrong value: {error}.") from error
    _require_sizes(path, encoding)
    return encoding


def _require_sizes(path: str | PathLike[str], encoding: Encoding) -> None:
    for name, sizes in (("encodedSpace", encoding.encoded), ("reconSpace", encoding.reconstructed)):
        if min(sizes) < 1:
            raise FileFormatError(
                f"{fspath(path)}: the ISMRMRD header has the matrixSize {sizes} (z, y, x) in {name}, but "
                "sizes are at least 1."
            )


def _encoding(found: ElementTree.Element, bandwidth: float) -> Encoding:
    encoded = _sizes(found, "encodedSpace")
    reconstructed = _sizes(found, "reconSpace")
    encoded_fov, fov = _lengths(found, "encodedSpace"), _lengths(found, "reconSpace")
    steps = ("kspace_encoding_step_2", "kspace_encoding_step_1")
    return Encoding(
        encoded=encoded,
        reconstructed=reconstructed if all(reconstructed) else encoded,
        encoded_fov=encoded_fov,
        field_of_view=fov if any(fov) else encoded_fov,
        trajectory=(found.findtext("{*}trajectory") or "cartesian").strip().lower(),
        centres=(_limit(found, steps[0], "center"), _limit(found, steps[1], "center")),
        last=(_limit(found, steps[0], "maximum"), _limit(found, steps[1], "maximum")),
        calibration=(found.findtext("{*}parallelImaging/{*}calibrationMode") or "").strip().lower(),
        noise_bandwidth=bandwidth,
        description=_described(found),
    )


def _described(found: ElementTree.Element) -> dict[str, float]:
    parameters = (
        parameter
        for kind in ("Long", "Double")
        for parameter in found.findall(f"{{*}}trajectoryDescription/{{*}}userParameter{kind}")
    )
    return {p.findtext("{*}name") or "": float(p.findtext("{*}value") or 0) for p in parameters}


def _ratio(lengths: Lengths, sizes: Triple) -> Lengths | None:
    if not (all(lengths) and all(sizes)):
        return None
    z, y, x = (length / n for length, n in zip(lengths, sizes, strict=True))
    return z, y, x


def _sizes(found: ElementTree.Element, space: str) -> Triple:
    z, y, x = (int(found.findtext(f"{{*}}{space}/{{*}}matrixSize/{{*}}{axis}") or 0) for axis in "zyx")
    return z, y, x


def _lengths(found: ElementTree.Element, space: str) -> Lengths:
    z, y, x = (float(found.findtext(f"{{*}}{space}/{{*}}fieldOfView_mm/{{*}}{axis}") or 0) for axis in "zyx")
    return z, y, x


def _limit(found: ElementTree.Element, step: str, name: str) -> int | None:
    text = found.findtext(f"{{*}}encodingLimits/{{*}}{step}/{{*}}{name}")
    return None if text is None else int(text)
