"""TIFF stacks: a folder with a picture per view, or one file with many pages.

TIFF knows neither angles nor lengths: ``geometry.toml`` in the folder, or beside the file, tells them, or an
``angles.txt`` the angles alone. Frames without sample lie in ``flats/`` or are called ``flat*``, ``white*``;
without beam ``darks/``, ``dark*``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wellposed.errors import FileFormatError
from wellposed_ct.files.angles import Angles, assumed, from_file, side_file
from wellposed_ct.files.geometry_toml import read_geometry
from wellposed_ct.files.opening import readable
from wellposed_ct.files.scan import Known, RawScan, RowReader, fitted
from wellposed_ct.geometry import ParallelGeometry
from wellposed_ct.geometry.angles import Ordered

__all__ = ["SUFFIXES", "by_number", "check_page", "is_tiff", "open_tiff", "stack_rows"]

SUFFIXES = (".tif", ".tiff")

GEOMETRY = "geometry.toml"


def is_tiff(path: Path) -> bool:
    """Return whether ``path`` ends like a TIFF file."""
    return path.suffix.lower() in SUFFIXES


def open_tiff(
    path: str | PathLike[str], geometry: Known | None = None, angles_deg: Angles | None = None
) -> RawScan:
    """Open a folder of TIFF files, in the order of their numbers, or a file of many pages.

    Parameters
    ----------
    path
        Projections ``(rows, bins)``, one per view; with flats they are counts.
    geometry
        How they were taken; by default what ``geometry.toml`` says, or else parallel rays at the angles of
        ``angles.txt`` (or ``.csv``, ``.npy``, ``theta.txt``, IMOD's ``.tlt``), or of half a turn.
    angles_deg
        In place of those: see :func:`wellposed_ct.files.angles.stated`.

    Raises
    ------
    FileFormatError
        Damaged, of unequal sizes, or as many views as the geometry does not have.
    """
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    frames = _frames(path)
    rows, bins = check_page(path, frames)
    told, source = (geometry, "the geometry") if geometry else _geometry(path, len(frames), bins, angles_deg)
    scan, cone = fitted(path, told, len(frames), rows, bins)
    flats = _side(folder, ("flat", "white")) if path.is_dir() else []
    darks = _side(folder, ("dark",)) if path.is_dir() else []
    for name, others in (("flats", flats), ("darks", darks)):
        if others and (shape := check_page(path, others)) != (rows, bins):
            raise FileFormatError(
                f"{path}: {name} have {shape[0]} × {shape[1]} pixels and projections {rows} × {bins}; they "
                "must be of the same detector and region."
            )
    found = RawScan(
        path, "TIFF stack", scan, rows, stack_rows(path, frames),
        stack_rows(path, flats) if flats else None, stack_rows(path, darks) if darks else None,
        values="counts" if flats else None, cone=cone, angles_from=source,
        files=tuple(dict.fromkeys(page[0] for page in [*frames, *flats, *darks])),
    )  # fmt: skip
    return found if angles_deg is None else found.told(angles_deg=angles_deg)


Page = tuple[Path, int]
"""A file and which of its pages."""


def _frames(path: Path) -> list[Page]:
    if not path.is_dir():
        return _pages(path)
    names = [p for p in path.iterdir() if is_tiff(p)]
    views = [p for p in names if not p.name.lower().startswith(("flat", "white", "dark"))]
    if not views:
        raise FileFormatError(f"{path}: the folder holds no TIFF file.")
    return [(p, 0) for p in sorted(views, key=by_number)] if len(views) > 1 else _pages(views[0])


def _side(folder: Path, words: tuple[str, ...]) -> list[Page]:
    inside = [p for word in words for p in folder.glob(f"{word}s/*") if is_tiff(p)]
    beside = [p for p in folder.iterdir() if is_tiff(p) and p.name.lower().startswith(words)]
    return [page for p in sorted([*inside, *beside], key=by_number) for page in _pages(p)]


def by_number(path: Path) -> tuple[Any, ...]:
    """Return a key that sorts ``view_2`` before ``view_10``."""
    return tuple(int(t) if t.isdigit() else t for t in re.split(r"(\d+)", path.name))


def _pages(path: Path) -> list[Page]:
    import tifffile

    # tifffile only logs where the chain of pages breaks off, and takes what is left for the whole
    with _listening() as heard, readable(path, "TIFF file"), tifffile.TiffFile(path) as file:
        count = len(file.pages)
    if broken := [text for text in heard if "TiffPages" in text]:
        raise FileFormatError(f"{path}: breaks off after {count} pictures, or is damaged: {broken[0][:120]}")
    if not count:
        raise FileFormatError(f"{path}: holds no picture; the file is damaged.")
    return [(path, i) for i in range(count)]


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Collect what tifffile logs, in place of printing it."""
    heard: list[str] = []
    logger = logging.getLogger("tifffile")
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    passing, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield heard
    finally:
        logger.removeHandler(handler)
        logger.propagate = passing


def check_page(path: Path, frames: Sequence[Page]) -> tuple[int, int]:
    """Return the shape of the first frame; the rest is compared when it is read."""
    import tifffile

    with _listening(), readable(frames[0][0], "TIFF file"), tifffile.TiffFile(frames[0][0]) as file:
        page = file.pages[frames[0][1]]
        if len(page.shape) != 2 or page.dtype is None or page.dtype.kind not in "fiu":
            raise FileFormatError(
                f"{frames[0][0]}: is {page.dtype} of shape {page.shape}, and a grey picture is expected."
            )
        return int(page.shape[0]), int(page.shape[1])


def _geometry(path: Path, views: int, bins: int, angles_deg: Angles | None) -> tuple[Known, str]:
    """Return how pictures were taken, and what tells it: a file beside them, or nothing."""
    folder = path if path.is_dir() else path.parent
    if (folder / GEOMETRY).exists():
        found = read_geometry(folder / GEOMETRY)
        return found, GEOMETRY
    # angles that are stated come in their place; a file of another scan's must not be in the way
    side = side_file(folder, path.stem) if angles_deg is None else None
    angles = assumed(views) if side is None else from_file(side, views)
    return ParallelGeometry(Ordered(angles), (bins, bins), bins), "" if side is None else side.name


def stack_rows(path: Path, frames: Sequence[Page]) -> RowReader:
    """Return the function that reads some rows of all frames, touching only their bytes where it can."""

    def load(start: int, stop: int) -> NDArray[Any]:
        parts = [_part(page, start, stop) for page in frames]
        for (name, _), part in zip(frames, parts, strict=True):
            if part.shape != parts[0].shape or part.dtype.kind not in "fiu":
                raise FileFormatError(
                    f"{name}: is {part.dtype} with rows of {part.shape[1]} pixels, unlike the first view of "
                    f"the stack, {parts[0].dtype} with {parts[0].shape[1]}."
                )
        return np.stack(parts, 1)

    return load


def _part(page: Page, start: int, stop: int) -> NDArray[Any]:
    import tifffile

    with _listening(), readable(page[0], "TIFF file"):
        try:
            found: NDArray[Any] = tifffile.memmap(page[0], page=page[1], mode="r")
        except ValueError:  # compressed, or in pieces
            found = tifffile.imread(page[0], key=page[1])
        if found.ndim != 2 or found.shape[0] < stop:
            raise FileFormatError(f"{page[0]}: has shape {found.shape}, unlike the first view of the stack.")
        return np.array(found[start:stop])
