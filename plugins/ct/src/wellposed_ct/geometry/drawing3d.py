"""Scans in space drawn as SVG: from above and from the side, sources and the panel of the first view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from wellposed_ct.geometry.space import Scan

SIDE = 260.0
"""Side of each of the two drawings, in SVG units."""


def draw_scan(scan: Scan) -> str:
    """Return the scan as SVG: x against y (from above) and x against z (from the side)."""
    table = scan.vectors().reshape(-1, 4, 3)
    rows, columns = scan.detector
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (columns / 2, rows / 2)
    panel = table[0, 1] + corners @ table[0, 2:]
    half = np.array(scan.size[::-1]) * np.array(scan.voxel_mm[::-1]) / 2
    box = np.array(scan.centre_mm) + np.array([-half, half])
    sources = np.zeros((0, 3)) if scan.parallel else table[:, 0]
    reach = float(np.abs(np.concatenate([panel, box, sources])).max())
    k = 0.47 * SIDE / reach
    views = [_side(box * k, panel * k, sources * k, axes) for axes in ((0, 1), (0, 2))]
    start = -SIDE / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{start} {start} {2 * SIDE} {SIDE}" '
        f'width="{2 * SIDE:g}" role="img"><title>{scan!r}</title><g>{views[0]}</g>'
        f'<g transform="translate({SIDE:g} 0)">{views[1]}</g></svg>'
    )


def _side(
    box: NDArray[np.float64], panel: NDArray[np.float64], sources: NDArray[np.float64], axes: tuple[int, int]
) -> str:
    a, b = axes

    def at(p: NDArray[np.float64]) -> str:
        return f"{p[a]:.2f},{-p[b]:.2f}"

    low, high = box
    rays = "".join(f"M{at(sources[0])}L{at(p)}" for p in panel) if len(sources) else ""
    dots = sources[:: max(1, len(sources) // 180)]
    return (
        f'<rect x="{low[a]:.2f}" y="{-high[b]:.2f}" width="{high[a] - low[a]:.2f}" '
        f'height="{high[b] - low[b]:.2f}" fill="#4477aa33" stroke="#4477aa"/>'
        f'<path d="{rays}" stroke="#cc6677" stroke-width="0.6" fill="none"/>'
        f'<path d="M{"L".join(at(p) for p in panel)}Z" stroke="#117733" stroke-width="2" fill="#11773322"/>'
        + "".join(f'<circle cx="{p[a]:.1f}" cy="{-p[b]:.1f}" r="1.2" fill="#cc6677"/>' for p in dots)
        + '<circle r="2" fill="#333"/>'
    )
