"""Two pictures as SVG text: bars of ratios, and curves of growth. Drawn by hand so that they never differ."""

from __future__ import annotations

import math
from html import escape

from bench.running import Row, met

WIDTH, BAR, LEFT = 860, 17, 330
GOOD, BAD, PLAIN, PEER = "#1f7a4d", "#b3261e", "#4a6fa5", "#999999"


def _svg(width: int, height: int, body: list[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-size="11" '
            'font-family="sans-serif">',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            *body,
            "</svg>\n",
        ]
    )


def ratios(rows: list[Row]) -> str:
    """Return one bar per row: its ratio on a logarithmic axis, the target as a tick."""
    low = min(0.1, *(r["ratio"] for r in rows)) if rows else 0.1
    high = max(10.0, *(r["ratio"] for r in rows)) if rows else 10.0
    scale = (WIDTH - LEFT - 60) / math.log(high / low)
    place = lambda ratio: LEFT + math.log(ratio / low) * scale  # noqa: E731
    height = BAR * len(rows) + 44
    body = []
    for power in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1):
        x, strong = place(10.0**power), power == 0
        body.append(
            f'<path d="M{x:.1f} 8V{height - 26}" stroke="{"#555555" if strong else "#dddddd"}"/>'
            f'<text x="{x:.1f}" y="{height - 12}" text-anchor="middle">{10.0**power:g}</text>'
        )
    body.append(f'<text x="{WIDTH - 8}" y="{height - 12}" text-anchor="end">ours / peer</text>')
    for i, row in enumerate(rows):
        body += _bar(row, 10 + i * BAR, place(1.0), place(row["ratio"]), place(row["target"] or low))
        if row["target"] is not None:
            x = place(row["target"])
            body.append(f'<path d="M{x:.1f} {10 + i * BAR}v{BAR - 3}" stroke="#000000" stroke-width="2"/>')
    return _svg(WIDTH, height, body)


def _bar(row: Row, y: int, one: float, x: float, target: float) -> list[str]:
    colour = {None: PLAIN, True: GOOD, False: BAD}[met(row)]
    left, width = min(one, x), max(1.0, abs(x - one))
    return [
        f'<text x="{LEFT - 8}" y="{y + 11}" text-anchor="end">{escape(row["case"])}</text>',
        f'<rect x="{left:.1f}" y="{y + 2}" width="{width:.1f}" height="{BAR - 6}" fill="{colour}"/>',
        f'<text x="{max(one, x, target) + 5:.1f}" y="{y + 11}" fill="#333333">{row["ratio"]:.2f}</text>',
    ]


def curves(rows: list[Row]) -> str:
    """Return one panel per curve: both sides on doubly logarithmic axes, with a line of slope one."""
    names = list(dict.fromkeys(r["curve"] for r in rows if r["curve"]))
    size, gap = 250, 40
    body: list[str] = []
    for i, name in enumerate(names):
        members = sorted((r for r in rows if r["curve"] == name), key=lambda r: r["x"])
        body += _panel(name, members, gap + i * (size + gap), 24, size - 30)
    return _svg(gap + len(names) * (size + gap), size + 62, body)


def _panel(name: str, rows: list[Row], left: int, top: int, size: int) -> list[str]:
    xs = [math.log(r["x"]) for r in rows]
    both = [math.log(r[k]) for r in rows for k in ("ours_ms", "peer_ms")]
    x0, y0 = min(xs), min(both)
    span = max(max(xs) - x0, max(both) - y0) or 1.0
    spot = lambda x, y: (  # noqa: E731
        f"{left + (x - x0) / span * size:.1f},{top + size - (y - y0) / span * size:.1f}"
    )
    linear = f"{spot(xs[0], y0)} {spot(xs[-1], y0 + xs[-1] - xs[0])}"
    body = [
        f'<rect x="{left}" y="{top}" width="{size}" height="{size}" fill="none" stroke="#bbbbbb"/>',
        f'<text x="{left + size / 2:g}" y="{top - 8}" text-anchor="middle">time over {escape(name)}</text>',
        f'<polyline points="{linear}" fill="none" stroke="#cccccc" stroke-dasharray="4 4"/>',
    ]
    for key, colour in (("peer_ms", PEER), ("ours_ms", PLAIN)):
        points = " ".join(spot(x, math.log(r[key])) for x, r in zip(xs, rows, strict=True))
        body.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    ends = (
        f"{rows[0]['x']:,} … {rows[-1]['x']:,}: ours {rows[0]['ours_ms']:.3g} … {rows[-1]['ours_ms']:.3g} ms"
    )
    body.append(f'<text x="{left}" y="{top + size + 16}">{ends}</text>')
    body.append(
        f'<text x="{left}" y="{top + size + 32}" fill="#666666">blue ours, grey peer, dashed linear</text>'
    )
    return body
