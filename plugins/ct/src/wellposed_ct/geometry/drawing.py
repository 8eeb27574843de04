"""Scans drawn as SVG: enough to see a wrong offset, span or field of view at a glance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wellposed_ct.geometry.parallel import ParallelGeometry

SIDE = 260.0
"""Side of the drawing, in SVG units."""


def draw_parallel(geometry: ParallelGeometry) -> str:
    """Return the scan as SVG: image, field of view, one view's rays and detector, every view's direction."""
    rows, columns = geometry.size
    p, (cx, cy) = geometry.pixel_mm, geometry.centre_mm
    s = geometry.positions_mm()
    reach = max(abs(s[0]), abs(s[-1]), math.hypot(columns, rows) * p / 2 + math.hypot(cx, cy))
    k = 0.40 * SIDE / reach
    seen = min(abs(s[0]), abs(s[-1])) if s[0] * s[-1] <= 0 else 0.0
    parts = [
        f'<rect x="{k * (cx - columns * p / 2):.2f}" y="{k * (-cy - rows * p / 2):.2f}" '
        f'width="{k * columns * p:.2f}" height="{k * rows * p:.2f}" fill="#4477aa33" stroke="#4477aa"/>',
        f'<circle r="{k * seen:.2f}" fill="none" stroke="#999" stroke-dasharray="3 3"/>',
        '<circle r="2" fill="#333"/>',
        *(_tick(a, 1.06 * k * reach) for a in geometry.angles[:: max(1, geometry.views // 180)]),
        *_view(geometry.angles[0], s[0], s[-1], reach, k),
    ]
    half = SIDE / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-half} {-half} {SIDE} {SIDE}" width="{SIDE:g}" '
        f'role="img"><title>{geometry!r}</title>{"".join(parts)}</svg>'
    )


def _tick(angle: float, radius: float) -> str:
    """Return a mark where the rays of a view come from: direction (sin θ, −cos θ), y pointing up."""
    x, y = radius * math.sin(angle), radius * math.cos(angle)
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{1.05 * x:.1f}" y2="{1.05 * y:.1f}" stroke="#cc6677"/>'


def _view(angle: float, low: float, high: float, reach: float, k: float) -> list[str]:
    """Return the outer rays and the detector of one view."""
    c, s = math.cos(angle), math.sin(angle)

    def point(along: float, depth: float) -> str:
        return f"{k * (along * c - depth * s):.2f},{-k * (along * s + depth * c):.2f}"

    rays = [f"M{point(t, -reach)}L{point(t, reach)}" for t in (low, high)]
    return [
        f'<path d="{"".join(rays)}" stroke="#cc6677" stroke-width="0.6" fill="none"/>',
        f'<path d="M{point(low, reach)}L{point(high, reach)}" stroke="#117733" stroke-width="3"/>',
    ]
