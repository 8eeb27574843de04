"""HDF5 scans of synchrotrons: DXchange (``/exchange/data``) and NeXus' NXtomo (``image_key``).

Both hold counts ``(views, rows, bins)`` with frames without sample and without beam; DXchange in datasets of
their own, NXtomo among the projections, told apart by a key. Ordered are degrees. Where the distances of
source and detector from the sample are told (``source/distance``, ``detector/distance``, NeXus's own words),
rays are a cone, unless they part too little to be told from parallel ones.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wellposed.errors import FileFormatError
from wellposed_ct.files.doubts import degrees_of
from wellposed_ct.files.opening import opened
from wellposed_ct.files.scan import RawScan, RowReader, central_plane
from wellposed_ct.geometry import ConeGeometry, FanGeometry, ParallelGeometry
from wellposed_ct.geometry.angles import Ordered

__all__ = ["open_hdf5"]

MILLIMETRES = {"m": 1e3, "cm": 10.0, "mm": 1.0, "um": 1e-3, "µm": 1e-3, "micron": 1e-3, "nm": 1e-6}

PROJECTION, FLAT, DARK = 0, 1, 2
"""Values of NXtomo's ``image_key``."""

MAX_FRAMES = 2**20


def open_hdf5(
    path: str | PathLike[str], size: tuple[int, int] | None = None, pixel_mm: float | None = None
) -> RawScan:
    """Open a DXchange or NXtomo file.

    Parameters
    ----------
    path
        The file.
    size
        Rows and columns of a slice; by default as many as detector bins.
    pixel_mm
        Distance of bins, and of a parallel beam the side of a pixel too; by default what the file says, or
        1 mm.

    Raises
    ------
    FileFormatError
        Neither format, damaged, or with angles, flats or darks that do not fit the projections.
    """
    path = Path(path)
    with opened(path) as file:
        if "exchange/data" in file:
            return _dxchange(path, file, size, pixel_mm)
        found = _nxtomo_groups(file)
        if found is None:
            raise FileFormatError(
                f"{path}: neither DXchange (no /exchange/data) nor NXtomo (no image_key beside data)."
            )
        return _nxtomo(path, file, found, size, pixel_mm)


def _dxchange(path: Path, file: Any, size: tuple[int, int] | None, pixel_mm: float | None) -> RawScan:
    views, rows, bins = _shape(path, file, "exchange/data")
    whites, darks = ("exchange/data_white", "exchange/data_dark")
    for name in (whites, darks):
        if name in file and file[name].shape[1:] != (rows, bins):
            raise FileFormatError(
                f"{path}: {name} is {file[name].shape} and exchange/data {(views, rows, bins)}; flats, darks "
                "and projections must have the same rows and bins."
            )
    theta = file.get("exchange/theta")
    if theta is None:
        raise FileFormatError(f"{path}: has no exchange/theta, the angle of every view in degrees.")
    angles = degrees_of(path, theta[()], views, _units(theta))
    units = (_units(file["exchange/data"]) or "").lower()
    home = "measurement/instrument"
    spacing = _spacing(file, f"{home}/detector", ("pixel_size_y", "pixel_size_x"), pixel_mm)
    plane, more = _rays(angles, (rows, bins), spacing, size, _distances(file, home, "detector"))
    return RawScan(
        path, "DXchange", plane, rows, _rows(path, "exchange/data"),
        _rows(path, whites) if whites in file else None,
        _rows(path, darks) if darks in file else None,
        values="counts" if whites in file or units in ("counts", "count") else None, **more,
    )  # fmt: skip


def _rays(
    angles: NDArray[np.float64],
    detector: tuple[int, int],
    spacing: tuple[float, float],
    size: tuple[int, int] | None,
    distances: tuple[float, float] | None,
) -> tuple[ParallelGeometry | FanGeometry, dict[str, Any]]:
    """Return the plane of the scan, and ``cone`` where rays part by half a bin or more, else ``row_mm``.

    Over a field of view of half width w, a source at a distance R parts rays by w²/R from parallel ones.
    """
    (rows, bins), (row_mm, bin_mm) = detector, spacing
    plane = size or (bins, bins)
    if distances is not None:
        near, far = distances[0], sum(distances)
        half = max(rows * row_mm, bins * bin_mm) / 2 * near / far
        if half**2 / near >= bin_mm * near / far / 2:
            cone = ConeGeometry(Ordered(angles), (rows, *plane), near, far, detector, spacing)
            return central_plane(cone), {"cone": cone}
        row_mm, bin_mm = row_mm * near / far, bin_mm * near / far
    return ParallelGeometry(Ordered(angles), plane, bins, bin_mm), {"row_mm": row_mm}


def _distances(file: Any, instrument: str, detector: str) -> tuple[float, float] | None:
    """Return how far the source and the detector are from the sample, mm, where both are told."""
    # NeXus counts along the beam, so that the source's distance may be negative
    found = [_length(file, f"{instrument}/{part}/distance", signed=True) for part in ("source", detector)]
    if found[0] is None or found[1] is None or not abs(found[0]) > 0:
        return None
    return abs(found[0]), abs(found[1])


def _spacing(file: Any, group: str, names: tuple[str, str], stated: float | None) -> tuple[float, float]:
    """Return the distance of rows and of bins, mm; both 1 where nothing is told."""
    if stated is not None:
        return stated, stated
    row, column = (_length(file, f"{group}/{name}") for name in names)
    return row or column or 1.0, column or row or 1.0


def _nxtomo_groups(file: Any) -> str | None:
    """Return the group that holds ``image_key`` and ``data``."""
    found: list[str] = []

    def visit(name: str, item: Any) -> bool | None:
        if name.rpartition("/")[2] == "image_key" and hasattr(item, "shape") and "data" in item.parent:
            found.append(item.parent.name)
            return True
        return None

    file.visititems(visit)
    return found[0] if found else None


def _nxtomo(
    path: Path, file: Any, group: str, size: tuple[int, int] | None, pixel_mm: float | None
) -> RawScan:
    frames, rows, bins = _shape(path, file, f"{group}/data")
    key = np.asarray(file[f"{group}/image_key"][()]).ravel()
    if len(key) != frames:
        raise FileFormatError(f"{path}: {len(key)} image keys for {frames} frames; every frame needs one.")
    places = [np.flatnonzero(key == k) for k in (PROJECTION, FLAT, DARK)]
    if not len(places[0]):
        raise FileFormatError(f"{path}: no frame is a projection (image_key 0).")
    angles = _rotation(path, file, group, frames, places[0])
    data = f"{group}/data"
    spacing = _spacing(file, group, ("y_pixel_size", "x_pixel_size"), pixel_mm)
    home, _, detector = group.rpartition("/")
    plane, more = _rays(angles, (rows, bins), spacing, size, _distances(file, home, detector))
    return RawScan(
        path, "NXtomo", plane, rows, _rows(path, data, places[0]),
        _rows(path, data, places[1]) if len(places[1]) else None,
        _rows(path, data, places[2]) if len(places[2]) else None,
        values="counts" if len(places[1]) else None, **more,
    )  # fmt: skip


def _rotation(
    path: Path, file: Any, group: str, frames: int, chosen: NDArray[np.int64]
) -> NDArray[np.float64]:
    found: list[Any] = []

    def visit(name: str, item: Any) -> bool | None:
        if name.rpartition("/")[2] == "rotation_angle" and hasattr(item, "shape"):
            found.append(item)
            return True
        return None

    file.visititems(visit)
    if not found:
        raise FileFormatError(f"{path}: has no rotation_angle, the angle of every frame in degrees.")
    values = np.asarray(found[0][()], np.float64).ravel()
    if len(values) == frames:
        values = values[chosen]
    return degrees_of(path, values, len(chosen), _units(found[0]))


def _shape(path: Path, file: Any, name: str) -> tuple[int, int, int]:
    shape = file[name].shape
    if len(shape) != 3 or 0 in shape or shape[0] > MAX_FRAMES or file[name].dtype.kind not in "fiu":
        raise FileFormatError(
            f"{path}: {name} is {file[name].dtype} of shape {shape}; real numbers (views, rows, bins) are "
            "expected."
        )
    return int(shape[0]), int(shape[1]), int(shape[2])


def _rows(path: Path, name: str, frames: NDArray[np.int64] | None = None) -> RowReader:
    """Return the function that reads rows of a dataset, opening the file each time."""

    def load(start: int, stop: int) -> NDArray[Any]:
        with opened(path) as file:
            data = file[name]
            part = data[:, start:stop] if frames is None else _chosen(data, frames, start, stop)
            return np.ascontiguousarray(part.transpose(1, 0, 2))

    return load


def _chosen(data: Any, frames: NDArray[np.int64], start: int, stop: int) -> NDArray[Any]:
    """Read frames in contiguous runs: h5py's own selection by index is slow by the frame."""
    runs = np.split(frames, np.flatnonzero(np.diff(frames) != 1) + 1)
    return np.concatenate([data[run[0] : run[-1] + 1, start:stop] for run in runs])


def _units(dataset: Any) -> str | None:
    value = dataset.attrs.get("units")
    if value is None:
        return None
    text = np.asarray(value).ravel()[0]
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


def _length(file: Any, name: str, signed: bool = False) -> float | None:
    """Return a length in mm where the file tells one with a unit that is known."""
    if name not in file or not hasattr(file[name], "shape") or file[name].dtype.kind not in "fiu":
        return None
    factor = MILLIMETRES.get((_units(file[name]) or "").lower())
    values = np.asarray(file[name][()], np.float64).ravel()
    if factor is None or not len(values) or not np.isfinite(values[0]):
        return None
    return float(values[0] * factor) if signed or values[0] > 0 else None
