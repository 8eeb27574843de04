"""Nikon's ``.xtekct``: an INI file beside a folder of TIFF projections, a circular cone beam.

Its middle row lies in the plane of the source and is an exact fan beam, so that one slice can be had alone.
"""

from __future__ import annotations

import configparser
import math
import warnings
from os import PathLike
from pathlib import Path

import numpy as np

from wellposed.errors import FileFormatError, ParameterError
from wellposed_ct.files.scan import RawScan, central_plane
from wellposed_ct.files.tiff import by_number, check_page, is_tiff, stack_rows
from wellposed_ct.geometry import ConeGeometry

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

    Angles are ``InitialAngle + i·AngularStep``; lengths are millimetres; counts are divided by
    ``WhiteLevel``. The file does not tell which way the stage turns: a mirrored picture needs negated angles.

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
    start, step = (math.radians(_number(path, entries, n, 0.0)) for n in ("InitialAngle", "AngularStep"))
    columns_mm = _number(path, entries, "DetectorPixelSizeX")
    try:
        cone = ConeGeometry(
            start + (step or 2 * math.pi / views) * np.arange(views),
            (rows, *(size or (bins, bins))),
            _number(path, entries, "SrcToObject"),
            _number(path, entries, "SrcToDetector"),
            (rows, bins),
            (_number(path, entries, "DetectorPixelSizeY", columns_mm), columns_mm),
            pixel_mm,
            axis_mm=-_number(path, entries, "DetectorOffsetX", 0.0),
            plane_mm=-_number(path, entries, "DetectorOffsetY", 0.0),
        )
    except ParameterError as error:
        raise FileFormatError(f"{path}: {error}") from error
    ignored = [
        f"{name} = {entries[name]}"
        for name in ("CentreOfRotationTop", "CentreOfRotationBottom", "ObjectTilt")
        if _number(path, entries, name, 0.0)
    ]
    if ignored:
        warnings.warn(
            f"{path}: {', '.join(ignored)} are not used; find the centre (`--centre auto`, ct.Centre), or "
            "state axis_mm.",
            UserWarning,
            stacklevel=2,
        )
    frames, white = _projections(path, entries, views), _number(path, entries, "WhiteLevel")
    if (shape := check_page(path, frames)) != (rows, bins):
        raise FileFormatError(
            f"{path}: projections have {shape[0]} × {shape[1]} pixels, and {rows} × {bins} are announced."
        )
    found = RawScan(
        path, "Nikon XTekCT", central_plane(cone), rows, stack_rows(path, frames),
        values="counts", blank=white, cone=cone, files=tuple(dict.fromkeys(page[0] for page in frames)),
    )  # fmt: skip
    return found if volume else found.middle()


def _entries(path: Path) -> dict[str, str]:
    if path.stat().st_size > MAX_BYTES:
        raise FileFormatError(f"{path}: larger than {MAX_BYTES >> 20} MiB; that is no .xtekct.")
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    try:
        parser.read_string(path.read_text("utf-8", "replace"))
        return dict(parser[SECTION])
    except (configparser.Error, KeyError) as error:
        raise FileFormatError(f"{path}: no readable .xtekct with a section [{SECTION}]: {error}") from error


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
