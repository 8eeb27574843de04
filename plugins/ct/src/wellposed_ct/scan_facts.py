"""What ``wellposed ct info`` says: what a scan is, what it will take, and what looks wrong with it."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from wellposed.errors import FileFormatError
from wellposed_ct.files import open_scan
from wellposed_ct.files.doubts import angle_warnings
from wellposed_ct.files.scan import RawScan
from wellposed_ct.geometry import FanGeometry
from wellposed_ct.methods import FBP
from wellposed_ct.stacks.memory import bytes_per_row

__all__ = ["describe"]


def describe(path: Path, geometry: Path | None = None, **stated: Any) -> dict[str, Any]:
    """Return the facts about a scan by name; ``warnings`` is a list of sentences.

    ``stated`` are ``values``, ``blank`` and ``angles_deg`` of :func:`~wellposed_ct.open_scan`.
    """
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        scan = open_scan(path, geometry, volume=True, **stated)
        facts = {**_geometry(scan), **_values(scan)}
        notes = [*scan.notes, *angle_warnings(np.array(scan.geometry.angles))]
        cost, trouble = _cost(scan)
    notes += [str(w.message) for w in heard if issubclass(w.category, UserWarning)]
    return {**facts, **cost, "warnings": list(dict.fromkeys([*notes, *trouble]))}


def _geometry(scan: RawScan) -> dict[str, Any]:
    g = scan.geometry
    angles = np.degrees(g.angles)
    facts: dict[str, Any] = {
        "format": scan.format, "beam": "fan" if isinstance(g, FanGeometry) else "parallel",
        "views": g.views, "angles deg": f"{angles[0]:.4g} to {angles[-1]:.4g}, {_told(scan)}",
        "rows": scan.rows, "bins": g.detectors, "bin mm": g.detector_mm, "slice": list(g.size),
        "pixel mm": g.pixel_mm, "axis mm": g.axis_mm,
    }  # fmt: skip
    if scan.cone is not None:
        facts |= {"beam": "cone", "slice": list(scan.cone.size[1:]), "slices": scan.cone.size[0]}
    if isinstance(g, FanGeometry):
        facts |= {"source-axis mm": g.source_axis_mm, "source-det mm": g.source_detector_mm}
        facts |= {"tilt deg": float(np.degrees(g.tilt))} if g.tilt else {}
    return facts


def _told(scan: RawScan) -> str:
    return f"by {scan.angles_from}" if scan.angles_from else "assumed"


def _values(scan: RawScan) -> dict[str, Any]:
    """Return what the middle row holds."""
    middle = scan.rows // 2
    raw = np.asarray(scan.raw(middle, middle + 1), np.float64)
    finite = raw[np.isfinite(raw)]
    span = f"{finite.min():.4g} to {finite.max():.4g}" if finite.size else "nothing finite"
    white = "no" if scan.blank is None else f"blank {scan.blank:g}"
    return {
        "values": f"{scan.values or 'not told'}, {span} in row {middle}",
        "flats": white if scan.flats is None else "yes",
        "darks": "no" if scan.darks is None else "yes",
    }  # fmt: skip


def _cost(scan: RawScan) -> tuple[dict[str, Any], list[str]]:
    """Return memory and time, and what went wrong while taking it."""
    each = bytes_per_row(scan.geometry)
    slices = scan.rows if scan.cone is None else scan.cone.size[0]
    facts: dict[str, Any] = {
        "data MiB": round(4 * scan.rows * scan.geometry.views * scan.geometry.detectors / 2**20, 1),
        "volume MiB": round(4 * slices * scan.geometry.size[0] * scan.geometry.size[1] / 2**20, 1),
        "MiB per slice": round(each / 2**20, 1),
    }
    middle = scan.rows // 2
    try:
        y, physics = scan.nepers(middle, middle + 1), scan.physics()
    except FileFormatError as error:
        return facts, [str(error)]
    notes = _oddities(y)
    if scan.cone is not None:
        return facts, notes
    FBP()(y, physics)  # compiles what has to be
    start = time.perf_counter()
    FBP()(y, physics)
    return {**facts, "FBP seconds": round((time.perf_counter() - start) * scan.rows, 2)}, notes


def _oddities(y: torch.Tensor) -> list[str]:
    notes = []
    air = float(torch.quantile(y[..., [0, -1]], 0.5))
    top = float(y.max())
    if top > 30:
        notes.append(f"nepers reach {top:.3g}: no detector sees e^-{top:.3g}; are these counts?")
    if abs(air) > 0.05 * top > 0:
        notes.append(
            f"the detector's ends see {air:.3g} nepers: the object is wider (--correct ct.truncation)"
        )
    negative = float((y < -0.1).float().mean())
    if negative > 0.01:
        notes.append(
            f"{100 * negative:.2g} % of the nepers are below −0.1: are these transmissions or counts?"
        )
    return notes
