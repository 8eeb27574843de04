"""What a CT run's report adds: slices with level and width, how well the data are explained, and profiles.

Each function takes a run and returns HTML, or nothing where the physics is not one of this pack's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wellposed_ct.report.charts import line_chart
from wellposed_ct.report.pictures import Shown, windowed

__all__ = ["profiles", "sinograms", "slices"]

TRUTH = "Ground truth"

MOST = 6
"""How many methods' residuals are shown."""


def slices(run: Any) -> str:
    """Return the reconstructions, and the truth where it is known, with one level and width for all."""
    found = _images(run)
    if not found:
        return ""
    note = "" if next(iter(found.values())).ndim == 2 else "middle slice"
    shown = [Shown(name, _plane(x), note) for name, x in found.items()]
    return windowed(shown) + '<p class="note">Attenuation in 1/mm. Level is what is mid-grey.</p>'


def sinograms(run: Any) -> str:
    """Return the measured sinogram, and what each reconstruction leaves of it unexplained."""
    operator = _operator(run)
    if operator is None or not isinstance(run.measurement.y, Tensor):
        return ""
    y = run.measurement.y[:1].detach().cpu()
    left = [
        _unexplained(o.method, y, operator, o.image[:1])
        for o in run.outcomes
        if not o.is_input and o.image is not None and o.image.shape[1:] == operator.domain.shape
    ]
    if not left:
        return ""
    measured = _drawn("Measured", y, "sinogram" if y.ndim == 4 else "middle row")
    scale = '<p class="note">Nepers; views run downwards, detector bins to the right.</p>'
    return (
        windowed([measured])
        + scale
        + "<h3>What is not explained: y − Ax</h3>"
        + windowed(left[:MOST], symmetric=True)
        + '<p class="note">Noise leaves no structure; stripes are rings, bands are hardening or scatter, '
        "curves are a wrong centre or an object beyond the image.</p>"
    )


def profiles(run: Any) -> str:
    """Return the attenuation along the middle row and column of every reconstruction."""
    found = {name: _plane(x) for name, x in _images(run).items()}
    if not found:
        return ""
    rows, columns = next(iter(found.values())).shape
    found = {name: x for name, x in found.items() if x.shape == (rows, columns)}
    dy, dx = _pixel(_operator(run))
    across = (np.arange(columns) - (columns - 1) / 2) * dx
    down = (np.arange(rows) - (rows - 1) / 2) * dy
    return (
        '<div class="charts">'
        + line_chart(across, {n: x[rows // 2] for n, x in found.items()}, "mm along the middle row", "1/mm")
        + line_chart(
            down, {n: x[:, columns // 2] for n, x in found.items()}, "mm down the middle column", "1/mm"
        )
        + "</div>"
    )


def _operator(run: Any) -> Any:
    """Return the run's projector, or ``None`` where its physics is something else."""
    physics = getattr(getattr(run, "measurement", None), "physics", None)
    operator = getattr(physics, "operator", physics)
    ours = type(operator).__module__.partition(".")[0] == "wellposed_ct"
    return operator if ours and hasattr(operator, "geometry") else None


def _images(run: Any) -> dict[str, NDArray[np.float64]]:
    """Return the first sample's first channel of every result, and of the truth."""
    if _operator(run) is None:
        return {}
    found = {o.method: o.image for o in run.outcomes if not o.is_input and o.image is not None}
    if isinstance(run.measurement.reference, Tensor):
        found[TRUTH] = run.measurement.reference
    return {
        name: x[0, 0].detach().cpu().double().numpy()
        for name, x in found.items()
        if x.ndim in (4, 5) and not x.is_complex()
    }


def _unexplained(name: str, y: Tensor, operator: Any, x: Tensor) -> Shown:
    with torch.no_grad():
        explained = operator.A(x.detach().cpu().to(operator.domain.dtype))
    residual = y - explained.to(y.dtype)
    share = float(residual.norm() / y.norm().clamp(min=1e-30))
    return _drawn(name, residual, f"residual, {100 * share:.3g} % of the data")


def _drawn(name: str, y: Tensor, note: str) -> Shown:
    """Return views × bins, with views or bins repeated where the picture would else be a thin strip."""
    plane = _views(y)
    views, bins = plane.shape
    tall, wide = max(1, bins // (2 * views)), max(1, views // (2 * bins))
    if tall > 1:
        note += f"; each view drawn {tall} rows high"
    if wide > 1:
        note += f"; each bin drawn {wide} columns wide"
    return Shown(name, plane.repeat(tall, 0).repeat(wide, 1), note)


def _plane(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return x if x.ndim == 2 else x[len(x) // 2]


def _views(y: Tensor) -> NDArray[np.float64]:
    """Return views × bins of the first sample; of a panel, its middle row."""
    data = y[0, 0].double().numpy()
    return np.asarray(data if data.ndim == 2 else data[:, data.shape[1] // 2])


def _pixel(operator: Any) -> tuple[float, float]:
    """Return the sides of a pixel along rows and columns, mm."""
    scan = operator.geometry
    if hasattr(scan, "pixel_mm"):
        return float(scan.pixel_mm), float(scan.pixel_mm)
    return float(scan.voxel_mm[1]), float(scan.voxel_mm[2])
