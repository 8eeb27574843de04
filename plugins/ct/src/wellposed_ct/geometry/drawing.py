"""Scans drawn as SVG: enough to see a wrong offset, span or field of view at a glance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wellposed_ct.geometry.fan import FanGeometry
    from wellposed_ct.geometry.parallel import ParallelGeometry

SIDE = 260.0
"""Side of the drawing, in SVG units."""


def draw_parallel(geometry: ParallelGeometry) -> str:
    """Return the scan as SVG: image, field of view, one view's rays and detector, every view's direction."""
    s = geometry.positions_mm()
    reach = max(abs(s[0]), abs(s[-1]), _image_reach(geometry))
    k = 0.40 * SIDE / reach
    seen = min(abs(s[0]), abs(s[-1])) if s[0] * s[-1] <= 0 else 0.0
    return _figure(
        geometry,
        [
            *_image(geometry, seen, k),
            *(_tick(a, 1.06 * k * reach) for a in geometry.angles[:: max(1, geometry.views // 180)]),
            *_view(geometry.angles[0], s[0], s[-1], reach, k),
        ],
    )


def draw_fan(geometry: FanGeometry) -> str:
    """Return the scan as SVG: image, field of view, one view's source, rays and detector, all sources."""
    gamma, source, angle = geometry.ray_angles(), geometry.source_axis_mm, geometry.angles[0]
    t = geometry.positions_mm()
    c, s = math.cos(geometry.tilt), math.sin(geometry.tilt)
    if geometry.detector == "curved":
        d = geometry.source_detector_mm
        ends = [(d * math.sin(g), d * math.cos(g) - source) for g in gamma[:: max(1, len(gamma) // 16)]]
        ends.append((d * math.sin(gamma[-1]), d * math.cos(gamma[-1]) - source))
    else:
        ends = [(u * c, geometry.source_detector_mm + u * s - source) for u in (t[0], t[-1])]
    reach = max(source, _image_reach(geometry), *(math.hypot(*end) for end in ends))
    k = 0.46 * SIDE / reach
    low, high = float(gamma.min()), float(gamma.max())
    seen = source * math.sin(min(-low, high)) if low < 0 < high else 0.0
    start = _point(angle, 0.0, -source, k)
    rays = "".join(f"M{start}L{_point(angle, *end, k)}" for end in (ends[0], ends[-1]))
    panel = "L".join(_point(angle, *end, k) for end in ends)
    x, y = start.split(",")
    return _figure(
        geometry,
        [
            *_image(geometry, seen, k),
            *(_tick(a, k * source) for a in geometry.angles[:: max(1, geometry.views // 180)]),
            f'<path d="{rays}" stroke="#cc6677" stroke-width="0.6" fill="none"/>',
            f'<circle cx="{x}" cy="{y}" r="3" fill="#cc6677"/>',
            f'<path d="M{panel}" stroke="#117733" stroke-width="3" fill="none"/>',
        ],
    )


def _image_reach(geometry: ParallelGeometry | FanGeometry) -> float:
    return math.hypot(*geometry.size) * geometry.pixel_mm / 2 + math.hypot(*geometry.centre_mm)


def _image(geometry: ParallelGeometry | FanGeometry, seen: float, k: float) -> list[str]:
    """Return the image's frame, the circle that all views see, and the axis."""
    rows, columns = geometry.size
    p, (cx, cy) = geometry.pixel_mm, geometry.centre_mm
    return [
        f'<rect x="{k * (cx - columns * p / 2):.2f}" y="{k * (-cy - rows * p / 2):.2f}" '
        f'width="{k * columns * p:.2f}" height="{k * rows * p:.2f}" fill="#4477aa33" stroke="#4477aa"/>',
        f'<circle r="{k * seen:.2f}" fill="none" stroke="#999" stroke-dasharray="3 3"/>',
        '<circle r="2" fill="#333"/>',
    ]


def _figure(geometry: ParallelGeometry | FanGeometry, parts: list[str]) -> str:
    half = SIDE / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-half} {-half} {SIDE} {SIDE}" width="{SIDE:g}" '
        f'role="img"><title>{geometry!r}</title>{"".join(parts)}</svg>'
    )


def _tick(angle: float, radius: float) -> str:
    """Return a mark where the rays of a view come from: direction (sin θ, −cos θ), y pointing up."""
    x, y = radius * math.sin(angle), radius * math.cos(angle)
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{1.05 * x:.1f}" y2="{1.05 * y:.1f}" stroke="#cc6677"/>'


def _point(angle: float, along: float, ahead: float, k: float) -> str:
    """Return a point, so far along a view's detector and ahead of the axis, as the drawing counts."""
    c, s = math.cos(angle), math.sin(angle)
    return f"{k * (along * c - ahead * s):.2f},{-k * (along * s + ahead * c):.2f}"


def _view(angle: float, low: float, high: float, reach: float, k: float) -> list[str]:
    """Return the outer rays and the detector of one view."""
    rays = [f"M{_point(angle, t, -reach, k)}L{_point(angle, t, reach, k)}" for t in (low, high)]
    return [
        f'<path d="{"".join(rays)}" stroke="#cc6677" stroke-width="0.6" fill="none"/>',
        f'<path d="M{_point(angle, low, reach, k)}L{_point(angle, high, reach, k)}" stroke="#117733" '
        'stroke-width="3"/>',
    ]
