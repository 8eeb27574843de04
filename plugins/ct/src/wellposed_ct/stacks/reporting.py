"""The report of a large run: of its middle slice, which is a small problem of its own.

Of a cone beam it is the slice in the plane of the source, whose rays are a fan.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wellposed.errors import ParameterError
from wellposed.measurement import Measurement
from wellposed.runs import Method, Outcome, Run, RunFolder, execute, write_reports
from wellposed_ct.corrections import Chain
from wellposed_ct.files.scan import RawScan

__all__ = ["middle_of", "open_report", "report_of"]


def open_report(path: Path | None, scan: RawScan, rows: tuple[int, int] | None, force: bool) -> Any:
    """Return the folder of a report, made now so that it is known to be free; ``None`` where none is wanted.

    Raises :class:`ParameterError` where the slices do not include the one to show.
    """
    if path is None:
        return None
    if scan.cone is not None:
        low, high = _around(scan)
        first, last = rows or (0, scan.cone.size[0])
        scan.middle()
        if not first <= low <= high < last:
            raise ParameterError(
                f"--report shows the slice in the plane of the source, {low}, and --rows {first}:{last} "
                "leave it out; leave --report out, or take more rows."
            )
    return RunFolder.open(path, overwrite=force)


def middle_of(scan: RawScan, volume: Any, first: int) -> NDArray[np.float32]:
    """Return the slice ``(H, W)`` to show of finished slices, the first of which is number ``first``."""
    if scan.cone is None:
        return np.asarray(volume[len(volume) // 2], np.float32)
    low, high = _around(scan)
    return np.asarray((volume[low - first] + volume[high - first]) / 2, np.float32)


def report_of(
    scan: RawScan,
    plan: Any,
    image: NDArray[np.float32],
    row: int,
    method: Method,
    seconds: float,
    folder: RunFolder,
    history: str,
) -> Path | None:
    """Write the report of a slice that was made by ``method``, and return its page."""
    one = scan if scan.cone is None else scan.middle()
    row = row if scan.cone is None else 0
    with torch.no_grad():
        y, physics = Chain(plan.corrections)(one.nepers(row, row + 1), one.physics())
    found = Measurement(y, physics, meta={"source": scan.path.name, "pixel_mm": scan.geometry.pixel_mm})
    made = Outcome(
        method.label, torch.from_numpy(image)[None, None], {}, seconds, {}, dict(method.parameters)
    )
    title = f"{scan.path.name}, {'row' if scan.cone is None else 'slice'} in the middle"
    run = Run(title, found, (method,), outcomes=(made,), config={"made by": history})
    pages = write_reports(execute(run, history=False), folder)
    return pages[0] if pages else None


def _around(scan: RawScan) -> tuple[int, int]:
    """Return the two slices of a volume around the plane of the source; the same where one is in it."""
    assert scan.cone is not None
    place = (scan.cone.size[0] - 1) / 2 - scan.cone.centre_mm[2] / scan.cone.voxel_mm[0]
    return int(np.floor(place + 1e-9)), int(np.ceil(place - 1e-9))
