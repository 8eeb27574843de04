"""Profiles as SVG in the page's own colours."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["line_chart"]

Curve: TypeAlias = NDArray[np.float64]

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 560.0, 250.0, 62.0, 38.0, 10.0

COLOURS = 8
"""How many colours the page has for curves."""


def line_chart(x: Curve, curves: Mapping[str, Curve], xlabel: str, ylabel: str) -> str:
    """Return curves over ``x`` with axes and a legend, as a ``<div class="chart">``."""
    values = np.concatenate([c[np.isfinite(c)] for c in curves.values()])
    if not values.size:
        return ""
    low, high = float(values.min()), float(values.max())
    pad = 0.05 * (high - low) or 1.0
    low, high = low - pad, high + pad
    first, last = float(x[0]), float(x[-1]) if x[-1] > x[0] else float(x[0]) + 1

    def across(v: float) -> float:
        return LEFT + (v - first) / (last - first) * (WIDTH - LEFT - 10)

    def up(v: float) -> float:
        return TOP + (high - v) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT + 20 * ((len(curves) + 2) // 3):g}" role="img" '
        f'aria-label="{escape(ylabel)} over {escape(xlabel)}" font-size="12">'
    ]
    for tick in _ticks(low, high):
        parts.append(
            f'<line x1="{LEFT:g}" x2="{WIDTH - 10:g}" y1="{up(tick):.1f}" y2="{up(tick):.1f}" '
            f'stroke="var(--line)"/><text x="{LEFT - 6:g}" y="{up(tick) + 4:.1f}" text-anchor="end" '
            f'fill="var(--muted)">{tick:g}</text>'
        )
    for tick in _ticks(first, last):
        parts.append(
            f'<text x="{across(tick):.1f}" y="{HEIGHT - BOTTOM + 16:.1f}" text-anchor="middle" '
            f'fill="var(--muted)">{tick:g}</text>'
        )
    middle = LEFT + (WIDTH - LEFT) / 2
    parts.append(
        f'<text x="{middle:g}" y="{HEIGHT - 4:g}" text-anchor="middle" fill="var(--muted)">'
        f"{escape(f'{xlabel}; {ylabel}')}</text>"
    )
    for i, (name, curve) in enumerate(curves.items()):
        colour = "var(--ink)" if name == "Ground truth" else f"var(--series-{i % COLOURS})"
        points = " ".join(
            f"{across(a):.1f},{up(b):.1f}" for a, b in zip(x, curve, strict=True) if np.isfinite(b)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        lx, ly = LEFT + 165 * (i % 3), HEIGHT + 10 + 20 * (i // 3)
        parts.append(
            f'<line x1="{lx:g}" x2="{lx + 18:g}" y1="{ly:g}" y2="{ly:g}" stroke="{colour}" stroke-width="3"/>'
            f'<text x="{lx + 24:g}" y="{ly + 4:g}" fill="var(--ink)">{escape(name[:22])}</text>'
        )
    return f'<div class="chart">{"".join(parts)}</svg></div>'


def _ticks(low: float, high: float) -> list[float]:
    """Return four to nine round numbers between ``low`` and ``high``."""
    raw = (high - low) / 6
    scale = 10.0 ** np.floor(np.log10(raw))
    step = scale * min((1, 2, 5, 10), key=lambda m: abs(m * scale - raw))
    found = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    return [float(f"{t:.6g}") for t in found]
