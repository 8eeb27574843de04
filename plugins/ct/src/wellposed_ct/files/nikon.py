"""Nikon's ``.xtekct``: an INI file beside a folder of TIFF projections, a circular cone beam.

The row in the plane of the source is an exact fan beam, so that one slice can be had alone. The axis may be
displaced, rolled and tilted; what its entries mean, and their signs, is as in the reader of CIL
(tomographicimaging/CIL, NikonDataReader).
"""

from __future__ import annotations

import configparser
import math
import warnings
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wellposed.errors import FileFormatError, ParameterError
from wellposed_ct.files.angles import numbered
from wellposed_ct.files.scan import RawScan, central_plane
from wellposed_ct.files.tiff import by_number, check_page, is_tiff, stack_rows
from wellposed_ct.geometry import ConeGeometry
from wellposed_ct.geometry.axis import about_axis
from wellposed_ct.geometry.parallel import check_positive

__all__ = ["open_nikon"]

SECTION = "XTekCT"

MAX_BYTES = 2**20

MAX_VIEWS = 2**17


def open_nikon(
    path: str | PathLike[str],
    size: tuple[int, int] | None = None,
    pixel_mm: float | None = None,
    volume: bool = False,
) -> RawScan:
    """Open a scan by its ``.xtekct``: the fan beam of its middle row, or the whole cone beam.

    Angles begin at ``InitialAngle`` and go in steps of ``AngularStep``, or as an ``.ang`` or ``_ctdata.txt``
    beside it measured them. Lengths are millimetres; counts are divided by ``WhiteLevel``. The offset of the
    panel, and that of the axis (``ObjectOffsetX``, ``ObjectRoll``, ``ObjectTilt``, or ``CentreOfRotationTop``
    and ``-Bottom``), are part of the geometry. The file does not tell which way the stage turns: a mirrored
    picture needs negated angles.

    Parameters
    ----------
    path
        The ``.xtekct``; projections lie beside it, or in its ``InputFolderName``.
    size, pixel_mm
        Of a slice; by default as many pixels as bins, each a bin seen at the axis.
    volume
        Whether to open all rows; the volume has as many slices as the panel has rows.

    Raises
    ------
    FileFormatError
        No such INI file, entries that are missing or no numbers, or projections that do not fit.
    """
    path = Path(path)
    entries = _entries(path)
    views, bins, rows = (
        int(_number(path, entries, n)) for n in ("Projections", "DetectorPixelsX", "DetectorPixelsY")
    )
    if not (0 < views <= MAX_VIEWS and bins > 0 and rows > 0):
        raise FileFormatError(f"{path}: {views} projections of {rows} × {bins} pixels cannot be.")
    angles, source = _angles(path, entries, views)
    try:
        cone = _cone(path, entries, angles, (rows, bins), size or (bins, bins), pixel_mm)
    except ParameterError as error:
        raise FileFormatError(f"{path}: {error}") from error
    frames, white = _projections(path, entries, views), _number(path, entries, "WhiteLevel")
    if (shape := check_page(path, frames)) != (rows, bins):
        raise FileFormatError(
            f"{path}: projections have {shape[0]} × {shape[1]} pixels, and {rows} × {bins} are announced."
        )
    found = RawScan(
        path, "Nikon XTekCT", central_plane(cone), rows, stack_rows(path, frames),
        values="counts", blank=white, cone=cone, angles_from=source,
        files=tuple(dict.fromkeys(page[0] for page in frames)),
    )  # fmt: skip
    return found if volume else found.middle()


def _cone(
    path: Path,
    entries: dict[str, str],
    angles: NDArray[np.float64],
    detector: tuple[int, int],
    plane: tuple[int, int],
    pixel_mm: float | None,
) -> ConeGeometry:
    def number(name: str, default: float | None = None) -> float:
        return _number(path, entries, name, default)

    near, far, columns_mm = (number(n) for n in ("SrcToObject", "SrcToDetector", "DetectorPixelSizeX"))
    check_positive("ConeGeometry", source_axis_mm=near, source_detector_mm=far)
    rows_mm = number("DetectorPixelSizeY", columns_mm)
    panel = (number("DetectorOffsetX", 0.0), far - near, number("DetectorOffsetY", 0.0))
    top, bottom = number("CentreOfRotationTop", 0.0), number("CentreOfRotationBottom", 0.0)
    offset = number("ObjectOffsetX", (top + bottom) / 2 * near / far)
    roll = -math.radians(number("ObjectRoll", -math.degrees(math.atan2(top - bottom, detector[0] * rows_mm))))
    tilt = math.radians(number("ObjectTilt", 0.0))
    size = (detector[0], *plane)
    # what moves no ray by a quarter of a bin is left out: rotated panels cost memory
    reach = max(detector[0] * rows_mm, detector[1] * columns_mm) / 2
    turned = max(abs(roll) * reach, abs(tilt) * reach, abs(offset / near) * reach * reach / far)
    if turned < min(rows_mm, columns_mm) / 4:
        return ConeGeometry(
            angles, size, near, far, detector, (rows_mm, columns_mm), pixel_mm,
            axis_mm=offset * far / near - panel[0], plane_mm=-panel[2],
        )  # fmt: skip
    direction = (math.sin(roll), math.cos(roll) * math.sin(tilt), math.cos(roll) * math.cos(tilt))
    vectors = [(0, -near, 0), panel, (columns_mm, 0, 0), (0, 0, rows_mm)]
    return about_axis(angles, size, vectors, (offset, 0, 0), direction, detector, pixel_mm)


def _angles(path: Path, entries: dict[str, str], views: int) -> tuple[NDArray[np.float64], str]:
    """Return radians, and who told them.

    Files of measured angles count from another start, and some the other way round, so that start and
    direction are those of the ``.xtekct``.
    """
    start, step = (_number(path, entries, n, 0.0) for n in ("InitialAngle", "AngularStep"))
    nominal = start + (step or 360.0 / views) * np.arange(views)
    name = entries.get("Name", path.stem)
    places = [path.parent / n for n in (f"{name}.ang", "_ctdata.txt", f"{name}_ctdata.txt")]
    side = next((place for place in places if place.is_file()), None)
    if side is None:
        return np.deg2rad(nominal), "the file"
    measured = np.unwrap(numbered(side), period=360.0)
    if len(measured) != views:
        warnings.warn(
            f"{side}: holds {len(measured)} angles for {views} projections and is not used; the angles are "
            f"{nominal[0]:g}° in steps of {nominal[1] - nominal[0] if views > 1 else 0:g}°.",
            UserWarning,
            stacklevel=3,
        )
        return np.deg2rad(nominal), "the file"
    turned = measured - measured[0]
    if turned[-1] * (nominal[-1] - nominal[0]) < 0:
        turned = -turned
    return np.deg2rad(start + turned), side.name


def _entries(path: Path) -> dict[str, str]:
    if path.stat().st_size > MAX_BYTES:
        raise FileFormatError(f"{path}: larger than {MAX_BYTES >> 20} MiB; that is no .xtekct.")
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    try:
        parser.read_string(path.read_text("utf-8", "replace"))
        return dict(parser[SECTION])
    except (configparser.Error, KeyError) as error:
        why = " ".join(str(error).split())
        raise FileFormatError(f"{path}: no readable .xtekct with a section [{SECTION}]: {why}") from error


def _number(path: Path, entries: dict[str, str], name: str, default: float | None = None) -> float:
    text = entries.get(name)
    if text is None and default is not None:
        return default
    try:
        value = float(str(text))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FileFormatError(f"{path}: {name} = {text!r}, and a number is expected.")
    return value


def _projections(path: Path, entries: dict[str, str], views: int) -> list[tuple[Path, int]]:
    # a path from the file is followed only inside the scan's own folder
    folder = path.parent / Path(entries.get("InputFolderName", "").replace("\\", "/")).name
    name = entries.get("Name", path.stem)
    for place in (folder, path.parent):
        found = sorted((p for p in place.glob("*") if is_tiff(p) and p.name.startswith(name)), key=by_number)
        if len(found) >= views:
            return [(p, 0) for p in found[:views]]
    raise FileFormatError(f"{path}: {views} projections {name}*.tif are announced, and fewer lie beside it.")
